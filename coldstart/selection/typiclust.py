"""TypiClust: the most typical image of each group that has no label yet; and TCM, which goes on
from there by margin.

Hacohen, Dekel, Weinshall: Active Learning on a Budget, ICML 2022 (arXiv 2202.02794).
Doucet et al.: Bridging Diversity and Uncertainty in Active Learning, 2024 (arXiv 2403.03728).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.doubt import knows_two_classes
from coldstart.selection.exact import (
    Unit,
    best_row,
    distances_of_pairs,
    one_blas_thread,
    row_blocks,
)
from coldstart.selection.kmeans import kmeans
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import ENGINE_HELP, ONE_MACHINE, Strategy, option
from coldstart.selection.uncertainty import Margin

_SMALL_GROUP = 5
_TILE_ENTRIES = 8_000_000
# Typicalities that differ by less than this share of the best are measured again.
_TIE = 1e-4


@dataclass(frozen=True, kw_only=True)
class TypiClust(Strategy):
    """As many k-means groups as there are labels and picks together; from the groups with the
    fewest labels, the largest first, the image with the smallest mean distance to its neighbours.

    Gain: typicality, 1 / (that mean distance). Groups of five images or fewer come last.
    """

    name = "typiclust"
    title = "TypiClust"
    summary = "Splits the pool into groups and takes the most typical image of each unlabelled one."
    paper = "Hacohen et al., ICML 2022, arXiv 2202.02794"

    groups: int = option(500, "The most groups to make.", minimum=2, maximum=100_000)
    neighbours: int = option(
        20, "How many nearest neighbours typicality is measured with.", minimum=1, maximum=1000
    )
    starts: int = option(1, "How many random starts of k-means to try.", minimum=1, maximum=100)
    engine: str = option("local", ENGINE_HELP, choices=ONE_MACHINE)

    @property
    def nested(self) -> bool:
        return False

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        count = min(pool.n, self.groups, len(pool.labelled) + budget)
        of_row = kmeans(
            pool.unit,
            count,
            mass=pool.mass,
            starts=self.starts,
            seed=self.seed,
            engine=self.engine,
            progress=progress,
        ).of_row
        sizes = np.bincount(of_row, weights=pool.mass, minlength=count).astype(np.float64)
        images = np.bincount(of_row, minlength=count)
        labels = np.bincount(of_row[pool.labelled], minlength=count)
        members = np.split(np.argsort(of_row, kind="stable"), np.cumsum(images)[:-1])
        waiting: dict[int, _Group] = {}
        rows, gains, reasons = [], [], []
        for number in range(budget):
            progress(number, budget, "choosing images")
            group = _next_group(labels, sizes, images, waiting)
            while group not in waiting or not waiting[group].left:
                waiting[group] = _Group(pool, members[group], self.neighbours)
                group = _next_group(labels, sizes, images, waiting)
            row, typicality = waiting[group].take()
            labels[group] += 1
            rows.append(row)
            gains.append(typicality)
            reasons.append(
                f"the most typical image left of a group of {images[group]:,} "
                f"with {labels[group] - 1} labels"
            )
        return self._selection(rows, gains, reasons)


@dataclass(frozen=True, kw_only=True)
class TCM(Strategy):
    """TypiClust until there are a few labels for each class seen, margin from then on.

    Gains are those of the strategy that was used; the first note says which.
    """

    name = "tcm"
    title = "TCM (TypiClust, then margin)"
    summary = "Takes typical images first, and doubtful ones once each class has a few labels."
    paper = "Doucet et al., 2024, arXiv 2403.03728"

    switch_at: int = option(
        5, "Labels for each class seen at which margin takes over.", minimum=1, maximum=1000
    )

    @property
    def nested(self) -> bool:
        return False

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        used: Strategy = TypiClust(seed=self.seed)
        if pool.labels is not None and knows_two_classes(pool):
            seen = len(set(pool.labels.tolist()))
            if len(pool.labels) >= self.switch_at * seen:
                used = Margin(seed=self.seed)
        picks = used.select(pool, budget, progress=progress)
        return replace(
            picks,
            strategy=self.name,
            settings=asdict(self),
            notes=[f"Picked by {used.title}.", *picks.notes],
        )


class _Group:
    """The members of a group and their typicality, of which candidates are taken one by one."""

    def __init__(self, pool: Pool, members: NDArray[np.int64], neighbours: int) -> None:
        self._members, self._unit = members, pool.unit[members]
        self._count = min(neighbours, len(members) // 2)
        with one_blas_thread():
            self._score = _typicality(self._unit, self._count)
        self._score[~pool.candidates[members]] = -np.inf
        self.left = int(np.sum(pool.candidates[members]))

    def take(self) -> tuple[int, float]:
        """The most typical candidate left, the lowest row of several, and its typicality."""
        best = float(self._score.max())
        one = best_row(self._unit, self._score, _TIE * best, self._measured)
        typicality = float(self._score[one])
        self._score[one] = -np.inf
        self.left -= 1
        return int(self._members[one]), typicality

    def _measured(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Typicality of some members, from distances in float64."""
        if self._count < 1:
            return np.ones(len(rows))
        size = len(self._unit)
        first, second = np.repeat(rows, size), np.tile(np.arange(size), len(rows))
        distance = distances_of_pairs(self._unit, first, second).reshape(len(rows), size)
        distance[np.arange(len(rows)), rows] = np.inf
        nearest = np.sort(distance, axis=1)[:, : self._count]
        return 1 / (nearest.mean(axis=1) + 1e-5)


def _next_group(
    labels: NDArray[np.int64],
    sizes: NDArray[np.float64],
    images: NDArray[np.int64],
    waiting: dict[int, _Group],
) -> int:
    """Groups that still have candidates; large ones first, then fewest labels, then size."""
    spent = np.zeros(len(labels), dtype=bool)
    spent[[number for number, group in waiting.items() if not group.left]] = True
    order = np.lexsort((-sizes, labels, images <= _SMALL_GROUP, spent))
    return int(order[0])


def _typicality(unit: Unit, count: int) -> NDArray[np.float64]:
    """(m,) 1 / mean distance to the nearest ``count`` others of the same group."""
    if count < 1:
        return np.ones(len(unit))
    out = np.empty(len(unit))
    for part in row_blocks(len(unit), max(1, _TILE_ENTRIES // len(unit))):
        closeness = unit[part] @ unit.T
        closeness[np.arange(len(closeness)), np.arange(part.start, part.stop)] = -np.inf
        nearest = np.partition(closeness, len(unit) - count, axis=1)[:, len(unit) - count :]
        distance = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * nearest.astype(np.float64)))
        out[part] = 1 / (distance.mean(axis=1) + 1e-5)
    return out
