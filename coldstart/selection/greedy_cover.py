"""Greedy maximum coverage: take the ball with the most that nobody has covered, again and again.

The greedy set covers at least 1 - 1/e of what the best set of that size would (Nemhauser et al.,
1978). Each image is covered once, so each edge of the graph is looked at once over all picks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import Rows, Unit, nearest_distances
from coldstart.selection.neighbours import Balls

SHRINK = 0.8
_SMALLEST_DELTA = 1e-6


@dataclass
class Cover:
    """Greedy picks: the row, the newly covered mass and the radius of each; ``saturated_at`` is the
    number of picks after which nothing more could be covered at the first radius."""

    rows: list[int] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)
    deltas: list[float] = field(default_factory=list)
    saturated_at: int | None = None


def greedy_cover(
    unit: Unit,
    delta: float,
    budget: int,
    *,
    balls_of: Callable[[float], Balls],
    candidates: NDArray[np.bool_],
    chosen: Rows,
    mass: NDArray[np.float64],
    progress: Progress = silent,
) -> Cover:
    """``budget`` rows, each the candidate whose ball holds the most mass not yet covered.

    ``chosen`` rows cover from the start. Ties go to the lowest row. When no candidate would cover
    anything new, the radius shrinks to 0.8 of itself until one does; when that cannot help (only
    exact copies of chosen images are left), the lowest rows follow with a gain of 0.
    """
    cover = Cover()
    open_rows = candidates.copy()
    balls = balls_of(delta)
    covered = balls.covered_by(chosen)
    gain = _gains(balls, covered, open_rows, mass)
    while len(cover.rows) < budget:
        progress(len(cover.rows), budget, "choosing images")
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            cover.saturated_at = (
                len(cover.rows) if cover.saturated_at is None else cover.saturated_at
            )
            taken = np.concatenate([np.asarray(chosen), cover.rows]).astype(np.int64)
            smaller = _shrink(unit, balls, balls_of, open_rows & (mass > 0), taken)
            if smaller is None:
                _take_lowest(cover, open_rows, budget, balls.delta)
                return cover
            balls, covered = smaller
            gain = _gains(balls, covered, open_rows, mass)
            continue
        members = balls.members(best)
        new = members[~covered[members]]
        cover.rows.append(best)
        cover.gains.append(float(mass[new].sum()))
        cover.deltas.append(balls.delta)
        covered[new] = True
        open_rows[best] = False
        balls.take_away(gain, new, mass)
        gain[best] = -np.inf
    return cover


def _gains(
    balls: Balls,
    covered: NDArray[np.bool_],
    open_rows: NDArray[np.bool_],
    mass: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(n,) uncovered mass in each ball; minus infinity where a row may not be picked."""
    inside, outside = np.flatnonzero(covered), np.flatnonzero(~covered)
    if len(inside) <= len(outside):
        gain = balls.mass_inside(mass)
        balls.take_away(gain, inside, mass)
    else:
        gain = np.zeros(len(covered))
        balls.take_away(gain, outside, -mass)
    gain[~open_rows] = -np.inf
    return gain


def _shrink(
    unit: Unit,
    balls: Balls,
    balls_of: Callable[[float], Balls],
    wanted: NDArray[np.bool_],
    taken: Rows,
) -> tuple[Balls, NDArray[np.bool_]] | None:
    """The largest radius delta 0.8^k at which one of the ``wanted`` rows is not covered."""
    rows = np.flatnonzero(wanted)
    if len(rows) == 0:
        return None
    delta = balls.delta * SHRINK
    farthest = None
    while delta > _SMALLEST_DELTA:
        smaller = balls_of(delta)
        covered = smaller.covered_by(taken)
        if not covered[rows].all():
            return smaller, covered
        # Not before one radius has failed, which is rare: it costs more than that radius did.
        if farthest is None:
            farthest = float(nearest_distances(unit, taken)[rows].max())
        delta *= SHRINK
        # The radii up to here surely cover everything; the margin pays for float32's nearest rows.
        while delta > 1.01 * farthest + 1e-3:
            delta *= SHRINK
    return None


def _take_lowest(cover: Cover, open_rows: NDArray[np.bool_], budget: int, delta: float) -> None:
    rest = np.flatnonzero(open_rows)[: budget - len(cover.rows)]
    cover.rows.extend(rest.tolist())
    cover.gains.extend([0.0] * len(rest))
    cover.deltas.extend([delta] * len(rest))
