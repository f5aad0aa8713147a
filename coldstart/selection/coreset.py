"""CoreSet: k-center greedy, always the image farthest from every labelled one.

Sener, Savarese: Active Learning for Convolutional Neural Networks, ICLR 2018 (arXiv 1708.00489).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.exact import Rows, Unit, best_row, distances_of_pairs, rounding_band
from coldstart.selection.picks import distances_to_earlier
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy

Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CoreSet(Strategy):
    """Farthest first. Without a label the first pick is the image nearest to the pool's mean.

    Gain: the distance to the nearest labelled image or earlier pick, times the weight (2 for a
    first pick that has none). One pass over the vectors for each pick.
    """

    name = "coreset"
    title = "CoreSet (farthest first)"
    summary = "Picks the image farthest from every labelled one: outliers and corners first."
    paper = "Sener & Savarese, ICLR 2018, arXiv 1708.00489"

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        unit = pool.unit
        weight = np.ones(pool.n) if pool.weights is None else pool.weights / pool.weights.max()
        closeness = np.full(pool.n, -np.inf, dtype=np.float32)
        for row in pool.labelled.tolist():
            np.maximum(closeness, unit @ unit[row], out=closeness)
        taken = ~pool.candidates
        rows: list[int] = []
        slack = 4 * rounding_band(unit.shape[1])
        for number in range(budget):
            progress(number, budget, "choosing images")
            if number == 0 and len(pool.labelled) == 0:
                row = _nearest_to_mean(unit, taken)
            else:
                # d² = 2 - 2s, and the square keeps the order; taken rows come last.
                score = (1 - closeness) * weight**2
                score[taken] = -np.inf
                row = best_row(unit, score, slack, lambda tied: _scores(pool, tied, rows, weight))
            rows.append(row)
            taken[row] = True
            np.maximum(closeness, unit @ unit[row], out=closeness)
        distances = distances_to_earlier(pool, np.array(rows))
        reasons = [
            f"the farthest from every labelled image ({distance:.2f} away)"
            if np.isfinite(distance)
            else "the image nearest to the middle of the pool"
            for distance in distances
        ]
        gains = np.where(np.isfinite(distances), distances, 2.0) * weight[rows]
        return self._selection(rows, gains, reasons)


def _nearest_to_mean(unit: Unit, taken: np.ndarray) -> int:
    mean = unit.mean(axis=0, dtype=np.float64)
    closeness = unit @ mean.astype(np.float32)
    closeness[taken] = -np.inf
    slack = 4 * rounding_band(unit.shape[1])
    return best_row(unit, closeness, slack, lambda tied: (unit[tied] * mean).sum(axis=1))


def _scores(pool: Pool, rows: Rows, picks: list[int], weight: NDArray[np.float64]) -> Scores:
    """(len(rows),) d² / 2 to the nearest labelled image or pick, times the squared weight."""
    known = np.concatenate([pool.labelled, picks]).astype(np.int64)
    first, second = np.repeat(rows, len(known)), np.tile(known, len(rows))
    distance = distances_of_pairs(pool.unit, first, second).reshape(len(rows), -1).min(axis=1)
    return distance**2 / 2 * weight[rows] ** 2
