"""What each budget would cover, before a person commits to one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.coverage import CurveBand, coverage_curve, random_coverage_curve
from coldstart.selection.pool import Pool, Selection, check_budget
from coldstart.selection.probcover import ProbCover
from coldstart.selection.radius import search_radius
from coldstart.selection.strategy import Strategy

_TRIED_BUDGETS = 8
_PART_ROWS = 4_000


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
    """The coverage that ``strategy`` would reach with every budget up to ``budget``.

    ``delta`` is the radius coverage is measured with: by default ProbCover's own, else the one
    ``delta="auto"`` would find. Greedy orders are nested, so one run gives the whole curve. Where
    picks change with the budget (k-means) a few budgets are tried, on at most 4,000 random images,
    and their picks measured on the whole pool.
    """
    budget = check_budget(budget, pool)
    if delta is None:
        delta, _ = (
            strategy.radius(pool, budget, progress)
            if isinstance(strategy, ProbCover)
            else (
                search_radius(pool, budget, seed=strategy.seed, progress=progress).best(budget),
                0,
            )
        )
    random = random_coverage_curve(pool, budget, delta, labelled=pool.labelled, seed=strategy.seed)
    if strategy.nested:
        if isinstance(strategy, ProbCover):
            strategy = replace(strategy, delta=delta)
        selection = strategy.select(pool, budget, progress=progress)
        coverage = coverage_curve(pool, selection.indices, delta, labelled=pool.labelled)
        note = "Measured on the whole pool, for every budget."
        return CoveragePreview(np.arange(budget + 1), coverage, random, delta, selection, note)
    part, rows = pool.random_part(_PART_ROWS, strategy.seed)
    most = min(budget, int(part.candidates.sum()))
    tried = np.unique(np.geomspace(1, most, min(_TRIED_BUDGETS, most)).round().astype(np.int64))
    reached = [_covered(pool, np.empty(0, dtype=np.int64), delta)]
    for number, one in enumerate(tried.tolist()):
        progress(number, len(tried), "trying budgets")
        picks = rows[strategy.select(part, one).indices]
        reached.append(_covered(pool, picks, delta))
    where = "" if part is pool else f" on {_PART_ROWS:,} random images"
    note = f"These picks change with the budget: {len(tried)} budgets were tried{where}."
    return CoveragePreview(
        np.concatenate([[0], tried]), np.array(reached), random, delta, None, note
    )


def _covered(pool: Pool, picks: NDArray[np.int64], delta: float) -> float:
    return float(coverage_curve(pool, picks, delta, labelled=pool.labelled)[-1])
