"""How much each row weighs, and what the trees learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .families import families, folds
from .imagined import imagined
from .table import Table
from .trees import Forest, fit
from .words import COLUMNS, Vocabulary, vocabulary

PARTS = 3
# Parts of the rows whose words are valued by a vocabulary that the others made.
WORD_FOLDS = 4
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


@dataclass(frozen=True)
class Learned:
    """Trees, and the vocabulary by which they see words."""

    forest: Forest
    vocabulary: Vocabulary

    def rows(self, table: Table) -> np.ndarray:
        """Return the rows as the trees see them, `[rows, features]`."""
        return written(table, self.vocabulary.values(table.words))

    def logits(self, table: Table) -> np.ndarray:
        """Return the calibrated logit of each row."""
        return self.forest.logits(self.rows(table))

    def calibrated(self, slope: float, offset: float) -> Learned:
        """Return the same with another calibration."""
        return replace(self, forest=self.forest.calibrated(slope, offset))


def written(table: Table, values: np.ndarray) -> np.ndarray:
    """Return the table's rows with what words are worth in their columns."""
    rows = table.rows.copy()
    rows[:, [table.schema.features.index(name) for name in COLUMNS]] = values
    return rows


def held_out_words(table: Table, weight: np.ndarray) -> np.ndarray:
    """Return what the words of each row are worth to a vocabulary that saw nothing of its family.

    Trees that learned from words which the vocabulary knew by heart would trust it too much.
    """
    fold = folds(table, families(table), WORD_FOLDS)
    values = np.zeros((len(table), len(COLUMNS)), dtype=np.float32)
    for number in range(WORD_FOLDS):
        inside, outside = fold != number, fold == number
        known = vocabulary(table.words[inside], table.attack[inside], weight[inside])
        values[outside] = known.values(table.words[outside])
    return values


def learn(table: Table, seed: int) -> Learned:
    """Train on these rows, and on imagined attacks.

    A case is labelled as a whole, though most of its processes are helpers that occur in ordinary
    work too. All of them stay: leaving out those that look ordinary to trees which know other runs
    found less (docs/models.md).
    """
    weight = weights(table)
    words = vocabulary(table.words, table.attack, weight)
    table = table.with_rows(written(table, held_out_words(table, weight)))
    count = int(IMAGINED_ROWS * table.attack.sum())
    extra = imagined(table, count, seed)
    extra_weight = IMAGINED_WEIGHT * weight[table.attack].sum() / max(len(extra), 1)
    forest = fit(
        np.concatenate([table.rows, extra]),
        np.concatenate([table.attack, np.ones(len(extra), dtype=bool)]),
        np.concatenate([weight, np.full(len(extra), extra_weight)]),
        table.schema,
        seed,
    )
    return Learned(forest, words)


def run_part(table: Table) -> np.ndarray:
    """Return the part that each row's run belongs to: a case's runs lie in different ones."""
    _, case = np.unique(table.case, return_inverse=True)
    return (table.variant.astype(int) + case) % PARTS
