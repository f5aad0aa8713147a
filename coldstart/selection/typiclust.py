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
from coldstart.selection.exact import Unit, row_blocks
from coldstart.selection.kmeans import kmeans
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy, option
from coldstart.selection.uncertainty import Margin

_SMALL_GROUP = 5


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
            progress=progress,
        ).of_row
        sizes = np.bincount(of_row, weights=pool.mass, minlength=count).astype(np.float64)
        images = np.bincount(of_row, minlength=count)
        labels = np.bincount(of_row[pool.labelled], minlength=count)
        members = np.split(np.argsort(of_row, kind="stable"), np.cumsum(images)[:-1])
        waiting: dict[int, list[tuple[int, float]]] = {}
        rows, gains, reasons = [], [], []
        for number in range(budget):
            progress(number, budget, "choosing images")
            group = _next_group(labels, sizes, images, waiting)
            while group not in waiting or not waiting[group]:
                waiting[group] = self._by_typicality(pool, members[group])
                group = _next_group(labels, sizes, images, waiting)
            row, typicality = waiting[group].pop(0)
            labels[group] += 1
            rows.append(row)
            gains.append(typicality)
            reasons.append(
                f"the most typical image left of a group of {images[group]:,} "
                f"with {labels[group] - 1} labels"
            )
        return self._selection(rows, gains, reasons)

    def _by_typicality(self, pool: Pool, members: NDArray[np.int64]) -> list[tuple[int, float]]:
        """Candidates of a group and their typicality, most typical first."""
        score = _typicality(pool.unit[members], self.neighbours)
        order = np.argsort(-score, kind="stable")
        order = order[pool.candidates[members[order]]]
        return list(zip(members[order].tolist(), score[order].tolist(), strict=True))


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


def _next_group(
    labels: NDArray[np.int64],
    sizes: NDArray[np.float64],
    images: NDArray[np.int64],
    waiting: dict[int, list[tuple[int, float]]],
) -> int:
    """Groups that still have candidates; large ones first, then fewest labels, then size."""
    spent = np.zeros(len(labels), dtype=bool)
    spent[[group for group, left in waiting.items() if not left]] = True
    order = np.lexsort((-sizes, labels, images <= _SMALL_GROUP, spent))
    return int(order[0])


def _typicality(unit: Unit, neighbours: int) -> NDArray[np.float64]:
    """(m,) 1 / mean distance to the nearest min(neighbours, m // 2) others of the same group."""
    count = min(neighbours, len(unit) // 2)
    if count < 1:
        return np.ones(len(unit))
    out = np.empty(len(unit))
    for part in row_blocks(len(unit), max(1, 8_000_000 // len(unit))):
        closeness = unit[part] @ unit.T
        closeness[np.arange(len(closeness)), np.arange(part.start, part.stop)] = -np.inf
        nearest = np.partition(closeness, len(unit) - count, axis=1)[:, len(unit) - count :]
        distance = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * nearest.astype(np.float64)))
        out[part] = 1 / (distance.mean(axis=1) + 1e-5)
    return out
