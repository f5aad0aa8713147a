"""What a fitted probe holds: arrays that turn unit vectors into one score a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

VOTE_TEMPERATURE = 0.07
"""A neighbour's vote weighs exp(similarity / 0.07) (Caron et al., ICCV 2021)."""

VOTE_FLOOR = 0.01


class Scorer(Protocol):
    """The fitted part of a probe; its softmax over the classes gives the probabilities."""

    kind: ClassVar[str]

    @property
    def dimension(self) -> int: ...

    def scores(self, unit: np.ndarray) -> np.ndarray:
        """(n, d) unit vectors to (n, k) scores, one a class."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything it is made of, as it goes to disk; `scorer_of` takes it back."""
        ...


@dataclass(frozen=True, eq=False)
class LinearScorer:
    """Scores X @ coefficients.T + intercepts; (k, d) and (k,)."""

    kind: ClassVar[str] = "linear"
    coefficients: np.ndarray
    intercepts: np.ndarray

    @property
    def dimension(self) -> int:
        return int(self.coefficients.shape[1])

    def scores(self, unit: np.ndarray) -> np.ndarray:
        return unit @ self.coefficients.T + self.intercepts

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "coefficients": self.coefficients.astype(np.float32),
            "intercepts": self.intercepts.astype(np.float32),
        }


@dataclass(frozen=True, eq=False)
class NeighbourScorer:
    """Log shares of the votes of the nearest labelled vectors.

    vectors : (n, d) unit vectors. classes : (n,) int64 below ``count``. neighbours : how many vote.
    """

    kind: ClassVar[str] = "neighbours"
    vectors: np.ndarray
    classes: np.ndarray
    neighbours: int
    count: int

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def scores(self, unit: np.ndarray) -> np.ndarray:
        similarity = unit @ self.vectors.T  # (m, n)
        voters = min(self.neighbours, len(self.vectors))
        nearest = np.argpartition(-similarity, voters - 1, axis=1)[:, :voters]
        near = np.take_along_axis(similarity, nearest, axis=1)
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / VOTE_TEMPERATURE)
        votes = np.zeros((len(unit), self.count), dtype=similarity.dtype)
        np.add.at(votes, (np.arange(len(unit))[:, None], self.classes[nearest]), weights)
        return np.log(votes / votes.sum(axis=1, keepdims=True) + VOTE_FLOOR)

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "neighbour_vectors": self.vectors.astype(np.float32),
            "neighbour_classes": self.classes.astype(np.int64),
            "neighbours": np.array([self.neighbours, self.count], dtype=np.int64),
        }


def scorer_of(arrays: Mapping[str, Any]) -> Scorer:
    """The scorer that ``arrays`` describe; KeyError when something of it is missing."""
    if "neighbour_vectors" in arrays:
        neighbours, count = arrays["neighbours"].tolist()
        return NeighbourScorer(
            arrays["neighbour_vectors"], arrays["neighbour_classes"], neighbours, count
        )
    return LinearScorer(arrays["coefficients"], arrays["intercepts"])
