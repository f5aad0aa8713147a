"""Is one strategy better than another? Differences on the same splits, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DRAWS = 10_000

FEWEST_SPLITS = 6
"""On fewer no difference can be shown: even if all are of one sign, Wilcoxon's p is above 5%, and a
bootstrap of so few is far too narrow."""


@dataclass(frozen=True)
class Comparison:
    """A mean paired difference: its bootstrap interval, Wilcoxon's p, and on how many of the
    ``pairs`` splits it was above and below zero."""

    mean: float
    low: float
    high: float
    p: float
    wins: int
    losses: int
    pairs: int

    @property
    def better(self) -> bool:
        return self.low > 0 and self.pairs >= FEWEST_SPLITS

    @property
    def worse(self) -> bool:
        return self.high < 0 and self.pairs >= FEWEST_SPLITS


def compare_paired(
    one: ArrayLike, other: ArrayLike, *, level: float = 0.95, seed: int = 0
) -> Comparison:
    """``one`` minus ``other``, (r,) values of the same r splits in the same order.

    The interval is the percentile bootstrap's over splits (10,000 draws); p is the two-sided
    Wilcoxon signed-rank test's, 1 where all differences are zero.
    """
    from scipy.stats import wilcoxon

    difference = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    if difference.ndim != 1 or len(difference) == 0:
        raise ValueError(f"paired values must have shape (r,); got {difference.shape}")
    means = difference[bootstrap_rows(len(difference), seed)].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    p = float(wilcoxon(difference).pvalue) if np.any(difference != 0) else 1.0
    return Comparison(
        mean=float(difference.mean()),
        low=float(low),
        high=float(high),
        p=p,
        wins=int(np.sum(difference > 0)),
        losses=int(np.sum(difference < 0)),
        pairs=len(difference),
    )


def bootstrap_rows(count: int, seed: int = 0, draws: int = _DRAWS) -> NDArray[np.int64]:
    """(draws, count) row numbers drawn with replacement."""
    return np.random.default_rng(seed).integers(0, count, size=(draws, count))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values of a family of tests, in the order given (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    corrected = [0.0] * count
    largest = 0.0
    for place, which in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (count - place) * float(p_values[which])))
        corrected[which] = largest
    return corrected
