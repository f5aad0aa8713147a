"""DCoM: ProbCover with a radius for each labelled image, that turns to margin as coverage grows.

Hacohen, Tuytelaars et al.: DCoM: Active Learning for All Learners, 2024 (arXiv 2407.01804).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.doubt import Doubt, doubt_of, knows_two_classes
from coldstart.selection.exact import row_blocks
from coldstart.selection.neighbours import Balls, balls
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.probcover import ProbCover
from coldstart.selection.strategy import Strategy, option


@dataclass(frozen=True, kw_only=True)
class DCoM(Strategy):
    """Score = S (p2 - p1) + (1 - S) newly covered images, both scaled to 0..1, where S grows from 0
    to 1 with coverage. Each labelled image covers a ball of its own radius, the largest at which
    enough of the ball is predicted to be of its class; picks cover a ball of the mean radius.

    Without labels of two classes it is ProbCover with the automatic radius. Gain: the score.
    """

    name = "dcom"
    title = "DCoM"
    summary = "Covers the pool first and turns to doubtful images as coverage grows."
    paper = "Hacohen et al., 2024, arXiv 2407.01804"

    steepness: float = option(
        50.0, "How suddenly it turns from coverage to doubt.", minimum=0.1, maximum=1000.0
    )
    turn_at: float = option(0.8, "The coverage at which it turns.", minimum=0.0, maximum=1.0)
    largest_delta: float = option(
        1.1, "The largest radius a labelled image may have.", minimum=0.01, maximum=2.0
    )

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        if pool.labels is None or not knows_two_classes(pool):
            picks = ProbCover(seed=self.seed).select(pool, budget, progress=progress)
            note = "No two classes are labelled yet: picked by ProbCover."
            return replace(
                self._selection(picks.indices, picks.gains, picks.reasons),
                delta=picks.delta,
                saturated_at=picks.saturated_at,
                notes=[note, *picks.notes],
            )
        doubt = doubt_of(_with_named_classes(pool), self.name)
        deltas, covered = self._radii(pool, doubt, progress)
        delta = float(deltas.mean())
        near = balls(pool.unit, delta, graph=pool.graph, progress=progress)
        rows, gains = self._greedy(pool, budget, doubt, near, covered, progress)
        reasons = [doubt.in_words(row) for row in rows]
        note = f"Labelled images cover {covered.mean():.0%} of the pool, mean radius {delta:.2f}."
        return replace(self._selection(rows, gains, reasons), delta=delta, notes=[note])

    def _greedy(
        self,
        pool: Pool,
        budget: int,
        doubt: Doubt,
        near: Balls,
        covered: NDArray[np.bool_],
        progress: Progress,
    ) -> tuple[list[int], list[float]]:
        mass = pool.mass
        density = near.mass_inside(np.where(covered, 0.0, mass))
        share = _competence(float(mass[covered].sum() / mass.sum()), self.steepness, self.turn_at)
        unsure = _scaled(doubt.margin, pool.candidates)
        if pool.weights is not None:
            unsure = unsure * pool.weights / pool.weights.max()
        free = pool.candidates.copy()
        rows, gains = [], []
        for number in range(budget):
            progress(number, budget, "choosing images")
            score = share * unsure + (1 - share) * _scaled(density, free)
            score[~free] = -np.inf
            row = int(np.argmax(score))
            rows.append(row)
            gains.append(float(score[row]))
            free[row] = False
            members = near.members(row)
            new = members[~covered[members]]
            covered[new] = True
            near.take_away(density, new, mass)
        return rows, gains

    def _radii(
        self, pool: Pool, doubt: Doubt, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(labelled,) the radius of each labelled image, and (n,) what those balls cover.

        The required share rises with coverage (0.2 coverage + 0.4), which in turn depends on the
        radii: three rounds, from no coverage, are enough to settle.
        """
        predicted = np.array(doubt.classes, dtype=object)[doubt.probabilities.argmax(axis=1)]
        predicted[pool.labelled] = np.asarray(pool.labels, dtype=object)
        covered = np.zeros(pool.n, dtype=bool)
        deltas = np.full(len(pool.labelled), self.largest_delta)
        for number in range(3):
            progress(number, 3, "fitting the radius of each label")
            needed = 0.2 * covered.mean() + 0.4
            covered = np.zeros(pool.n, dtype=bool)
            for part in row_blocks(len(pool.labelled), max(1, 8_000_000 // pool.n)):
                rows = pool.labelled[part]
                distance = np.sqrt(np.maximum(0, 2 - 2 * (pool.unit[rows] @ pool.unit.T)))
                for place, row, each in zip(range(part.start, part.stop), rows, distance):
                    same = predicted == predicted[row]
                    deltas[place] = _widest_pure(each, same, needed, self.largest_delta)
                    covered |= each < deltas[place]
        return deltas, covered


def _with_named_classes(pool: Pool) -> Pool:
    """The pool without given probabilities, so that predictions carry the names of its labels."""
    if pool.probabilities is None or pool.class_names is not None:
        return pool
    return pool.changed(probabilities=None)


def _widest_pure(
    distance: NDArray[np.float32], same: NDArray[np.bool_], needed: float, largest: float
) -> float:
    """The largest radius at which a share ``needed`` of the ball is of the same class."""
    order = np.argsort(distance, kind="stable")
    order = order[distance[order] < largest]
    share = np.cumsum(same[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= needed)
    if len(enough) == 0:
        return 0.05
    if enough[-1] + 1 == len(order):
        return largest
    return max(0.05, float(distance[order[enough[-1] + 1]]))


def _competence(coverage: float, steepness: float, turn_at: float) -> float:
    """S: from 0 to 1, steepest at ``turn_at``, exactly 1 at full coverage."""
    top = 1 + np.exp(-steepness * (1 - turn_at))
    return float(top / (1 + np.exp(-steepness * (coverage - turn_at))))


def _scaled(values: NDArray[np.float64], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    low, high = values[among].min(), values[among].max()
    if high <= low:
        return np.zeros_like(values)
    return (values - low) / (high - low)
