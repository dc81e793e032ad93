"""Held-out scores, thresholds, and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from .labels import PARTS, learn, run_part
from .table import Table

FOLDS = 8


def families(table: Table) -> np.ndarray:
    """Number what must be held out together.

    Cases of one group are variations of each other, and cases of one technique
    share what makes it one: whatever is linked by either is one family.
    """
    leader: dict[tuple[str, str, str], tuple[str, str, str]] = {}

    def find(key: tuple[str, str, str]) -> tuple[str, str, str]:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    keys = []
    for attack, group, technique in zip(table.attack, table.group, table.technique, strict=True):
        side = "attack" if attack else "work"
        key = (side, "group", group)
        if attack:
            leader[find((side, "technique", technique))] = find(key)
        keys.append(key)
    roots = [find(key) for key in keys]
    numbers = {root: number for number, root in enumerate(sorted(set(roots)))}
    return np.array([numbers[root] for root in roots])


def folds(table: Table, family: np.ndarray) -> dict[int, int]:
    """Deal whole families out to folds, the largest first, each to the emptiest fold.

    Attacks and ordinary work are dealt separately, so that every fold holds out
    some of both.
    """
    fold: dict[int, int] = {}
    for side in (True, False):
        names, counts = np.unique(family[table.attack == side], return_counts=True)
        filled = np.zeros(FOLDS)
        for position in np.argsort(-counts, kind="stable"):
            emptiest = int(np.argmin(filled))
            fold[int(names[position])] = emptiest
            filled[emptiest] += counts[position]
    return fold


def held_out_logits(whole: Table, unique: Table, seed: int) -> np.ndarray:
    """Score every row by trees that saw nothing of its family.

    `unique` is what may be trained on; `whole` is what is scored.
    """
    family = families(whole)
    fold = folds(whole, family)
    fold_of = np.array([fold[int(number)] for number in family])
    position = {name: number for number, name in enumerate(whole.row_name)}
    fold_of_unique = fold_of[[position[name] for name in unique.row_name]]
    logits = np.zeros(len(whole))
    for number in range(FOLDS):
        trees = learn(unique.select(np.flatnonzero(fold_of_unique != number)), seed)
        held_out = fold_of == number
        logits[held_out] = trees.logits(whole.rows[held_out])
        print(f"fold {number + 1} of {FOLDS}: {held_out.sum()} rows scored", flush=True)
    return logits


def new_run_logits(whole: Table, unique: Table, seed: int) -> np.ndarray:
    """Score every row by trees that knew other runs of its case, but not this one."""
    logits = np.zeros(len(whole))
    for number in range(PARTS):
        trees = learn(unique.select(np.flatnonzero(run_part(unique) != number)), seed)
        held_out = run_part(whole) == number
        logits[held_out] = trees.logits(whole.rows[held_out])
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
    ordinary = np.sort(table.highest(logits, side=False))[::-1]
    alert = exceeded_by(ordinary, rate)
    return Thresholds(alert, max(float(ordinary[0]) + margin, alert))


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
