"""Measures the training on data that it did not see, and writes `docs/detection.md`.

    python evaluate.py --data data/process.csv.xz --later later.csv.xz --output detection.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from train import ALERT_RATE, KILL_MARGIN, SEED, trainable
from training import ablation, figures, labels, report, table

PROCESSES_A_DAY = 50_000
RATES = (1e-2, 1e-3, 1e-4, 1e-5)


def measured(whole: table.Table, logits: np.ndarray, limits: figures.Thresholds) -> dict[str, Any]:
    """Return every figure of one way of holding out."""
    first, best = figures.best_of_runs(whole, logits)
    attack = whole.attack[first]
    ordinary = whole.highest(logits, side=False)
    falling = np.sort(ordinary)[::-1]
    points = []
    for rate in RATES:
        if rate * len(falling) < 1:
            # Fewer ordinary processes than it takes to see one of them.
            continue
        hits = int((best[attack] >= figures.exceeded_by(falling, rate)).sum())
        low, high = figures.wilson(hits, int(attack.sum()))
        points.append({"rate": rate, "found": hits, "low": low, "high": high})
    false = int((ordinary >= limits.alert).sum())
    low, high = figures.wilson(false, len(ordinary))
    killed = int((ordinary >= limits.kill).sum())
    return {
        **figures.summary(whole, logits, limits),
        "rates": points,
        "alerts_a_day": [share * PROCESSES_A_DAY for share in (false / len(ordinary), low, high)],
        "over_kill_bound": figures.wilson(killed, len(ordinary))[1],
        "roc": roc(best[attack], falling),
        **times(whole, logits, limits.alert),
    }


def roc(attack: np.ndarray, falling: np.ndarray) -> list[tuple[float, float]]:
    """Return points of the curve: share of ordinary processes, share of attack runs."""
    places = np.unique(np.geomspace(1, len(falling), 60).astype(int))
    return [
        (float(place / len(falling)), float((attack > falling[place - 1]).mean()))
        for place in places
    ]


def times(whole: table.Table, logits: np.ndarray, alert: float) -> dict[str, Any]:
    """Tell how long detected runs went on before their first alert, in ms, and how many rows."""
    runs, chosen = whole.run, whole.attack
    waits, rows = [], []
    for run in np.unique(runs[chosen]):
        members = np.flatnonzero(runs == run)
        members = members[np.argsort(whole.after[members], kind="stable")]
        over = np.flatnonzero(logits[members] >= alert)
        if len(over) > 0:
            waits.append(int(whole.after[members[over[0]]]))
            rows.append(int(over[0]))
    if not waits:
        return {"wait_ms": [], "rows_before": []}
    quantiles = (0.5, 0.9)
    return {
        "wait_ms": [float(np.quantile(waits, q)) for q in quantiles],
        "rows_before": [float(np.quantile(rows, q)) for q in quantiles],
    }


def ablations(whole: table.Table) -> dict[str, dict[str, float]]:
    """Train and measure anew with each kind of fact hidden."""
    results = {}
    for name, hidden in {"everything": lambda _: False, **ablation.ABLATIONS}.items():
        less = ablation.without(whole, hidden)
        logits = figures.held_out_logits(less, trainable(less), SEED)
        first, best = figures.best_of_runs(less, logits)
        attack = less.attack[first]
        ordinary = less.highest(logits, side=False)
        results[name] = {
            "auroc_runs": float(roc_auc_score(attack, best)),
            **{f"found_at_{r:g}": figures.rate_at(best[attack], ordinary, r) for r in (1e-2, 1e-3)},
        }
        print(name, results[name], flush=True)
    return results


def main() -> None:
    """Measure, and write figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table that was trained on")
    parser.add_argument("--later", type=Path, help="table of a later recording")
    parser.add_argument("--output", type=Path, required=True, help="figures in JSON")
    parser.add_argument("--document", type=Path, help="folder for the page and its plot")
    parser.add_argument("--ablations", action="store_true", help="also with facts hidden")
    arguments = parser.parse_args()
    whole = table.read(arguments.data)
    unique = trainable(whole)
    unknown = figures.held_out_logits(whole, unique, SEED)
    slope, offset = figures.calibration(unknown, whole.attack)
    unknown = unknown * slope + offset
    known = figures.new_run_logits(whole, unique, SEED) * slope + offset
    limits = figures.thresholds(whole, unknown, known, ALERT_RATE, KILL_MARGIN)
    learned = labels.learn(unique, SEED).calibrated(slope, offset)
    result: dict[str, Any] = {
        "data": figures.counts(whole),
        "unknown_kinds": measured(whole, unknown, limits),
        "known_kinds": measured(whole, known, limits),
        "importance": ablation.importance(learned.forest.trees, whole.schema.features)[:40],
    }
    if arguments.later:
        later = table.read(arguments.later)
        result["later_recording"] = measured(later, learned.logits(later), limits)
    if arguments.ablations:
        result["ablations"] = ablations(whole)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.document:
        (arguments.document / "detection.md").write_text(report.page(result))
        (arguments.document / "detection.svg").write_text(report.plot(result))


if __name__ == "__main__":
    main()
