"""USL: dense places, one in each group, that keep away from each other.

Wang, Lian, Yu: Unsupervised Selective Labeling for More Effective Semi-Supervised Learning,
ECCV 2022 (arXiv 2110.03006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.exact import row_blocks
from coldstart.selection.kmeans import kmeans
from coldstart.selection.neighbours import knn
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy, option

_TILE_ENTRIES = 8_000_000


@dataclass(frozen=True, kw_only=True)
class USL(Strategy):
    """k-means groups; in each the image with the highest density (1 / mean distance to its nearest
    neighbours) less a penalty for being near the picks of other groups, averaged over rounds.

    Labelled images are fixed centres and repel too. Gain: the density of the pick.
    """

    name = "usl"
    title = "USL"
    summary = "Takes a dense place of each group, away from the places taken in other groups."
    paper = "Wang et al., ECCV 2022, arXiv 2110.03006"

    neighbours: int = option(
        20, "How many nearest neighbours density is measured with.", minimum=1, maximum=1000
    )
    penalty: float = option(
        0.05, "How much being near other picks counts against an image.", minimum=0.0, maximum=100.0
    )
    power: float = option(
        0.5, "How fast the penalty falls with distance.", minimum=0.1, maximum=10.0
    )
    rounds: int = option(10, "How often picks move apart.", minimum=1, maximum=100)
    momentum: float = option(
        0.9, "How much of the last round's penalty is kept.", minimum=0.0, maximum=0.99
    )

    @property
    def nested(self) -> bool:
        return False

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        density = np.ones(pool.n)
        if pool.n > 1:
            distance, _ = knn(pool.unit, min(self.neighbours, pool.n - 1))
            density = (1 / (distance.mean(axis=1) + 1e-5))[pool.lowest_copy]
        if pool.weights is not None:
            density = density * pool.weights / pool.weights.max()
        fixed = len(pool.labelled)
        of_row = kmeans(
            pool.unit,
            budget,
            fixed=pool.unit[pool.labelled],
            mass=pool.mass,
            starts=3,
            seed=self.seed,
            progress=progress,
        ).of_row
        group = np.where(pool.candidates, of_row - fixed, -1)
        picks = _best_of_groups(density, group, budget, pool.candidates)
        penalty = np.zeros(pool.n)
        for number in range(self.rounds):
            progress(number, self.rounds, "moving picks apart")
            near = self._repulsion(pool, picks, group)
            penalty = near if number == 0 else self.momentum * penalty + (1 - self.momentum) * near
            moved = _best_of_groups(
                density - self.penalty * penalty, group, budget, pool.candidates
            )
            if np.array_equal(moved, picks):
                break
            picks = moved
        order = np.argsort(-density[picks], kind="stable")
        rows = picks[order]
        sizes = np.bincount(of_row, minlength=fixed + budget)[of_row[rows]]
        reasons = [f"a dense place in a group of {size:,} images" for size in sizes.tolist()]
        return self._selection(rows, density[rows], reasons)

    def _repulsion(
        self, pool: Pool, picks: NDArray[np.int64], group: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n,) Σ 1 / distance^power to the labelled images and to the picks of other groups."""
        others = np.concatenate([picks, pool.labelled])
        other_groups = np.concatenate(
            [np.arange(len(picks)), np.full(len(pool.labelled), -2, dtype=np.int64)]
        )
        out = np.empty(pool.n)
        for part in row_blocks(pool.n, max(1, _TILE_ENTRIES // len(others))):
            closeness = (pool.unit[part] @ pool.unit[others].T).astype(np.float64)
            distance = np.sqrt(np.maximum(1e-6, 2 - 2 * closeness))
            force = distance**-self.power
            force[group[part][:, None] == other_groups[None, :]] = 0
            out[part] = force.sum(axis=1)
        return out[pool.lowest_copy]


def _best_of_groups(
    score: NDArray[np.float64],
    group: NDArray[np.int64],
    count: int,
    candidates: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """For each group its candidate with the highest score; where it has none, the best one left."""
    order = np.lexsort((np.arange(len(score)), -score, group))
    order = order[group[order] >= 0]
    found, first = np.unique(group[order], return_index=True)
    picks = np.full(count, -1, dtype=np.int64)
    picks[found] = order[first]
    free = candidates.copy()
    free[order[first]] = False
    rest = np.flatnonzero(free)
    rest = rest[np.argsort(-score[rest], kind="stable")]
    empty = np.flatnonzero(picks < 0)
    picks[empty] = rest[: len(empty)]
    return picks
