"""Picks drawn at random: the baseline every other strategy is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coldstart.progress import Progress
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy


@dataclass(frozen=True, kw_only=True)
class Random(Strategy):
    """Draws images uniformly, or in proportion to their weights, without replacement."""

    name = "random"
    title = "Random"
    summary = "Draws images by chance; the baseline the others must beat."
    paper = "none"

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        rows = np.flatnonzero(pool.candidates)
        generator = np.random.default_rng(self.seed)
        if pool.weights is None:
            order = rows[generator.permutation(len(rows))]
        else:
            # Exponential races: the order of Exp(1)/weight is a draw in proportion to the weights.
            with np.errstate(divide="ignore"):
                arrival = generator.exponential(size=len(rows)) / pool.weights[rows]
            order = rows[np.argsort(arrival, kind="stable")]
        gains = np.full(budget, 1 / pool.n)
        return self._selection(order[:budget], gains, ["drawn at random"] * budget)
