"""Which rows of an attack are the attack.

A case is labelled as a whole, but most of its processes are helpers that occur
in ordinary work too. That is multiple-instance learning: of an attack's rows at
least one is malicious, the others may be.
"""

from __future__ import annotations

import numpy as np

from .network import fit
from .table import Table

# An attack's row stays when a network which knows other runs of its case finds it more suspicious
# than this share of ordinary rows; the others are what attacks and ordinary work have in common.
ORDINARY_SHARE = 0.96
PARTS = 3


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


def without_doubtful(table: Table, seed: int, epochs: int) -> Table:
    """Leave out attack rows that look ordinary to a network which never saw their run."""
    scores = np.full(len(table), -np.inf)
    part = variant_part(table.variant)
    for number in range(PARTS):
        known, held_out = table.select(part != number), part == number
        if not held_out.any() or not known.attack.any():
            continue
        network = fit(
            known.rows, known.attack, weights(known), table.schema.features, (seed,), epochs
        )
        scores[held_out] = network.logits(table.rows[held_out])
    limit = np.quantile(scores[~table.attack], ORDINARY_SHARE)
    return table.select(np.flatnonzero(~table.attack | (scores >= limit)))


def variant_part(variant: np.ndarray) -> np.ndarray:
    """Return the part that a variant belongs to."""
    return variant.astype(int) % PARTS
