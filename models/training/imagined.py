"""Attacks that nobody recorded: ordinary rows with an act that ordinary work hardly knows.

Trees say nothing of what they never saw. That a program which does nothing else
of note loads a kernel module is suspicious even when no recorded attack does: the
ordinary rows know it. Such rows say so; where ordinary work performs the act
after all, its own rows outweigh them.
"""

from __future__ import annotations

import numpy as np

from .table import Table
from .trees import constraints

# A fact is rare when fewer ordinary rows than this share show it.
RARE = 0.01
# So many times, one of which is drawn.
TIMES = (1, 1, 1, 2, 3)


def rare_columns(table: Table) -> np.ndarray:
    """Return what must never look more ordinary, and what few ordinary rows show.

    Of what a process is and does itself: that a command line is of a shape which the lab's
    ordinary work seldom has says little.
    """
    rising = np.array(constraints(table.schema)) > 0
    own = np.array([not name.startswith(("tree.", "args.")) for name in table.schema.features])
    share = (table.rows[~table.attack] > 0).mean(axis=0)
    return np.flatnonzero(rising & own & (share < RARE))


def imagined(table: Table, count: int, seed: int) -> np.ndarray:
    """Return so many ordinary rows, each with a rare act added, `[count, features]`."""
    generator = np.random.default_rng(seed)
    columns = rare_columns(table)
    ordinary = np.flatnonzero(~table.attack)
    if len(columns) == 0 or len(ordinary) == 0:
        return np.zeros((0, table.rows.shape[1]), dtype=np.float32)
    rows = table.rows[generator.choice(ordinary, count)].copy()
    chosen = generator.choice(columns, count)
    times = generator.choice(TIMES, count)
    everyone = np.arange(count)
    before = rows[everyone, chosen]
    features = table.schema.features
    is_flag = np.array([name.startswith(("exe.", "std", "script.")) for name in features])
    raised = np.log1p(np.expm1(before) + times)
    rows[everyone, chosen] = np.where(is_flag[chosen], 1.0, raised)
    if "own.notable_kinds" in features:
        kinds = features.index("own.notable_kinds")
        is_kind = np.array([name in table.schema.rare for name in features])
        more = (before == 0) & is_kind[chosen]
        rows[:, kinds] = np.log1p(np.expm1(rows[:, kinds]) + more)
    return rows.astype(np.float32)
