"""What each budget would cover, before a person commits to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.coverage import CurveBand, coverage_curve, random_coverage_curve
from coldstart.selection.pool import Pool, Selection, check_budget
from coldstart.selection.probcover import ProbCover
from coldstart.selection.radius import search_radius
from coldstart.selection.strategy import Strategy

_TRIED_BUDGETS = 7
_PART_ROWS = 5_000
_WHOLE_ROWS = 10_000


@dataclass(frozen=True)
class CoveragePreview:
    """``coverage[i]`` is the share of the pool covered with ``budgets[i]`` picks; ``random`` is
    what chance reaches, for every budget from 0; ``selection`` the picks behind the curve
    where they do not change with the budget; ``note`` how it was measured, in a sentence."""

    budgets: NDArray[np.int64]
    coverage: NDArray[np.float64]
    random: CurveBand
    delta: float
    selection: Selection | None
    note: str


def preview_coverage(
    strategy: Strategy,
    pool: Pool,
    budget: int,
    *,
    delta: float | None = None,
    progress: Progress = silent,
) -> CoveragePreview:
    """The coverage that ``strategy`` would reach with every budget up to ``budget``, quickly.

    ``delta`` is the radius coverage is measured with: by default ProbCover's own, else the one
    ``delta="auto"`` would find. Greedy orders are nested, so one run gives the whole curve. Where
    picks change with the budget (k-means) a few budgets are tried. A run that would take long is
    made on 5,000 random images (more for large budgets) instead: always for changing picks, and
    for a greedy on more than 10,000 images unless ``pool.graph`` reaches to ProbCover's radius.
    Coverage is then measured on those images, and the note says so. What was found is kept in
    ``pool.cache``: ProbCover's automatic radius is often that of the budget before.
    """
    budget = check_budget(budget, pool)
    if isinstance(strategy, ProbCover):
        strategy, _ = strategy.at_one_radius(pool, budget, progress)
        delta = float(strategy.delta) if delta is None else delta
    elif delta is None:
        delta = search_radius(pool, budget, seed=strategy.seed, progress=progress).best(budget)
    key = ("preview", repr(strategy), budget, delta, pool.graph is not None)
    if key not in pool.cache:
        pool.cache[key] = _preview(strategy, pool, budget, delta, progress)
    known: CoveragePreview = pool.cache[key]
    return known


def _preview(
    strategy: Strategy, pool: Pool, budget: int, delta: float, progress: Progress
) -> CoveragePreview:
    random = _random(pool, budget, delta, strategy.seed)
    strategy = strategy.quick(pool)
    if strategy.nested:
        return _nested_preview(strategy, pool, budget, delta, random, progress)
    part, _ = pool.random_part(max(_PART_ROWS, 4 * budget), strategy.seed)
    most = min(budget, int(part.candidates.sum()))
    tried = np.unique(np.geomspace(1, most, min(_TRIED_BUDGETS, most)).round().astype(np.int64))
    reached = [_covered(part, np.empty(0, dtype=np.int64), delta)]
    for number, one in enumerate(tried.tolist()):
        progress(number, len(tried), "trying budgets")
        reached.append(_covered(part, strategy.select(part, one).indices, delta))
    where = "" if part is pool else f" on {part.n:,} random images"
    note = f"These picks change with the budget: {len(tried)} budgets were tried{where}."
    return CoveragePreview(
        np.concatenate([[0], tried]), np.array(reached), random, delta, None, note
    )


def reads_a_graph(strategy: Strategy, pool: Pool) -> bool:
    """Whether the picks come from a graph that is there, at once however large the pool is."""
    return (
        isinstance(strategy, ProbCover)
        and strategy.refine == "none"
        and not isinstance(strategy.delta, str)
        and pool.graph is not None
        and pool.graph.delta >= strategy.delta
    )


def _nested_preview(
    strategy: Strategy,
    pool: Pool,
    budget: int,
    delta: float,
    random: CurveBand,
    progress: Progress,
) -> CoveragePreview:
    part = pool
    if strategy.covers and pool.n > _WHOLE_ROWS and not reads_a_graph(strategy, pool):
        part, _ = pool.random_part(max(_PART_ROWS, 4 * budget), strategy.seed)
    most = min(budget, int(part.candidates.sum()))
    picks = strategy.select(part, most, progress=progress)
    coverage = coverage_curve(part, picks.indices, delta, labelled=part.labelled)
    if part is pool:
        note, selection = "Measured on the whole pool, for every budget.", picks
        return CoveragePreview(np.arange(most + 1), coverage, random, delta, selection, note)
    note = f"Estimated on {part.n:,} random images, for every budget."
    return CoveragePreview(np.arange(most + 1), coverage, random, delta, None, note)


def _random(pool: Pool, budget: int, delta: float, seed: int) -> CurveBand:
    key = ("random", budget, delta, seed, pool.graph is not None)
    if key not in pool.cache:
        pool.cache[key] = random_coverage_curve(
            pool, budget, delta, labelled=pool.labelled, seed=seed
        )
    known: CurveBand = pool.cache[key]
    return known


def _covered(pool: Pool, picks: NDArray[np.int64], delta: float) -> float:
    return float(coverage_curve(pool, picks, delta, labelled=pool.labelled)[-1])
