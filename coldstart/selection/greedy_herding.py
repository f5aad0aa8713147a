"""Greedy choice of the images that stand best for a pool: maximise Σ w(x) max k(x, pick).

The gain of a candidate is Σ w(x) [k(x, c) - m(x)]+ with m(x) the best similarity so far. A pick u
changes m only where k(x, u) > m(x), so only those columns are recomputed: about n (1 + ln b)
columns over b picks, where the plain greedy recomputes n of them for each pick. O(n) memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import Rows, Unit, row_blocks
from coldstart.selection.kernels import Kernel, exact_similarities

_TILE_ROWS = 1024
_TIE = 1e-5
_MOST_TIED = 16


@dataclass
class Herd:
    """Greedy picks and the gain of each, in units of mass."""

    rows: list[int] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)


def greedy_herding(
    unit: Unit,
    kernel: Kernel,
    budget: int,
    *,
    candidates: NDArray[np.bool_],
    chosen: Rows,
    mass: NDArray[np.float64],
    progress: Progress = silent,
) -> Herd:
    """``budget`` candidates, each the one that adds most to what ``chosen`` and earlier picks give.

    Gains come from float32 similarities; candidates within 1e-5 of the best are compared again in
    float64, and those that are equal there go to the lowest row.
    """
    n = len(unit)
    best_so_far = similarity_to_nearest(unit, kernel, chosen)
    gain = _first_gains(unit, kernel, best_so_far, mass, progress)
    gain[~candidates] = -np.inf
    herd = Herd()
    for number in range(budget):
        progress(number, budget, "choosing images")
        pick, value = _best_candidate(unit, kernel, gain, best_so_far, mass)
        herd.rows.append(pick)
        herd.gains.append(value)
        if number + 1 == budget:
            break
        similarity = kernel.tile(unit, slice(0, n), np.array([pick]))[:, 0]
        better = np.flatnonzero((similarity > best_so_far) & (mass > 0))
        _lower_gains(unit, kernel, gain, better, best_so_far, similarity, mass)
        np.maximum(best_so_far, similarity, out=best_so_far)
        gain[pick] = -np.inf
    return herd


def similarity_to_nearest(unit: Unit, kernel: Kernel, chosen: Rows) -> NDArray[np.float32]:
    """(n,) similarity of each image to the most similar of ``chosen``; 0 where there are none."""
    best = np.zeros(len(unit), dtype=np.float32)
    for part in row_blocks(len(unit), 4 * _TILE_ROWS):
        for columns in row_blocks(len(chosen), _TILE_ROWS):
            tile = kernel.tile(unit, part, np.asarray(chosen)[columns])
            np.maximum(best[part], tile.max(axis=1), out=best[part])
    return best


def _first_gains(
    unit: Unit,
    kernel: Kernel,
    best_so_far: NDArray[np.float32],
    mass: NDArray[np.float64],
    progress: Progress,
) -> NDArray[np.float64]:
    """(n,) Σ w(x) [k(x, c) - m(x)]+ for every c, from one triangle of the kernel matrix."""
    gain = np.zeros(len(unit))
    weight = mass.astype(np.float32)
    nothing_yet = not best_so_far.any()
    blocks = row_blocks(len(unit), _TILE_ROWS)
    for number, part in enumerate(blocks):
        progress(number, len(blocks), "comparing images")
        for other in blocks[number:]:
            tile = kernel.tile(unit, part, other)
            forward = tile if nothing_yet else np.maximum(tile - best_so_far[other], 0)
            gain[part] += forward @ weight[other]
            if other is not part:
                backward = tile
                if not nothing_yet:
                    backward = np.maximum(tile - best_so_far[part][:, None], 0)
                gain[other] += weight[part] @ backward
    return gain


def _lower_gains(
    unit: Unit,
    kernel: Kernel,
    gain: NDArray[np.float64],
    columns: Rows,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    mass: NDArray[np.float64],
) -> None:
    """[k - before]+ - [k - after]+ = clip(k, before, after) - before, taken off every gain."""
    for part_of_columns in row_blocks(len(columns), _TILE_ROWS):
        changed = columns[part_of_columns]
        low, high = before[changed], after[changed]
        weight = mass[changed].astype(np.float32)
        for part in row_blocks(len(unit), _TILE_ROWS):
            tile = kernel.tile(unit, part, changed)
            np.clip(tile, low, high, out=tile)
            tile -= low
            gain[part] -= tile @ weight


def _best_candidate(
    unit: Unit,
    kernel: Kernel,
    gain: NDArray[np.float64],
    best_so_far: NDArray[np.float32],
    mass: NDArray[np.float64],
) -> tuple[int, float]:
    best = int(np.argmax(gain))
    level = gain[best] - _TIE * max(gain[best], 1e-3 * mass.max())
    tied = np.flatnonzero(gain >= level)
    if len(tied) > 1:
        # Exact copies of a lower row have its gain, so they need no second look.
        tied = np.sort(tied[np.unique(unit[tied], axis=0, return_index=True)[1]])
        tied = np.sort(tied[np.argsort(-gain[tied], kind="stable")[:_MOST_TIED]])
        exact = np.array(
            [
                mass @ np.maximum(exact_similarities(unit, kernel, row) - best_so_far, 0)
                for row in tied.tolist()
            ]
        )
        best = int(tied[np.argmax(exact >= exact.max() * (1 - 1e-9))])
    return best, max(0.0, float(gain[best]))
