"""The network: input limits, standardisation, and a few small perceptrons."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

# What depends on where the rows were recorded more than on what was done there: how deep the
# lab's own processes are nested, how often a program had run since the sensor started, how long
# the lab let a process live, whether records were lost; and what an ancestor up to the root of the
# session does. Every ssh session has an ancestor that listens: in the lab only attacks had one, and
# a network that was shown these facts took whole sessions of other hosts for attacks.
IGNORED = (
    "sensor.recent_loss",
    "exe.seen",
    "exe.pair_seen",
    "lineage.depth",
    "lineage.listening",
    "lineage.connected",
    "lineage.socket_input",
    "lineage.odd_executable",
    "lineage.terminal",
    "process.age",
)
# An executable older than a day is old; how much older says when the system was installed.
OLD_EXECUTABLE = float(np.log1p(86_400.0))

HIDDEN = (64, 32)
COPIES = 2
HIDDEN_SHARE = 0.05
JITTER = 0.1


@dataclass(frozen=True)
class Network:
    """Everything that the graph computes, as arrays."""

    limit: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    slope: float = 1.0
    offset: float = 0.0

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Return the calibrated logit of each row, in double precision."""
        values = np.minimum(rows.astype(np.float64), self.limit)
        values = (values - self.mean) * self.scale
        for number, (weights, bias) in enumerate(self.layers):
            values = values @ weights + bias
            if number + 1 < len(self.layers):
                values = np.maximum(values, 0.0)
        return values[:, 0] * self.slope + self.offset

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return the score of each row."""
        return sigmoid(self.logits(rows))

    def calibrated(self, slope: float, offset: float) -> Network:
        """Return the network with another slope and offset of its logit."""
        return Network(self.limit, self.mean, self.scale, self.layers, slope, offset)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Return the logistic function, without overflow."""
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))


def ignored_columns(features: tuple[str, ...]) -> np.ndarray:
    """Return the positions of features that the network does not look at."""
    return np.array([features.index(name) for name in IGNORED])


def fit(
    rows: np.ndarray,
    attack: np.ndarray,
    weight: np.ndarray,
    features: tuple[str, ...],
    seeds: tuple[int, ...],
    epochs: int,
) -> Network:
    """Train one perceptron for each seed and join them into one network."""
    limit = np.quantile(rows, 0.998, axis=0).astype(np.float64)
    # A flag that was hardly ever set is still a flag.
    limit = np.maximum(limit, 1.0)
    limit[features.index("exe.age")] = OLD_EXECUTABLE
    limited = np.minimum(rows.astype(np.float64), limit)
    mean = limited.mean(axis=0)
    deviation = limited.std(axis=0)
    # The floor keeps what hardly varied in the lab from being blown up.
    scale = 1.0 / np.maximum(deviation, 0.15)
    scale[ignored_columns(features)] = 0.0
    inputs = (limited - mean) * scale
    members = [member(inputs, attack, weight, seed, epochs) for seed in seeds]
    return Network(limit, mean, scale, joined(members))


def member(
    inputs: np.ndarray, attack: np.ndarray, weight: np.ndarray, seed: int, epochs: int
) -> MLPClassifier:
    """Train one perceptron on copies of the rows with features hidden at random.

    A network that has to do without any feature now and then learns not to lean
    on a single one.
    """
    generator = np.random.default_rng(seed)
    copies = [inputs]
    for _ in range(COPIES - 1):
        hidden = generator.random(inputs.shape) < HIDDEN_SHARE
        noise = generator.normal(0.0, JITTER, inputs.shape) * (inputs != 0.0)
        copies.append(np.where(hidden, 0.0, inputs + noise))
    perceptron = MLPClassifier(
        hidden_layer_sizes=HIDDEN,
        alpha=1e-3,
        batch_size=256,
        learning_rate_init=2e-3,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # A fixed number of passes is meant: it is what keeps the network from learning by heart.
        warnings.simplefilter("ignore", ConvergenceWarning)
        perceptron.fit(np.vstack(copies), np.tile(attack, COPIES), np.tile(weight, COPIES))
    return perceptron


def joined(members: list[MLPClassifier]) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Join perceptrons side by side: one network whose logit is the mean of theirs."""
    layers = []
    depth = len(HIDDEN) + 1
    for level in range(depth):
        weights = [m.coefs_[level] for m in members]
        bias = [m.intercepts_[level] for m in members]
        if level == 0:
            layers.append((np.hstack(weights), np.hstack(bias)))
        elif level + 1 < depth:
            layers.append((diagonal(weights), np.hstack(bias)))
        else:
            share = 1.0 / len(members)
            layers.append((np.vstack(weights) * share, np.sum(bias, axis=0) * share))
    return tuple(layers)


def diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    """Put blocks on the diagonal of one matrix of zeros."""
    height = sum(block.shape[0] for block in blocks)
    width = sum(block.shape[1] for block in blocks)
    matrix = np.zeros((height, width))
    row = column = 0
    for block in blocks:
        matrix[row : row + block.shape[0], column : column + block.shape[1]] = block
        row += block.shape[0]
        column += block.shape[1]
    return matrix
