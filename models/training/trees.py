"""Gradient-boosted trees over the features, and their logits as the sensor adds them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from .table import Schema

# What the model is not shown. Facts of the place where rows were recorded: how often a program had
# run before says nothing in a lab that was just set up, and losses come from its load.
HIDDEN = (
    "sensor.recent_loss",
    "exe.seen",
    "exe.pair_seen",
    "process.age",
    "lineage.depth",
    "lineage.terminal",
)
# Beside the counts of rare acts: more of these must never make a process look more ordinary.
RISING = (
    "own.notable_kinds",
    "tree.notable_kinds",
    "args.temporary_paths",
    "args.starting_paths",
    "args.rights_paths",
    "args.past_paths",
    "args.hidden_paths",
    "args.encoded_run",
    "exe.memfd",
    "exe.deleted",
    "exe.tmpfs",
    "exe.hidden",
    "exe.from_tree",
    "stdin.socket",
    "stderr.socket",
    "script.in_temporary",
    "args.words",
    "args.worst_part",
)
# They fall when ordinary acts or words are added, which costs an attacker nothing.
SHARES = ("own.removal_share", "own.failure_share", "args.digits", "args.upper_case")

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 48,
    "max_depth": 8,
    "learning_rate": 0.06,
    "min_data_in_leaf": 12,
    "min_sum_hessian_in_leaf": 0.5,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 4.0,
    "max_bin": 63,
    "monotone_constraints_method": "basic",
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS = 200


@dataclass(frozen=True)
class Node:
    """One node of a tree: a test, or a leaf where `feature` is negative."""

    feature: int
    threshold: np.float32
    low: int
    high: int
    value: np.float32
    cover: int


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves are added up in float32, one tree after the other."""

    trees: tuple[tuple[Node, ...], ...]
    slope: float = 1.0
    offset: float = 0.0

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """Return the sum of the leaves for each row, before calibration."""
        total = np.zeros(len(rows), dtype=np.float32)
        everyone = np.arange(len(rows))
        for tree in self.trees:
            feature = np.array([node.feature for node in tree])
            threshold = np.array([node.threshold for node in tree], dtype=np.float32)
            low = np.array([node.low for node in tree])
            high = np.array([node.high for node in tree])
            value = np.array([node.value for node in tree], dtype=np.float32)
            place = np.zeros(len(rows), dtype=int)
            while (feature[place] >= 0).any():
                inner = feature[place] >= 0
                goes_low = rows[everyone, feature[place].clip(0)] <= threshold[place]
                place = np.where(inner, np.where(goes_low, low[place], high[place]), place)
            total += value[place]
        return total

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Return the calibrated logit of each row."""
        return self.raw(rows) * np.float32(self.slope) + np.float32(self.offset)

    def calibrated(self, slope: float, offset: float) -> Forest:
        """Return the same trees with another calibration."""
        return Forest(self.trees, slope, offset)


def shown(features: tuple[str, ...]) -> np.ndarray:
    """Tell which columns the model may look at."""
    hidden = {*HIDDEN, *SHARES}
    return np.array([name not in hidden for name in features])


def constraints(schema: Schema) -> list[int]:
    """Return 1 for each column of which more must never mean less."""
    return [int(name in schema.rare or name in RISING) for name in schema.features]


def fit(
    rows: np.ndarray,
    attack: np.ndarray,
    weights: np.ndarray,
    schema: Schema,
    seed: int,
    **changes: Any,
) -> Forest:
    """Train on weighted rows; the same rows and seed give the same trees."""
    rounds = changes.pop("rounds", ROUNDS)
    parameters = {
        **PARAMETERS,
        "monotone_constraints": constraints(schema),
        "seed": seed,
        **changes,
    }
    # Hidden columns stay in their place, with nothing in them.
    seen = np.where(shown(schema.features), rows, np.float32(0))
    data = lightgbm.Dataset(seen, attack.astype(float), weight=weights, free_raw_data=True)
    booster = lightgbm.train(parameters, data, num_boost_round=rounds)
    return forest(booster)


def forest(booster: lightgbm.Booster) -> Forest:
    """Read trained trees."""
    trees = []
    for tree in booster.dump_model()["tree_info"]:
        nodes: list[Node] = []
        take_in(tree["tree_structure"], nodes)
        trees.append(tuple(nodes))
    return Forest(tuple(trees))


def take_in(structure: dict[str, Any], nodes: list[Node]) -> int:
    """Append a node and all below it; return its number."""
    number = len(nodes)
    if "leaf_value" in structure:
        value = np.float32(structure["leaf_value"])
        cover = int(structure.get("leaf_count", 1))
        nodes.append(Node(-1, np.float32(0), 0, 0, value, cover))
        return number
    nodes.append(Node(-1, np.float32(0), 0, 0, np.float32(0), 0))
    low = take_in(structure["left_child"], nodes)
    high = take_in(structure["right_child"], nodes)
    nodes[number] = Node(
        int(structure["split_feature"]),
        rounded_down(structure["threshold"]),
        low,
        high,
        np.float32(0),
        int(structure["internal_count"]),
    )
    return number


def rounded_down(threshold: float) -> np.float32:
    """Return the largest float32 that is not above: rows are float32, so tests stay the same."""
    rounded = np.float32(threshold)
    return np.nextafter(rounded, np.float32(-np.inf)) if rounded > threshold else rounded
