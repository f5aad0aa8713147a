"""DropQuery: images whose predicted class changes when part of the embedding is dropped.

Gupte et al.: Revisiting Active Learning in the Era of Vision Foundation Models, TMLR 2024
(arXiv 2401.14555).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.doubt import fit_probe, knows_two_classes
from coldstart.selection.exact import row_blocks
from coldstart.selection.kmeans import KMeans, kmeans, nearest_to_centres
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy, option


@dataclass(frozen=True, kw_only=True)
class DropQuery(Strategy):
    """Candidates are images whose class changes in more than half of the passes with dropout (in
    fewer, until there are enough); k-means on them, and the candidate nearest to each centre.

    Without labels it is k-means on the whole pool. Gain: share of the candidates in the group.
    """

    name = "dropquery"
    title = "DropQuery"
    summary = "Groups the images whose predicted class is fragile and takes the middle of each."
    paper = "Gupte et al., TMLR 2024, arXiv 2401.14555"

    passes: int = option(
        3, "How often each image is looked at with dropout.", minimum=1, maximum=50
    )
    drop: float = option(
        0.75, "Share of the embedding dropped in each pass.", minimum=0.01, maximum=0.99
    )
    candidates_per_pick: int = option(
        25, "How many candidates there must be for each pick.", minimum=1, maximum=1000
    )

    @property
    def nested(self) -> bool:
        return False

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        if pool.labels is None or not knows_two_classes(pool):
            picks = KMeans(seed=self.seed).select(pool, budget, progress=progress)
            return self._selection(
                picks.indices,
                picks.gains,
                picks.reasons,
                notes=["No two classes are labelled yet: picked by k-means centres."],
            )
        changes = self._changes(pool, progress)
        rows = np.flatnonzero(pool.candidates)
        wanted = min(len(rows), self.candidates_per_pick * budget)
        threshold = self.passes // 2 + 1
        while threshold > 0 and (changes[rows] >= threshold).sum() < wanted:
            threshold -= 1
        fragile = rows[changes[rows] >= threshold]
        unit = pool.unit[fragile]
        groups = kmeans(unit, budget, mass=pool.mass[fragile], seed=self.seed, progress=progress)
        picks_of = nearest_to_centres(unit, groups, np.ones(len(fragile), dtype=bool))
        share = groups.sizes / max(groups.sizes.sum(), 1e-12)
        order = np.argsort(-share, kind="stable")
        chosen = fragile[picks_of[order]]
        reasons = [
            f"its predicted class changes in {changes[row]} of {self.passes} passes with dropout, "
            f"and it stands for {part:.1%} of such images"
            for row, part in zip(chosen.tolist(), share[order], strict=True)
        ]
        return self._selection(chosen, share[order], reasons)

    def _changes(self, pool: Pool, progress: Progress) -> NDArray[np.int64]:
        """(n,) in how many passes the predicted class is another than without dropout."""
        probe = fit_probe(pool.unit[pool.labelled], pool.labels)
        generator = np.random.default_rng(self.seed)
        before = probe.predict(pool.unit)
        changes = np.zeros(pool.n, dtype=np.int64)
        for number in range(self.passes):
            progress(number, self.passes, "looking at images with dropout")
            for part in row_blocks(pool.n, 4096):
                rows = pool.unit[part]
                kept = generator.random(rows.shape, dtype=np.float32) >= self.drop
                dropped = rows * kept / np.float32(1 - self.drop)
                changes[part] += probe.predict(dropped) != before[part]
        return changes
