"""ProbCover: greedily cover as much of the pool as possible with balls of one radius.

Yehuda, Dekel, Hacohen, Weinshall: Active Learning Through a Covering Lens, NeurIPS 2022
(arXiv 2205.11320). All risk is in the radius, so the default searches for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.coverage import first_cover
from coldstart.selection.greedy_cover import SHRINK, Cover, greedy_cover
from coldstart.selection.kernels import Ball
from coldstart.selection.neighbours import (
    BYTES_PER_EDGE,
    Balls,
    GraphBalls,
    MatrixFreeBalls,
    balls,
    estimate_edges,
)
from coldstart.selection.pairs import ENGINES
from coldstart.selection.picks import distances_to_earlier
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.radius import paper_radius, search_radius
from coldstart.selection.strategy import REFINE_HELP, Strategy, option
from coldstart.selection.swaps import improve_by_swaps

if TYPE_CHECKING:
    from coldstart.selection.approximate import ApproximateGraph

_MEASURED_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class ProbCover(Strategy):
    """Picks the image whose ball of radius delta holds the most images nobody has covered.

    Gain: the share of the pool (by weight) that each pick newly covers. Ties go to the lowest row;
    a distance of exactly delta is outside. When everything within reach is covered, the radius
    shrinks to 0.8 of itself and the choosing goes on (`Selection.saturated_at` says from where).
    """

    name = "probcover"
    title = "ProbCover"
    summary = "Picks images so that as much of the pool as possible has a labelled image close by."
    paper = "Yehuda et al., NeurIPS 2022, arXiv 2205.11320"
    covers = True

    delta: float | str = option(
        "auto",
        "The radius (distance of unit vectors, 0 to 2): 'auto' searches for the one whose picks "
        "lie closest to the pool; 'paper' takes the largest at which balls stay pure.",
        minimum=1e-6,
        maximum=10.0,
        choices=("auto", "paper"),
    )
    alpha: float = option(
        0.95, "With 'paper': the share of balls that must be pure.", minimum=0.01, maximum=1.0
    )
    classes: int | None = option(
        None, "With 'paper': how many classes to expect; empty to estimate it.", minimum=2
    )
    refine: str = option("none", REFINE_HELP, choices=("none", "swaps"))
    exact_up_to: int = option(
        150_000,
        "Beyond this many images neighbours are searched approximately, and how many of them were "
        "found is measured.",
        minimum=1_000,
    )
    memory_limit_gb: float = option(
        3.0, "Above this size the neighbours are recomputed instead of kept.", minimum=0.0
    )
    engine: str = option(
        "local",
        "Who compares the images: 'local' is this machine, 'gpu' its graphics processor (an NVIDIA "
        "card), 'ray' a Ray cluster (needs the extra 'ray'); the picks are the same.",
        choices=ENGINES,
    )

    @property
    def nested(self) -> bool:
        return self.refine == "none"

    def quick(self, pool: Pool) -> Strategy:
        return replace(self, engine="local")

    def at_one_radius(
        self, pool: Pool, budget: int, progress: Progress = silent
    ) -> tuple[ProbCover, str]:
        """The same with the radius that ``budget`` picks would use as a number, and where it comes
        from in words."""
        delta, notes = self.radius(pool, budget, progress)
        words = " ".join(notes) or f"Radius {delta:.4g}: the one set for ProbCover."
        return replace(self, delta=delta), words

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        delta, notes = self.radius(pool, budget, progress)
        if pool.n > self.exact_up_to and (pool.graph is None or pool.graph.delta < delta):
            return self._pick_from_many(pool, budget, delta, notes, progress)
        return self._pick_exactly(pool, budget, delta, notes, progress)

    def _pick_exactly(
        self, pool: Pool, budget: int, delta: float, notes: list[str], progress: Progress
    ) -> Selection:
        cover = greedy_cover(
            pool.unit,
            delta,
            budget,
            balls_of=self._balls_of(pool, delta, progress),
            candidates=pool.candidates,
            chosen=pool.labelled,
            mass=pool.mass,
            progress=progress,
        )
        if self.refine == "swaps":
            self._swap(pool, delta, cover, notes, progress)
        if cover.saturated_at is not None:
            notes.append(
                f"After {cover.saturated_at} picks nothing more could be covered at radius "
                f"{delta:.4g}; the picks from there on use a smaller one ({SHRINK:g} of the last)."
            )
        gains = np.array(cover.gains) / pool.mass.sum()
        return self._selection(
            cover.rows,
            gains,
            _reasons(pool, cover),
            delta=delta,
            saturated_at=cover.saturated_at,
            notes=notes,
        )

    def _pick_from_many(
        self, pool: Pool, budget: int, delta: float, notes: list[str], progress: Progress
    ) -> Selection:
        """Picks by an approximate graph, of a random part of the pool where all of it would not
        fit; what they cover is measured exactly on random images of the whole pool."""
        from coldstart.selection.approximate import approximate_graph

        needed = BYTES_PER_EDGE * estimate_edges(pool.unit, delta)
        share = min(1.0, 0.95 * float(np.sqrt(self.memory_limit_gb * 2**30 / max(1, needed))))
        size = max(budget * 4, int(share * pool.n))
        part, rows = pool.random_part(size, self.seed)
        if part is not pool and part.candidates.sum() < budget:
            part, rows = pool, np.arange(pool.n)
        if part is not pool:
            notes.append(f"Picks are chosen among {part.n:,} random images, to fit in memory.")
        found = approximate_graph(
            part.unit, delta, seed=self.seed, engine=self.engine, progress=progress
        )
        near = part.changed(graph=found.graph)
        picks = self._pick_exactly(near, budget, delta, notes, progress)
        chosen = rows[picks.indices]
        covered, measured = _measured_coverage(pool, chosen, delta, self.seed)
        notes.append(
            f"Neighbours were searched approximately: {_recall_in_words(found)}. On {measured:,} "
            f"random images, labelled images and picks cover {covered:.1%}."
        )
        return replace(picks, indices=chosen, notes=notes)

    def _swap(
        self, pool: Pool, delta: float, cover: Cover, notes: list[str], progress: Progress
    ) -> None:
        """Improve, in place, the picks made before saturation (later ones have other radii)."""
        count = len(cover.rows) if cover.saturated_at is None else cover.saturated_at
        if count == 0 or count < len(cover.rows):
            notes.append("Everything within reach is covered, so there was nothing to improve.")
            return
        rows, gains, swaps = improve_by_swaps(
            pool.unit,
            Ball(delta),
            np.array(cover.rows, dtype=np.int64),
            fixed=pool.labelled,
            candidates=pool.candidates,
            mass=pool.mass,
            seed=self.seed,
            progress=progress,
        )
        cover.rows[:], cover.gains[:] = rows.tolist(), gains
        notes.append(f"The greedy picks were improved by {swaps} swaps.")

    def radius(self, pool: Pool, budget: int, progress: Progress) -> tuple[float, list[str]]:
        """The radius that ``budget`` picks would use, and where it comes from in words."""
        if not isinstance(self.delta, str):
            return float(self.delta), []
        if self.delta == "paper":
            delta, count = paper_radius(
                pool, classes=self.classes, alpha=self.alpha, seed=self.seed, progress=progress
            )
            return delta, [
                f"Radius {delta:.4g}: the largest at which {self.alpha:.0%} of the balls hold one "
                f"of {count} pseudo-classes."
            ]
        search = search_radius(pool, budget, seed=self.seed, progress=progress)
        delta = search.best(budget)
        where = "" if search.rows >= pool.n else f", measured on {search.rows} random images"
        return delta, [
            f"Radius {delta:.4g}: of {len(search.deltas)} tried, the one whose picks lie closest "
            f"to the pool{where}."
        ]

    def _balls_of(self, pool: Pool, delta: float, progress: Progress) -> _BallsOf:
        limit = int(self.memory_limit_gb * 2**30)
        first = balls(
            pool.unit,
            delta,
            graph=pool.graph,
            memory_limit_bytes=limit,
            engine=self.engine,
            progress=progress,
        )
        return _BallsOf(pool, first, limit, progress)


class _BallsOf:
    """Balls of the first radius, or of any smaller one from the same graph."""

    def __init__(self, pool: Pool, first: Balls, limit: int, progress: Progress) -> None:
        self._pool, self._first, self._limit, self._progress = pool, first, limit, progress

    def __call__(self, delta: float) -> Balls:
        if isinstance(self._first, GraphBalls):
            return self._first.graph.balls(delta, self._pool.unit)
        return MatrixFreeBalls(self._pool.unit, delta, self._progress)


def _measured_coverage(
    pool: Pool, picks: NDArray[np.int64], delta: float, seed: int
) -> tuple[float, int]:
    """The share of random images within delta of a labelled one or a pick, and how many images."""
    targets = np.random.default_rng(seed + 1).permutation(pool.n)[:_MEASURED_ROWS]
    order = np.concatenate([pool.labelled, picks])
    covered = first_cover(pool, order, delta, targets=targets) < len(order)
    mass = pool.mass[targets]
    return float(mass[covered].sum() / max(mass.sum(), 1e-12)), len(targets)


def _recall_in_words(found: ApproximateGraph) -> str:
    if not np.isfinite(found.recall):
        return f"none of {found.checked:,} random images has any so near"
    return f"{found.recall:.1%} of them were found, measured on {found.checked:,} random images"


def _reasons(pool: Pool, cover: Cover) -> list[str]:
    distances = distances_to_earlier(pool, np.array(cover.rows, dtype=np.int64))
    # Where copies count through one of them, the gain still is a number of images.
    weighted = pool.weights is not None and pool.mass.sum() != pool.n
    return [
        _reason(gain, delta, distance, weighted)
        for gain, delta, distance in zip(cover.gains, cover.deltas, distances, strict=True)
    ]


def _reason(gain: float, delta: float, distance: float, weighted: bool) -> str:
    if gain <= 0:
        return "adds no coverage: everything left is a copy of an image already chosen"
    what = f"covers {gain:,.0f} image{'' if gain == 1 else 's'} nobody has covered"
    if weighted:
        what = "covers images nobody has covered"
    if not np.isfinite(distance):
        return f"{what}; no image is labelled yet"
    how_far = (
        "far" if distance >= 1.5 * delta else "outside its ball" if distance >= delta else "near"
    )
    return f"{what}; nearest labelled image is {how_far} ({distance:.2f}, radius {delta:.2f})"
