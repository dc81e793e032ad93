"""Held-out scores, thresholds, and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from .labels import PARTS, variant_part, weights, without_doubtful
from .network import fit
from .table import Table

FOLDS = 6


def folds(table: Table) -> np.ndarray:
    """Deal whole groups out to folds, the largest first, each to the emptiest fold.

    Attack groups and groups of ordinary work are dealt separately, so that every
    fold holds out some of both.
    """
    fold = np.zeros(len(table), dtype=int)
    for side in (True, False):
        names, counts = np.unique(table.group[table.attack == side], return_counts=True)
        filled = np.zeros(FOLDS)
        for position in np.argsort(-counts, kind="stable"):
            emptiest = int(np.argmin(filled))
            fold[(table.group == names[position]) & (table.attack == side)] = emptiest
            filled[emptiest] += counts[position]
    return fold


def held_out_logits(
    whole: Table, unique: Table, seeds: tuple[int, ...], epochs: int
) -> np.ndarray:
    """Score every row with a network that saw nothing of its group.

    `unique` is what may be trained on; `whole` is what is scored.
    """
    group_fold = {
        (group, side): number
        for group, side, number in zip(unique.group, unique.attack, folds(unique), strict=True)
    }
    emptiest = 0
    fold_of = np.array(
        [group_fold.get(key, emptiest) for key in zip(whole.group, whole.attack, strict=True)]
    )
    fold_of_unique = folds(unique)
    logits = np.zeros(len(whole))
    for number in range(FOLDS):
        known = without_doubtful(unique.select(fold_of_unique != number), seeds[0], epochs)
        network = fit(
            known.rows, known.attack, weights(known), whole.schema.features, seeds, epochs
        )
        held_out = fold_of == number
        logits[held_out] = network.logits(whole.rows[held_out])
        print(f"fold {number + 1} of {FOLDS}: {held_out.sum()} rows scored", flush=True)
    return logits


def new_run_logits(
    whole: Table, unique: Table, seeds: tuple[int, ...], epochs: int
) -> np.ndarray:
    """Score every row with a network that knew other runs of its case, but not this one."""
    logits = np.zeros(len(whole))
    for number in range(PARTS):
        chosen = variant_part(unique.variant) != number
        known = without_doubtful(unique.select(chosen), seeds[0], epochs)
        network = fit(
            known.rows, known.attack, weights(known), whole.schema.features, seeds, epochs
        )
        held_out = variant_part(whole.variant) == number
        logits[held_out] = network.logits(whole.rows[held_out])
    return logits


def calibration(logits: np.ndarray, attack: np.ndarray) -> tuple[float, float]:
    """Fit slope and offset of the logit by held-out rows (Platt)."""
    model = LogisticRegression(C=1e6, class_weight="balanced").fit(logits[:, None], attack)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


@dataclass(frozen=True)
class Thresholds:
    """Logits from which on there is an alert, or a kill."""

    alert: float
    kill: float


def thresholds(table: Table, logits: np.ndarray, rate: float, margin: float) -> Thresholds:
    """Choose thresholds by ordinary processes that were held out.

    At most `rate` of them alert. None reaches the kill threshold, which lies
    `margin` above the highest.
    """
    ordinary = np.sort(table.highest(logits, False))[::-1]
    alert = exceeded_by(ordinary, rate)
    return Thresholds(alert, max(float(ordinary[0]) + margin, alert))


def exceeded_by(falling: np.ndarray, rate: float) -> float:
    """Return the least threshold that at most so large a share reaches."""
    allowed = int(np.floor(rate * len(falling)))
    return float(np.nextafter(falling[allowed], np.inf))


def rate_at(logits: np.ndarray, attack: np.ndarray, false_rate: float) -> float:
    """Return the share of attack rows found where so many ordinary rows are."""
    threshold = exceeded_by(np.sort(logits[~attack])[::-1], false_rate)
    return float((logits[attack] >= threshold).mean())


def figures(table: Table, logits: np.ndarray, limits: Thresholds) -> dict[str, Any]:
    """Sum held-out results up, by rows and by runs."""
    attack, runs = table.attack, table.run
    ordinary_rows = logits[~attack]
    ordinary_processes = table.highest(logits, False)
    found: dict[str, list[int]] = {}
    killed = 0
    for run in np.unique(runs[attack]):
        members = runs == run
        best = float(logits[members].max())
        entry = found.setdefault(str(table.case[members][0]), [0, 0])
        entry[0] += best >= limits.alert
        entry[1] += 1
        killed += best >= limits.kill
    false_runs: dict[str, int] = {}
    ordinary_runs = np.unique(runs[~attack])
    for run in ordinary_runs:
        members = runs == run
        if logits[members].max() >= limits.alert:
            case = str(table.case[members][0])
            false_runs[case] = false_runs.get(case, 0) + 1
    detected, all_runs = sum(e[0] for e in found.values()), sum(e[1] for e in found.values())
    techniques: dict[str, list[int]] = {}
    for case, (hits, count) in found.items():
        technique = str(table.technique[table.case == case][0])
        entry = techniques.setdefault(technique, [0, 0])
        entry[0] += hits
        entry[1] += count
    return {
        "auroc_rows": round(float(roc_auc_score(attack, logits)), 4),
        "auroc_runs": round(run_auroc(table, logits), 4),
        "tpr_rows_at_fpr_1e-2": round(rate_at(logits, attack, 1e-2), 4),
        "tpr_rows_at_fpr_1e-3": round(rate_at(logits, attack, 1e-3), 4),
        "runs_detected": f"{detected}/{all_runs}",
        "runs_over_kill": f"{killed}/{all_runs}",
        "ordinary_rows": int((~attack).sum()),
        "ordinary_rows_over_alert": int((ordinary_rows >= limits.alert).sum()),
        "ordinary_rows_over_kill": int((ordinary_rows >= limits.kill).sum()),
        "ordinary_processes": len(ordinary_processes),
        "ordinary_processes_over_alert": int((ordinary_processes >= limits.alert).sum()),
        "ordinary_processes_over_kill": int((ordinary_processes >= limits.kill).sum()),
        "ordinary_runs": len(ordinary_runs),
        "ordinary_runs_over_alert": sum(false_runs.values()),
        "ordinary_cases_over_alert": dict(sorted(false_runs.items())),
        "detected_by_case": {case: f"{h}/{n}" for case, (h, n) in sorted(found.items())},
        "detected_by_technique": {t: f"{h}/{n}" for t, (h, n) in sorted(techniques.items())},
    }


def run_auroc(table: Table, logits: np.ndarray) -> float:
    """Return the AUROC of runs, each scored by its highest row."""
    runs = table.run
    names = np.unique(runs)
    best = np.array([logits[runs == run].max() for run in names])
    attack = np.array([table.attack[runs == run][0] for run in names])
    return float(roc_auc_score(attack, best))
