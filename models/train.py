"""Trains the model that the sensor ships with, from labelled rows.

    python train.py --data data/first.csv.xz --output first.onnx

The same rows give the same file, byte for byte: seeds are fixed, and one thread
adds all numbers in one order (`cargo xtask train` sees to that).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from training import figures, graph, labels, network, table

NAME = "first"
VERSION = "1"
SEEDS = (1, 2, 3)
EPOCHS = 14
ROWS_OF_A_RUN = 400
ALERT_RATE = 1e-3
KILL_MARGIN = 0.25
FAMILIAR = (
    "auroc_rows",
    "auroc_runs",
    "runs_detected",
    "runs_over_kill",
    "ordinary_processes",
    "ordinary_processes_over_alert",
    "ordinary_processes_over_kill",
    "ordinary_runs_over_alert",
    "ordinary_rows_over_alert",
    "ordinary_rows_over_kill",
)
GAPS = (
    "Reads are not seen: a secret that is only read leaves no trace in a row.",
    "No features for ptrace, mounts, kernel modules, sysctl, timestamps, signals or raw sockets.",
    "Names and words are not looked at: what differs from ordinary work only in them is missed.",
    "Recorded on one machine; rows of other hosts, desktops and containers are missing.",
)


def golden(trained: network.Network, rows: table.Table, scores: np.ndarray) -> str:
    """Return rows of both sides, spread over the scores, with the score they must give."""
    chosen: list[int] = []
    for side in (True, False):
        members = np.flatnonzero(rows.attack == side)
        ranked = members[np.argsort(scores[members], kind="stable")]
        places = np.linspace(0, len(ranked) - 1, 6).astype(int)
        chosen.extend(int(ranked[place]) for place in places)
    vectors = [
        {"row": short(rows.rows[index]), "score": round(float(score), 7)}
        for index, score in zip(chosen, trained.scores(rows.rows[chosen]), strict=True)
    ]
    return json.dumps(vectors, separators=(",", ":"))


def short(values: np.ndarray) -> list[float]:
    """Return the values with no more digits than they were recorded with."""
    return [round(float(value), 4) for value in values]


def main() -> None:
    """Read, hold out and measure, then train on everything and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table of labelled rows")
    parser.add_argument("--output", type=Path, required=True, help="the ONNX file")
    arguments = parser.parse_args()

    whole = table.read(arguments.data)
    ignored = network.ignored_columns(whole.schema.features)
    unique = table.at_most(table.without_repetitions(whole, ignored), ROWS_OF_A_RUN, SEEDS[0])
    print(f"{len(whole)} rows, {len(unique)} to train on ({unique.attack.sum()} of attacks)")

    # Thresholds and calibration come from new runs of known cases: the final network knows all of
    # these cases. What it makes of cases that it does not know is the other figure.
    new_runs = figures.new_run_logits(whole, unique, SEEDS, EPOCHS)
    slope, offset = figures.calibration(new_runs, whole.attack)
    new_runs = new_runs * slope + offset
    limits = figures.thresholds(whole, new_runs, ALERT_RATE, KILL_MARGIN)
    familiar = figures.figures(whole, new_runs, limits)

    unknown = figures.held_out_logits(whole, unique, SEEDS, EPOCHS) * slope + offset
    results = figures.figures(whole, unknown, limits)

    known = labels.without_doubtful(unique, SEEDS[0], EPOCHS)
    trained = network.fit(
        known.rows, known.attack, labels.weights(known), whole.schema.features, SEEDS, EPOCHS
    ).calibrated(slope, offset)
    limit_scores = network.sigmoid(np.array([limits.alert, limits.kill]))
    alert, kill = (round(float(score), 6) for score in limit_scores)
    data = {
        "sha256": whole.sha256,
        "rows": len(whole),
        "rows_trained_on": len(known),
        "attack_rows_trained_on": int(known.attack.sum()),
        "attack_cases": len(np.unique(whole.case[whole.attack])),
        "ordinary_cases": len(np.unique(whole.case[~whole.attack])),
        "attack_groups": len(np.unique(whole.group[whole.attack])),
        "ordinary_groups": len(np.unique(whole.group[~whole.attack])),
    }
    schema = whole.schema
    metadata = {
        "sensor.model.name": NAME,
        "sensor.model.version": VERSION,
        "sensor.schema.id": schema.identity,
        "sensor.schema.version": str(schema.version),
        "sensor.schema.sha256": schema.sha256,
        "sensor.schema.features": json.dumps(schema.features),
        "sensor.threshold.alert": repr(alert),
        "sensor.threshold.kill": repr(kill),
        "sensor.baseline": json.dumps(short(np.median(whole.rows[~whole.attack], axis=0))),
        "sensor.golden": golden(trained, whole, trained.scores(whole.rows)),
        "sensor.note.data": json.dumps(data),
        "sensor.note.held_out": json.dumps(
            {
                "definition": f"{figures.FOLDS} folds; each row scored by a network that saw no "
                "case of its group, neither attack techniques nor kinds of ordinary work",
                **results,
            }
        ),
        "sensor.note.new_runs_of_known_cases": json.dumps(
            {
                "definition": "each row scored by a network that knew other runs of its case; "
                "thresholds and calibration are from here",
                **{key: familiar[key] for key in FAMILIAR},
            }
        ),
        "sensor.note.ignored_features": json.dumps(network.IGNORED),
        "sensor.note.gaps": json.dumps(GAPS),
    }
    model = graph.build(trained, metadata)
    arguments.output.write_bytes(model.SerializeToString(deterministic=True))
    summary = {
        "thresholds": {"alert": alert, "kill": kill},
        "data": data,
        "held_out": results,
        "new_runs_of_known_cases": familiar,
    }
    text = json.dumps(summary, indent=2) + "\n"
    arguments.output.with_suffix(".json").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
