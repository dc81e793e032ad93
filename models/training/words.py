"""What words of command lines are worth: a number for each gram that the sensor hashes them to."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression

# As in the sensor (`state/words.rs`).
GRAMS = 1 << 14
COLUMNS = ("args.words", "args.worst_part")
# The larger, the more single grams may say.
STRENGTH = 4.0


@dataclass(frozen=True)
class Vocabulary:
    """Weights of grams; what they come to is computed as the sensor does (`model/vocabulary.rs`)."""

    scale: np.float32
    bias: np.float32
    # `[GRAMS]`, -127 to 127.
    weights: np.ndarray

    def values(self, words: np.ndarray) -> np.ndarray:
        """Return, for each text, what all words and the worst part are worth, `[texts, 2]`."""
        texts, position = np.unique(words.astype(str), return_inverse=True)
        parts, owner = split(texts)
        counts = np.diff(parts.indptr)
        sums = parts @ self.weights.astype(np.int64)
        every_count = np.bincount(owner, counts, len(texts))
        every_sum = np.bincount(owner, sums, len(texts))
        whole = self.evidence(every_sum, every_count)
        worst = np.full(len(texts), -np.inf, dtype=np.float32)
        np.maximum.at(worst, owner, self.evidence(sums, counts))
        worst = np.where(np.isinf(worst), whole, worst)
        return squashed(np.stack([whole, worst], axis=1))[position]

    def evidence(self, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return the evidence of grams from the sum of their weights and their number."""
        root = np.sqrt(np.maximum(counts, 1).astype(np.float32))
        return self.scale * sums.astype(np.float32) / root + self.bias

    def text(self) -> str:
        """Return the JSON that a model carries."""
        weights = [int(weight) for weight in self.weights]
        content = {"scale": float(self.scale), "bias": float(self.bias), "weights": weights}
        return json.dumps(content, separators=(",", ":"))


def squashed(evidence: np.ndarray) -> np.ndarray:
    """Return evidence between 0 and 1, without any function that machines round differently."""
    half = np.float32(0.5)
    return half + half * (evidence / (np.float32(1) + np.abs(evidence)))


def split(texts: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """Return the grams of each part, `[parts, GRAMS]`, and whose text each part is."""
    numbers: list[int] = []
    ends, owner = [0], []
    for index, text in enumerate(texts):
        for part in str(text).split():
            numbers.extend(int(gram) for gram in part.split("."))
            ends.append(len(numbers))
            owner.append(index)
    ones = np.ones(len(numbers), dtype=np.int64)
    matrix = csr_matrix((ones, numbers, ends), shape=(len(owner), GRAMS))
    return matrix, np.array(owner, dtype=int)


def vocabulary(words: np.ndarray, attack: np.ndarray, weight: np.ndarray) -> Vocabulary:
    """Fit weights to weighted texts: a logistic regression, whose result is rounded to bytes."""
    texts, position = np.unique(words.astype(str), return_inverse=True)
    parts, owner = split(texts)
    ones = np.ones(len(owner), dtype=np.int64)
    gather = csr_matrix((ones, (owner, np.arange(len(owner)))), shape=(len(texts), len(owner)))
    grams = (gather @ parts).astype(np.float64)
    count = np.asarray(grams.sum(axis=1)).ravel()
    grams = (diags(1 / np.sqrt(np.maximum(count, 1))) @ grams).tocsr()
    # Equal texts of one side are one example.
    example, member = np.unique(position * 2 + attack, return_inverse=True)
    total = np.bincount(member, weight)
    model = LogisticRegression(C=STRENGTH, solver="liblinear", max_iter=200, random_state=0)
    model.fit(grams[example // 2], example % 2, sample_weight=total / total.mean())
    found = model.coef_[0]
    scale = np.float32(max(np.abs(found).max() / 127, 1e-6))
    return Vocabulary(
        scale, np.float32(model.intercept_[0]), np.rint(found / scale).astype(np.int8)
    )
