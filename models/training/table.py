"""Reading the table of labelled rows, and removing what repeats."""

from __future__ import annotations

import csv
import hashlib
import io
import lzma
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

KEYS = (
    "case",
    "label",
    "technique",
    "tactic",
    "group",
    "variant",
    "process",
    "program",
    "moment",
    "after",
    "words",
)


@dataclass(frozen=True)
class Schema:
    """The feature list that the rows were recorded with."""

    identity: str
    version: int
    sha256: str
    features: tuple[str, ...]
    # Names of those that count acts which ordinary programs rarely perform.
    rare: frozenset[str]


@dataclass(frozen=True)
class Table:
    """Rows with where they come from; all arrays have the same length."""

    schema: Schema
    sha256: str
    rows: np.ndarray
    attack: np.ndarray
    case: np.ndarray
    group: np.ndarray
    technique: np.ndarray
    variant: np.ndarray
    program: np.ndarray
    process: np.ndarray
    tactic: np.ndarray
    after: np.ndarray
    # Grams of the arguments as the sensor writes them, `[rows]` of str.
    words: np.ndarray
    row_name: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def select(self, chosen: np.ndarray) -> Table:
        """Return the chosen rows, in the order of the choice."""
        parts = (
            getattr(self, name)[chosen]
            for name in (
                "rows",
                "attack",
                "case",
                "group",
                "technique",
                "variant",
                "program",
                "process",
                "tactic",
                "after",
                "words",
                "row_name",
            )
        )
        return Table(self.schema, self.sha256, *parts)

    def with_rows(self, rows: np.ndarray) -> Table:
        """Return the table with other values in its rows."""
        return replace(self, rows=rows)

    def without_words(self) -> Table:
        """Return the table as if no program had been given an argument."""
        return replace(self, words=np.full(len(self), "", dtype=object))

    @property
    def run(self) -> np.ndarray:
        """Name the run of each row: case and variant."""
        return np.char.add(np.char.add(self.case, "/"), self.variant)

    def highest(self, logits: np.ndarray, *, side: bool) -> np.ndarray:
        """Return the highest logit of each process of one side: it alerts at most once."""
        chosen = self.attack == side
        names = np.char.add(np.char.add(self.run[chosen], "/"), self.process[chosen])
        _, position = np.unique(names, return_inverse=True)
        highest = np.full(position.max() + 1, -np.inf)
        np.maximum.at(highest, position, logits[chosen])
        return highest


def read(path: Path) -> Table:
    """Read a table, compressed or not; its first line names the schema."""
    data = path.read_bytes()
    text = lzma.decompress(data) if path.suffix == ".xz" else data
    stream = io.StringIO(text.decode())
    words = stream.readline().split()
    if len(words) != 6 or words[0] != "#":
        message = f"{path}: the first line is {' '.join(words)!r}, expected the schema"
        raise ValueError(message)
    mark, word, *rare = stream.readline().split()
    if (mark, word) != ("#", "rare"):
        message = f"{path}: the second line begins with {mark} {word}, expected the rare features"
        raise ValueError(message)
    lines = csv.reader(stream)
    header = next(lines)
    if tuple(header[: len(KEYS)]) != KEYS:
        message = f"{path}: columns begin with {header[: len(KEYS)]}, expected {list(KEYS)}"
        raise ValueError(message)
    records = list(lines)
    columns = {
        # Words are of very different lengths.
        key: np.array([r[n] for r in records], dtype=object if key == "words" else None)
        for n, key in enumerate(KEYS)
    }
    rows = np.array([r[len(KEYS) :] for r in records], dtype=np.float32)
    schema = Schema(words[1], int(words[3]), words[5], tuple(header[len(KEYS) :]), frozenset(rare))
    return Table(
        schema,
        hashlib.sha256(text).hexdigest(),
        rows,
        columns["label"] == "attack",
        columns["case"],
        columns["group"],
        columns["technique"],
        columns["variant"],
        columns["program"],
        columns["process"],
        columns["tactic"],
        columns["after"].astype(np.int64),
        columns["words"],
        np.arange(len(rows)),
    )


def without_repetitions(table: Table, ignored: np.ndarray) -> Table:
    """Keep one of rows that do not differ in anything the model looks at.

    A row that occurs in ordinary work is ordinary wherever else it occurs, so
    that an attack's helpers (`sleep`, `mkdir`) do not carry its label.
    """
    looked_at = np.round(table.rows, 2)
    looked_at[:, ignored] = 0
    # Ordinary rows first: of equal rows the first one stays.
    order = np.lexsort((np.arange(len(table)), table.attack))
    seen: set[tuple[bytes, str]] = set()
    kept = []
    for index in order:
        key = (looked_at[index].tobytes(), table.words[index])
        if key not in seen:
            seen.add(key)
            kept.append(index)
    return table.select(np.sort(np.array(kept)))


def at_most(table: Table, most: int, seed: int) -> Table:
    """Keep at most so many rows of each run, so that long builds do not drown the rest."""
    generator = np.random.default_rng(seed)
    kept = []
    runs = table.run
    for run in np.unique(runs):
        members = np.flatnonzero(runs == run)
        if len(members) > most:
            members = generator.choice(members, most, replace=False)
        kept.append(members)
    return table.select(np.sort(np.concatenate(kept)))
