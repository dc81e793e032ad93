"""What is lost when the trees are not shown a kind of fact, and what they know without any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .table import Table
from .words import COLUMNS

# Facts of how a case was started, which the lab draws alike for attacks and ordinary work.
HARNESS = ("lineage.", "stdin.", "stdout.", "stderr.", "parent.", "cwd.", "user.", "sensor.")

ABLATIONS: dict[str, Callable[[str], bool]] = {
    "without words": lambda name: name in COLUMNS,
    "without arguments": lambda name: name.startswith("args."),
    "without lineage": lambda name: name.startswith(("lineage.", "parent.")),
    "without own acts": lambda name: name.startswith("own."),
    "without descendants' acts": lambda name: name.startswith("tree."),
    "without any acts": lambda name: name.startswith(("own.", "tree.")),
    "without the executable": lambda name: name.startswith(("exe.", "script.")),
    "arguments alone": lambda name: not name.startswith("args."),
    "how it was started alone (leak check)": lambda name: not name.startswith(HARNESS),
}


def without(table: Table, hidden: Callable[[str], bool]) -> Table:
    """Return the table with nothing in the hidden columns."""
    rows = table.rows.copy()
    rows[:, [hidden(name) for name in table.schema.features]] = 0
    less = table.with_rows(rows)
    return less.without_words() if hidden(COLUMNS[0]) else less


def importance(forest_trees: tuple, features: tuple[str, ...]) -> list[tuple[str, float]]:
    """Share each feature's splits by the rows that pass them, the largest first."""
    weight = np.zeros(len(features))
    for tree in forest_trees:
        for node in tree:
            if node.feature >= 0:
                weight[node.feature] += node.cover
    weight /= max(weight.sum(), 1)
    order = np.argsort(-weight, kind="stable")
    return [(features[index], float(weight[index])) for index in order if weight[index] > 0]
