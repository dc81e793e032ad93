"""Which rows of an attack are the attack.

A case is labelled as a whole, but most of its processes are helpers that occur
in ordinary work too. That is multiple-instance learning: of an attack's rows at
least one is malicious, the others may be.
"""

from __future__ import annotations

import numpy as np

from .imagined import imagined
from .table import Table
from .trees import Forest, fit

# An attack's row stays when trees which know other runs of its case find it more suspicious than
# this share of ordinary rows; the others are what attacks and ordinary work have in common.
ORDINARY_SHARE = 0.97
# The rows of a run that stay in any case: something in it must be the attack.
BEST_OF_A_RUN = 2
PARTS = 3
ROUNDS = 2
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


def without_doubtful(table: Table, seed: int) -> Table:
    """Leave out attack rows that look ordinary to trees which never saw their run."""
    kept = np.ones(len(table), dtype=bool)
    runs = table.run
    for _ in range(ROUNDS):
        scores = scores_by_other_runs(table, kept, seed)
        limit = np.quantile(scores[~table.attack], ORDINARY_SHARE)
        kept = ~table.attack | (scores >= limit)
        for run in np.unique(runs[table.attack]):
            members = np.flatnonzero((runs == run) & table.attack)
            best = members[np.argsort(-scores[members], kind="stable")[:BEST_OF_A_RUN]]
            kept[best] = True
    return table.select(np.flatnonzero(kept))


def scores_by_other_runs(table: Table, kept: np.ndarray, seed: int) -> np.ndarray:
    """Score each row by trees that learned from the kept rows of other runs."""
    scores = np.full(len(table), -np.inf)
    part = run_part(table)
    for number in range(PARTS):
        held_out = part == number
        known = table.select(np.flatnonzero(~held_out & kept))
        if not held_out.any() or not known.attack.any():
            continue
        # A rough judgement is enough here.
        trees = fit(
            known.rows, known.attack, weights(known), table.schema, seed, rounds=60
        )
        scores[held_out] = trees.logits(table.rows[held_out])
    return scores


def learn(table: Table, seed: int) -> Forest:
    """Train on what of these rows is worth it, and on imagined attacks."""
    known = without_doubtful(table, seed)
    weight = weights(known)
    count = int(IMAGINED_ROWS * known.attack.sum())
    extra = imagined(known, count, seed)
    extra_weight = IMAGINED_WEIGHT * weight[known.attack].sum() / max(len(extra), 1)
    return fit(
        np.concatenate([known.rows, extra]),
        np.concatenate([known.attack, np.ones(len(extra), dtype=bool)]),
        np.concatenate([weight, np.full(len(extra), extra_weight)]),
        table.schema,
        seed,
    )


def run_part(table: Table) -> np.ndarray:
    """Return the part that each row's run belongs to: a case's runs lie in different ones."""
    _, case = np.unique(table.case, return_inverse=True)
    return (table.variant.astype(int) + case) % PARTS
