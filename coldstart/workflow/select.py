"""Select: which images to label next, shown before it is committed, then put in the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.selection import Pool, Selection, Strategy, make_strategy, strategies
from coldstart.selection.coverage import coverage_curve
from coldstart.selection.preview import preview_coverage
from coldstart.store import Pick
from coldstart.workflow.pool import ProjectPool, coverage_radius, load_pool


@dataclass(frozen=True)
class Preview:
    """The coverage each budget would reach, before anybody commits to one.

    Attributes
    ----------
    budgets : (k,) int64.
    coverage : (k,) share of the pool within delta of a labelled image after that many labels.
    random_mean, random_low, random_high : (k,) the same for images drawn at random.
    start_coverage : the share covered now.
    available : how many images can be picked.
    delta, delta_words : the radius, and where it comes from.
    note : how the curve was measured.
    """

    budgets: NDArray[np.int64]
    coverage: NDArray[np.float64]
    random_mean: NDArray[np.float64]
    random_low: NDArray[np.float64]
    random_high: NDArray[np.float64]
    start_coverage: float
    available: int
    delta: float
    delta_words: str
    note: str


@dataclass(frozen=True)
class BatchReport:
    """A selection that is now in the queue."""

    batch_id: int
    picks: int
    strategy: str
    delta: float | None
    saturated_at: int | None
    notes: list[str]
    coverage_before: float
    coverage_after: float
    image_ids: list[int]


def default_strategy(project: Project) -> str:
    """The strategy the project uses when none is named."""
    chosen = str(project.settings.get("strategy", ""))
    offered = strategies()
    if chosen in offered:
        return chosen
    return "auto" if "auto" in offered else "kmeans"


def preview(
    project: Project,
    strategy: str | None = None,
    *,
    settings: dict[str, Any] | None = None,
    largest_budget: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> Preview:
    """What each budget up to ``largest_budget`` would cover with this strategy.

    Raises
    ------
    ColdstartError : nothing is embedded, nothing is left to pick, or a setting is wrong.
    """
    pool = load_pool(project)
    chosen = _strategy(project, strategy, settings, seed)
    arrays = _arrays(pool, chosen)
    available = int(arrays.candidates.sum())
    if available == 0:
        raise ColdstartError(
            "Every image is labelled, queued or set aside: there is nothing left to pick.",
            "Answer the queue, or add images and scan again.",
        )
    radius = coverage_radius(project, pool, progress=progress)
    largest = min(largest_budget, available)
    try:
        shown = preview_coverage(chosen, arrays, largest, delta=radius.delta, progress=progress)
    except ValueError as error:
        raise _cannot(chosen, error) from error
    return Preview(
        budgets=shown.budgets,
        coverage=shown.coverage,
        random_mean=shown.random.mean[shown.budgets],
        random_low=shown.random.low[shown.budgets],
        random_high=shown.random.high[shown.budgets],
        start_coverage=float(shown.coverage[0]),
        available=available,
        delta=radius.delta,
        delta_words=radius.words,
        note=shown.note,
    )


def select(
    project: Project,
    strategy: str | None,
    budget: int,
    *,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    by: str = "",
    progress: Progress = silent,
) -> BatchReport:
    """Pick ``budget`` images and put them in the labelling queue.

    Raises
    ------
    ColdstartError : nothing is embedded, the budget is beyond the pool, or a setting is wrong.
    """
    pool = load_pool(project)
    chosen = _strategy(project, strategy, settings, seed)
    arrays = _arrays(pool, chosen)
    available = int(arrays.candidates.sum())
    if not 1 <= budget <= available:
        raise ColdstartError(
            f"A budget of {budget:,} is not possible: {available:,} images can be picked.",
            f"Choose a budget from 1 to {available:,}." if available else "Answer the queue first.",
        )
    picks = _select(chosen, arrays, budget, progress)
    radius = coverage_radius(project, pool)
    curve = coverage_curve(arrays, picks.indices, radius.delta, labelled=arrays.labelled)
    image_ids = [int(pool.image_ids[row]) for row in picks.indices]
    batch_id = project.store.batches.add(
        [
            Pick(image_id, rank, float(gain), reason)
            for rank, (image_id, gain, reason) in enumerate(
                zip(image_ids, picks.gains, picks.reasons, strict=True)
            )
        ],
        created_by=by,
        strategy=picks.strategy,
        settings=picks.settings,
        seed=seed,
        embedding_set=pool.embedding_set,
        delta=picks.delta,
        notes=picks.notes,
    )
    return BatchReport(
        batch_id=batch_id,
        picks=len(image_ids),
        strategy=picks.strategy,
        delta=picks.delta,
        saturated_at=picks.saturated_at,
        notes=picks.notes,
        coverage_before=float(curve[0]),
        coverage_after=float(curve[-1]),
        image_ids=image_ids,
    )


def _strategy(
    project: Project, name: str | None, settings: dict[str, Any] | None, seed: int
) -> Strategy:
    try:
        return make_strategy(
            name or default_strategy(project), **{"seed": seed, **(settings or {})}
        )
    except (TypeError, ValueError) as error:
        raise ColdstartError(f"{_sentence(error)}.", "Change the setting and try again.") from error


def _arrays(pool: ProjectPool, strategy: Strategy) -> Pool:
    return pool.for_selection(with_labels=strategy.needs_labels or strategy.name == "auto")


def _select(strategy: Strategy, pool: Pool, budget: int, progress: Progress) -> Selection:
    try:
        return strategy.select(pool, budget, progress=progress)
    except ValueError as error:
        raise _cannot(strategy, error) from error


def _cannot(strategy: Strategy, error: ValueError) -> ColdstartError:
    return ColdstartError(
        f"{strategy.title} cannot choose here: {_sentence(error)}.", "Choose another strategy."
    )


def _sentence(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text[:1].upper() + text[1:]
