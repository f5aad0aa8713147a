"""BADGE: images that would change the model most, and differently from each other.

Ash et al.: Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds, ICLR 2020
(arXiv 1906.03671).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coldstart.progress import Progress
from coldstart.selection.doubt import doubt_of
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy


@dataclass(frozen=True, kw_only=True)
class Badge(Strategy):
    """k-means++ on the gradients (p - likeliest class) ⊗ embedding of the probe's last layer.

    The gradients are never written out: their products are products of the two parts. The first
    pick has the longest gradient. Gain: squared distance to the nearest earlier pick's gradient.
    """

    name = "badge"
    title = "BADGE"
    summary = "Picks images that would each teach the model something large and something else."
    paper = "Ash et al., ICLR 2020, arXiv 1906.03671"
    needs_labels = True

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        doubt = doubt_of(pool, self.name)
        pull = doubt.probabilities.copy()
        pull[np.arange(pool.n), pull.argmax(axis=1)] -= 1
        length = np.einsum("ij,ij->i", pull, pull)
        weight = np.ones(pool.n) if pool.weights is None else pool.weights / pool.weights.max()
        generator = np.random.default_rng(self.seed)
        free = pool.candidates.copy()
        # To the nearest earlier pick; the first pick goes by its own length.
        distance = length
        rows, gains = [], []
        for number in range(budget):
            progress(number, budget, "choosing images")
            chance = np.where(free, np.maximum(distance, 0) * weight, 0)
            if number == 0:
                row = int(np.argmax(np.where(free, chance, -1)))
            elif chance.sum() > 1e-12:
                total = np.cumsum(chance)
                row = int(np.searchsorted(total, generator.random() * total[-1], side="right"))
                row = row if row < pool.n and free[row] else int(np.argmax(chance))
            else:
                row = int(np.argmax(free))
            rows.append(row)
            gains.append(max(0.0, float(distance[row])))
            free[row] = False
            product = (pull @ pull[row]) * (pool.unit @ pool.unit[row])
            to_pick = length + length[row] - 2 * product
            distance = to_pick if number == 0 else np.minimum(distance, to_pick)
        return self._selection(rows, gains, [doubt.in_words(row) for row in rows])
