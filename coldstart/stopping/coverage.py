"""Coverage as a stopping signal: what is reached, what the last labels added, what is untouched.

It is never turned into an accuracy: the bound of ProbCover's paper was above 50% error on data
where the true error was 11%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.coverage import coverage_curve, covered_mask
from coldstart.selection.neighbours import balls

RECENT_SHARE = 0.1
FEWEST_RECENT_LABELS = 10
REGIONS = 6
LOOKED_AT = 5_000
FULL = 0.995
"""From here on coverage is as good as complete and no longer tells labels apart."""


@dataclass(frozen=True, eq=False)
class CoverageSignal:
    """How much of the pool lies near a label.

    Attributes
    ----------
    reached : share of the pool within ``delta`` of a labelled image.
    per_label : share added by each of the last ``recent`` labels, on average.
    curve : (labels + 1,) coverage after each label.
    untouched : rows that stand for the largest regions without a label, largest first.
    untouched_share : (len(untouched),) share of the pool in each.
    words : one sentence.
    """

    reached: float
    per_label: float
    recent: int
    delta: float
    curve: NDArray[np.float64]
    untouched: NDArray[np.int64]
    untouched_share: NDArray[np.float64]
    words: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }


def measure_coverage(
    unit: NDArray[np.float32],
    labelled: Sequence[int] | ArrayLike,
    delta: float,
    *,
    weights: ArrayLike | None = None,
    regions: int = REGIONS,
    seed: int = 0,
    progress: Progress = silent,
) -> CoverageSignal:
    """What the labels cover, and where they do not reach.

    unit : (n, d) float32, rows of length 1. labelled : rows in the order they were labelled.
    delta : the radius. weights : (n,) how many images each row stands for. Beyond 5,000 uncovered
    images the regions are found on 5,000 random ones.
    """
    order = np.asarray(labelled, dtype=np.int64)
    curve = coverage_curve(unit, order, delta, weights=weights)
    recent = min(len(order), max(FEWEST_RECENT_LABELS, int(RECENT_SHARE * len(order))))
    added = float(curve[-1] - curve[-1 - recent]) / recent if recent else 0.0
    uncovered = np.flatnonzero(~covered_mask(unit, order, delta)) if len(order) else None
    rows = np.arange(len(unit)) if uncovered is None else uncovered
    untouched, share = _regions(unit, rows, delta, regions, seed, progress)
    return CoverageSignal(
        reached=float(curve[-1]),
        per_label=added,
        recent=recent,
        delta=float(delta),
        curve=curve,
        untouched=untouched,
        untouched_share=share,
        words=_words(curve, recent, added),
    )


def _words(curve: NDArray[np.float64], recent: int, added: float) -> str:
    full = int(np.argmax(curve >= FULL))
    if curve[-1] >= FULL and full < len(curve) - 1 - recent:
        return (
            f"Nearly all images ({FULL:.1%}) were near a labelled one after {full:,} labels "
            "already: at this radius coverage has no more to say, and it never says how well "
            "images are predicted."
        )
    words = f"{curve[-1]:.0%} of the images are near a labelled one"
    if recent:
        words += f"; each of the last {recent} labels added {100 * added:.2f} points"
    return words + ". That says what was looked at, not how well it is predicted."


def _regions(
    unit: NDArray[np.float32],
    rows: NDArray[np.int64],
    delta: float,
    count: int,
    seed: int,
    progress: Progress,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Greedy cover of ``rows`` by themselves: the middles of the largest balls, and their sizes."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    drawn = np.sort(np.random.default_rng(seed).permutation(rows)[:LOOKED_AT])
    around = balls(unit[drawn], delta, progress=progress)
    free = np.ones(len(drawn))
    total = around.mass_inside(free)
    middles: list[int] = []
    sizes: list[float] = []
    while len(middles) < count and free.any():
        middle = int(np.argmax(total))
        members = np.asarray(around.members(middle), dtype=np.int64)
        new = members[free[members] > 0]
        middles.append(int(drawn[middle]))
        sizes.append(len(new) / len(drawn) * len(rows) / len(unit))
        around.take_away(total, new, free)
        free[new] = 0
    return np.array(middles, dtype=np.int64), np.array(sizes)
