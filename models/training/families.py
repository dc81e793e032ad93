"""What must be held out together, and how it is dealt out."""

from __future__ import annotations

import numpy as np

from .table import Table


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


def folds(table: Table, family: np.ndarray, count: int) -> np.ndarray:
    """Deal whole families out to folds, the largest first, each to the emptiest; number each row's.

    Attacks and ordinary work are dealt separately, so that every fold holds out
    some of both.
    """
    fold: dict[int, int] = {}
    for side in (True, False):
        names, counts = np.unique(family[table.attack == side], return_counts=True)
        filled = np.zeros(count)
        for position in np.argsort(-counts, kind="stable"):
            emptiest = int(np.argmin(filled))
            fold[int(names[position])] = emptiest
            filled[emptiest] += counts[position]
    return np.array([fold[int(number)] for number in family])
