"""How well one image stands for another: 1 when they coincide, less the farther apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coldstart.selection.exact import Rows, Unit, distances_of_pairs, row_numbers, within_tile

if TYPE_CHECKING:
    from coldstart.selection.device import Vectors

_CLOSE = 1e-4


class Kernel(Protocol):
    """Similarity of unit vectors, from 0 to 1."""

    def tile(self, unit: Unit, rows: Rows | slice, columns: Rows | slice) -> NDArray[np.float32]:
        """(len(rows), len(columns)) similarity of each row to each column."""

    def tile_on(self, vectors: Vectors, rows: Rows | slice, columns: Rows | slice) -> Any:
        """The same as a tensor on the device that holds ``vectors``."""

    def of_distance(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """The similarity at these distances, in float64."""


@dataclass(frozen=True)
class Gaussian:
    """exp(-d² / width²), the kernel of MaxHerding and UHerding."""

    width: float

    def tile(self, unit: Unit, rows: Rows | slice, columns: Rows | slice) -> NDArray[np.float32]:
        similarity = unit[rows] @ unit[columns].T
        # d² = 2 - 2s; rounding may leave s a hair above 1.
        similarity -= np.float32(1)
        similarity *= np.float32(2 / self.width**2)
        np.minimum(similarity, 0, out=similarity)
        return np.exp(similarity, out=similarity)

    def tile_on(self, vectors: Vectors, rows: Rows | slice, columns: Rows | slice) -> Any:
        similarity = vectors.of(rows) @ vectors.of(columns).T
        return similarity.sub_(1).mul_(2 / self.width**2).clamp_(max=0).exp_()

    def of_distance(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(-((distance / self.width) ** 2))


@dataclass(frozen=True)
class Nearness:
    """1 - d / 2 (``squared=False``) or 1 - d² / 4: its sum is largest where the summed (squared)
    distance to the nearest pick is smallest, which is what k-medoids asks for."""

    squared: bool

    def tile(self, unit: Unit, rows: Rows | slice, columns: Rows | slice) -> NDArray[np.float32]:
        similarity = unit[rows] @ unit[columns].T
        if self.squared:
            similarity += np.float32(1)
            similarity /= np.float32(2)
            return np.clip(similarity, 0, 1, out=similarity)
        np.subtract(np.float32(2), np.float32(2) * similarity, out=similarity)
        np.maximum(similarity, 0, out=similarity)
        # The root of a rounding error is no longer small: such pairs are measured in float64.
        close = np.nonzero(similarity < _CLOSE)
        np.sqrt(similarity, out=similarity)
        if len(close[0]):
            first, second = row_numbers(rows)[close[0]], row_numbers(columns)[close[1]]
            similarity[close] = distances_of_pairs(unit, first, second)
        similarity /= np.float32(-2)
        similarity += np.float32(1)
        return similarity

    def tile_on(self, vectors: Vectors, rows: Rows | slice, columns: Rows | slice) -> Any:
        similarity = vectors.of(rows) @ vectors.of(columns).T
        if self.squared:
            return similarity.add_(1).div_(2).clamp_(0, 1)
        squared = similarity.mul_(-2).add_(2).clamp_(min=0)
        close = (squared < _CLOSE).nonzero(as_tuple=True)
        distance = squared.sqrt_()
        if len(close[0]):
            first, second = (one.cpu().numpy() for one in close)
            measured = distances_of_pairs(
                vectors.unit, row_numbers(rows)[first], row_numbers(columns)[second]
            )
            distance[close] = vectors.sent(measured.astype(np.float32))
        return distance.div_(-2).add_(1)

    def of_distance(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 - (distance / 2) ** 2 if self.squared else 1 - distance / 2


@dataclass(frozen=True)
class Ball:
    """1 closer than delta, else 0: ProbCover's kernel."""

    delta: float

    def tile(self, unit: Unit, rows: Rows | slice, columns: Rows | slice) -> NDArray[np.float32]:
        return within_tile(unit, rows, columns, self.delta).astype(np.float32)

    def tile_on(self, vectors: Vectors, rows: Rows | slice, columns: Rows | slice) -> Any:
        raise NotImplementedError("only swaps use balls, and they are made here")

    def of_distance(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return (distance < self.delta).astype(np.float64)


def exact_similarities(unit: Unit, kernel: Kernel, row: int) -> NDArray[np.float64]:
    """(n,) similarity of every image to one, in float64."""
    every = np.arange(len(unit))
    return kernel.of_distance(distances_of_pairs(unit, every, np.full(len(unit), row)))
