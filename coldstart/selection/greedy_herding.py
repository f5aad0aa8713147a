"""Greedy choice of the images that stand best for a pool: maximise Σ w(x) max k(x, pick).

The gain of a candidate is Σ w(x) [k(x, c) - m(x)]+ with m(x) the best similarity so far. A pick u
changes m only where k(x, u) > m(x), so only those columns are recomputed: about n (1 + ln b)
columns over b picks, where the plain greedy recomputes n of them for each pick. O(n) memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import Rows, Unit, best_row, nearest_distances
from coldstart.selection.herding_passes import passes_over
from coldstart.selection.kernels import Kernel, exact_similarities

_TIE = 1e-5


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
    engine: str = "local",
    progress: Progress = silent,
) -> Herd:
    """``budget`` candidates, each the one that adds most to what ``chosen`` and earlier picks give.

    Gains come from float32 similarities; candidates within 1e-5 of the best are compared again in
    float64, and those that are equal there go to the lowest row. With ``engine="gpu"`` torch sums
    up the similarities on a graphics processor; the picks are the same.
    """
    # m in float64: it decides ties, and must not depend on who multiplied.
    best_so_far = np.zeros(len(unit))
    if len(chosen):
        best_so_far = kernel.of_distance(nearest_distances(unit, chosen))
    herd = Herd()
    with passes_over(unit, kernel, engine) as passes:
        gain = passes.first_gains(best_so_far.astype(np.float32), mass, progress)
        gain[~candidates] = -np.inf
        for number in range(budget):
            progress(number, budget, "choosing images")
            slack = _TIE * max(float(gain.max()), 1e-3 * mass.max())
            exact = partial(_exact_gains, unit, kernel, best_so_far, mass)
            pick = best_row(unit, gain, slack, exact)
            herd.rows.append(pick)
            herd.gains.append(max(0.0, float(gain[pick])))
            if number + 1 == budget:
                break
            similarity = exact_similarities(unit, kernel, pick)
            better = np.flatnonzero((similarity > best_so_far) & (mass > 0))
            before, after = (one[better].astype(np.float32) for one in (best_so_far, similarity))
            passes.lower_gains(gain, better, before, after, mass)
            np.maximum(best_so_far, similarity, out=best_so_far)
            gain[pick] = -np.inf
    return herd


def _exact_gains(
    unit: Unit, kernel: Kernel, best: NDArray[np.float64], mass: NDArray[np.float64], rows: Rows
) -> NDArray[np.float64]:
    similar = (exact_similarities(unit, kernel, row) for row in rows.tolist())
    return np.array([mass @ np.maximum(one - best, 0) for one in similar])
