"""How much each row weighs, and what the trees learn from."""

from __future__ import annotations

import numpy as np

from .imagined import imagined
from .table import Table
from .trees import Forest, fit

PARTS = 3
# Imagined attacks, and their weight, for each recorded one.
IMAGINED_ROWS = 0.5
IMAGINED_WEIGHT = 0.1


def weights(table: Table) -> np.ndarray:
    """Weigh rows so that every case counts alike, and both sides together alike.

    By the square root of their number: a long case shows more than a short one,
    but not in proportion.
    """
    weight = np.zeros(len(table))
    for case in np.unique(table.case):
        members = table.case == case
        weight[members] = 1.0 / np.sqrt(members.sum())
    for side in (True, False):
        members = table.attack == side
        weight[members] *= 0.5 * len(table) / weight[members].sum()
    return weight


def learn(table: Table, seed: int) -> Forest:
    """Train on these rows, and on imagined attacks.

    A case is labelled as a whole, though most of its processes are helpers that occur in ordinary
    work too. All of them stay: leaving out those that look ordinary to trees which know other runs
    found less (docs/models.md).
    """
    weight = weights(table)
    count = int(IMAGINED_ROWS * table.attack.sum())
    extra = imagined(table, count, seed)
    extra_weight = IMAGINED_WEIGHT * weight[table.attack].sum() / max(len(extra), 1)
    return fit(
        np.concatenate([table.rows, extra]),
        np.concatenate([table.attack, np.ones(len(extra), dtype=bool)]),
        np.concatenate([weight, np.full(len(extra), extra_weight)]),
        table.schema,
        seed,
    )


def run_part(table: Table) -> np.ndarray:
    """Return the part that each row's run belongs to: a case's runs lie in different ones."""
    _, case = np.unique(table.case, return_inverse=True)
    return (table.variant.astype(int) + case) % PARTS
