"""Trains the model that the sensor ships with, from labelled rows.

    python train.py --data data/process.csv.xz --output process.onnx

The same rows give the same file, byte for byte: seeds are fixed, and one thread
adds all numbers in one order (`cargo xtask train` sees to that).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from training import figures, graph, labels, table, trees

NAME = "process"
VERSION = "2"
SEED = 1
ROWS_OF_A_RUN = 400
# The share of ordinary processes, of kinds that the trees never saw, that may alert.
ALERT_RATE = 2e-3
KILL_MARGIN = 0.25
GAPS = (
    "Recorded on one machine with one distribution; rows of other hosts and desktops are missing.",
    "Words of arguments are those of the lab's cases: other authors use others for the same.",
    "An attack that does what administrators do, in the way they do it, is not told from them.",
)


def golden(learned: labels.Learned, rows: table.Table, logits: np.ndarray) -> str:
    """Return rows of both sides, spread over the scores, with the score they must give."""
    chosen: list[int] = []
    for side in (True, False):
        members = np.flatnonzero(rows.attack == side)
        ranked = members[np.argsort(logits[members], kind="stable")]
        places = np.linspace(0, len(ranked) - 1, 6).astype(int)
        chosen.extend(int(ranked[place]) for place in places)
    seen = learned.rows(rows.select(np.array(chosen)))
    vectors = [{"row": short(row)} for row in seen]
    # As the row is written, with its four decimals.
    written = np.array([vector["row"] for vector in vectors], dtype=np.float32)
    scores = sigmoid(learned.forest.logits(written))
    for vector, score in zip(vectors, scores, strict=True):
        vector["score"] = round(float(score), 7)
    return json.dumps(vectors, separators=(",", ":"))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return the score of each logit."""
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def short(values: np.ndarray) -> list[float]:
    """Return the values with no more digits than they were recorded with."""
    return [round(float(value), 4) for value in values]


def trainable(whole: table.Table) -> table.Table:
    """Return the rows that differ in what the trees look at, not too many of any run."""
    hidden = np.flatnonzero(~trees.shown(whole.schema.features))
    return table.at_most(table.without_repetitions(whole, hidden), ROWS_OF_A_RUN, SEED)


def main() -> None:
    """Read, hold out and measure, then train on everything and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table of labelled rows")
    parser.add_argument("--output", type=Path, required=True, help="the ONNX file")
    arguments = parser.parse_args()

    whole = table.read(arguments.data)
    unique = trainable(whole)
    print(f"{len(whole)} rows, {len(unique)} to train on ({unique.attack.sum()} of attacks)")

    # What the trees make of kinds of attacks and of work that they do not know decides
    # calibration and thresholds: a host's work is another than the lab's.
    unknown = figures.held_out_logits(whole, unique, SEED)
    slope, offset = figures.calibration(unknown, whole.attack)
    unknown = unknown * slope + offset
    familiar = figures.new_run_logits(whole, unique, SEED) * slope + offset
    limits = figures.thresholds(whole, unknown, familiar, ALERT_RATE, KILL_MARGIN)

    learned = labels.learn(unique, SEED).calibrated(slope, offset)
    forest = learned.forest
    alert, kill = (round(float(score), 6) for score in sigmoid(np.array([limits.alert, limits.kill])))
    data = {
        "sha256": whole.sha256,
        "rows": len(whole),
        "rows_trained_on": len(unique),
        "trees": len(forest.trees),
        "nodes": sum(len(tree) for tree in forest.trees),
        **figures.counts(whole),
    }
    results = {
        "unknown_kinds": figures.summary(whole, unknown, limits),
        "known_kinds": figures.summary(whole, familiar, limits),
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
        "sensor.baseline": json.dumps(
            short(np.median(learned.rows(whole)[~whole.attack], axis=0))
        ),
        "sensor.golden": golden(learned, whole, learned.logits(whole)),
        "sensor.words": learned.vocabulary.text(),
        "sensor.note.data": json.dumps(data),
        "sensor.note.unknown_kinds": json.dumps(
            {
                "definition": f"{figures.FOLDS} folds; each row scored by trees that saw no case "
                "of its group or technique, nor ordinary work of its kind; thresholds and "
                "calibration are from here",
                **results["unknown_kinds"],
            }
        ),
        "sensor.note.known_kinds": json.dumps(
            {
                "definition": "each row scored by trees that knew other runs of its case",
                **results["known_kinds"],
            }
        ),
        "sensor.note.hidden_features": json.dumps(
            [
                name
                for name, is_shown in zip(
                    schema.features, trees.shown(schema.features), strict=True
                )
                if not is_shown
            ]
        ),
        "sensor.note.gaps": json.dumps(GAPS),
    }
    model = graph.build(forest, len(schema.features), metadata)
    arguments.output.write_bytes(model.SerializeToString(deterministic=True))
    text = json.dumps(
        {"thresholds": {"alert": alert, "kill": kill}, "data": data, **results}, indent=2
    )
    arguments.output.with_suffix(".json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
