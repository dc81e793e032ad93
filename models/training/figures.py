"""Held-out scores, thresholds, and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from .families import families, folds
from .labels import PARTS, learn, run_part
from .table import Table

FOLDS = 8


def held_out_logits(whole: Table, unique: Table, seed: int) -> np.ndarray:
    """Score every row by a model that saw nothing of its family.

    `unique` is what may be trained on; `whole` is what is scored.
    """
    family = families(whole)
    fold_of = folds(whole, family, FOLDS)
    position = {name: number for number, name in enumerate(whole.row_name)}
    fold_of_unique = fold_of[[position[name] for name in unique.row_name]]
    logits = np.zeros(len(whole))
    for number in range(FOLDS):
        model = learn(unique.select(np.flatnonzero(fold_of_unique != number)), seed)
        held_out = np.flatnonzero(fold_of == number)
        logits[held_out] = model.logits(whole.select(held_out))
        print(f"fold {number + 1} of {FOLDS}: {len(held_out)} rows scored", flush=True)
    return logits


def new_run_logits(whole: Table, unique: Table, seed: int) -> np.ndarray:
    """Score every row by a model that knew other runs of its case, but not this one."""
    logits = np.zeros(len(whole))
    for number in range(PARTS):
        model = learn(unique.select(np.flatnonzero(run_part(unique) != number)), seed)
        held_out = np.flatnonzero(run_part(whole) == number)
        logits[held_out] = model.logits(whole.select(held_out))
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


def thresholds(
    table: Table, unknown: np.ndarray, known: np.ndarray, rate: float, margin: float
) -> Thresholds:
    """Choose thresholds by ordinary processes that were held out.

    At most `rate` of those of unknown kinds alert. None of known kinds reaches the
    kill threshold, which lies `margin` above the highest.
    """
    alert = exceeded_by(np.sort(table.highest(unknown, side=False))[::-1], rate)
    highest = float(table.highest(known, side=False).max())
    return Thresholds(alert, max(highest + margin, alert))


def exceeded_by(falling: np.ndarray, rate: float) -> float:
    """Return the least threshold that at most so large a share reaches."""
    allowed = int(np.floor(rate * len(falling)))
    return float(np.nextafter(falling[allowed], np.inf))


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    if count == 0:
        return 0.0, 1.0
    z = 1.959964
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def best_of_runs(table: Table, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each run's first row's position, and its highest logit."""
    _, first, position = np.unique(table.run, return_index=True, return_inverse=True)
    best = np.full(len(first), -np.inf)
    np.maximum.at(best, position, logits)
    return first, best


def rate_at(attack: np.ndarray, ordinary: np.ndarray, false_rate: float) -> float:
    """Return the share of attack runs found where so many ordinary processes are."""
    threshold = exceeded_by(np.sort(ordinary)[::-1], false_rate)
    return float((attack >= threshold).mean())


def counts(table: Table) -> dict[str, int]:
    """Count what the table is made of."""
    processes = np.char.add(np.char.add(table.run, "/"), table.process)
    attack = table.attack
    return {
        "attack_cases": len(np.unique(table.case[attack])),
        "attack_runs": len(np.unique(table.run[attack])),
        "attack_techniques": len(np.unique(table.technique[attack])),
        "attack_tactics": len(np.unique(table.tactic[attack])),
        "ordinary_cases": len(np.unique(table.case[~attack])),
        "ordinary_runs": len(np.unique(table.run[~attack])),
        "ordinary_processes": len(np.unique(processes[~attack])),
    }


def summary(table: Table, logits: np.ndarray, limits: Thresholds) -> dict[str, Any]:
    """Sum held-out results up: runs that are attacks, and processes that are not."""
    first, best = best_of_runs(table, logits)
    attack = table.attack[first]
    ordinary = table.highest(logits, side=False)
    found = best >= limits.alert
    return {
        "auroc_runs": round(float(roc_auc_score(attack, best)), 4),
        "attack_runs": int(attack.sum()),
        "attack_runs_that_alert": int((found & attack).sum()),
        "attack_runs_over_kill": int((attack & (best >= limits.kill)).sum()),
        "techniques_that_alert": techniques_found(table, first, best, limits.alert),
        "ordinary_processes": len(ordinary),
        "ordinary_processes_that_alert": int((ordinary >= limits.alert).sum()),
        "ordinary_processes_over_kill": int((ordinary >= limits.kill).sum()),
        "ordinary_runs": int((~attack).sum()),
        "ordinary_runs_that_alert": int((found & ~attack).sum()),
        **{
            f"attack_runs_found_at_{rate:g}": round(rate_at(best[attack], ordinary, rate), 4)
            for rate in (1e-2, 1e-3, 1e-4)
        },
        "by_tactic": shares(table.tactic[first][attack], found[attack]),
        "by_technique": shares(table.technique[first][attack], found[attack]),
        "ordinary_cases_that_alert": {
            case: share
            for case, share in shares(table.case[first][~attack], found[~attack]).items()
            if not share.startswith("0/")
        },
    }


def techniques_found(table: Table, first: np.ndarray, best: np.ndarray, alert: float) -> str:
    """Tell of how many techniques most runs alert."""
    attack = table.attack[first]
    names, hits = table.technique[first][attack], best[attack] >= alert
    found = [hits[names == name].mean() > 0.5 for name in np.unique(names)]
    return f"{sum(found)}/{len(found)}"


def shares(names: np.ndarray, hits: np.ndarray) -> dict[str, str]:
    """Return `hits/count` for each name."""
    return {
        str(name): f"{int(hits[names == name].sum())}/{int((names == name).sum())}"
        for name in np.unique(names)
    }
