"""What each budget would cover, before anybody commits to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.selection import ProbCover, Selection
from coldstart.selection.preview import preview_coverage
from coldstart.workflow.audit import audit_images_in, not_asked_yet
from coldstart.workflow.desk import Choice, Desk, cannot, make, open_desk, picks_in


@dataclass(frozen=True)
class Preview:
    """The coverage each budget would reach, before anybody commits to one.

    Attributes
    ----------
    budgets : (k,) int64.
    audit : (k,) int64, how many of the images are drawn at random for the audit.
    coverage : (k,) share of the pool within delta of a labelled image after that many labels; those
        of the audit, which cover some more, are not counted.
    random_mean, random_low, random_high : (k,) the same for images drawn at random.
    start_coverage : the share covered now, by all that is labelled or queued.
    available : how many images can be picked.
    without_vector : usable images that cannot, because the embedding set lacks them.
    delta, delta_words : the radius coverage is told at, and where it comes from.
    note : how the curve was measured.
    picks_delta, picks_words : the radius ProbCover picks with, and where it comes from.
    picks : those behind the curve, best first, where they do not change with the budget.
    """

    budgets: NDArray[np.int64]
    audit: NDArray[np.int64]
    coverage: NDArray[np.float64]
    random_mean: NDArray[np.float64]
    random_low: NDArray[np.float64]
    random_high: NDArray[np.float64]
    start_coverage: float
    available: int
    without_vector: int
    delta: float
    delta_words: str
    note: str
    picks_delta: float | None = None
    picks_words: str = ""
    picks: Selection | None = None


def preview(
    project: Project,
    strategy: str | None = None,
    *,
    settings: dict[str, Any] | None = None,
    largest_budget: int = 200,
    seed: int = 0,
    audit_share: float | None = None,
    progress: Progress = silent,
) -> Preview:
    """What each budget up to ``largest_budget`` would cover with this strategy.

    audit_share : see `select`.

    Raises
    ------
    ColdstartError : nothing is embedded, nothing is left to pick, or a setting is wrong.
    """
    desk = open_desk(project, audit_share=audit_share, progress=progress)
    choice = Choice(strategy, settings or {}, seed)
    return preview_at(desk, choice, largest_budget, largest_budget, progress=progress)


def preview_at(
    desk: Desk, choice: Choice, budget: int, largest_budget: int, *, progress: Progress = silent
) -> Preview:
    """What each budget up to ``largest_budget`` would cover; ProbCover's automatic radius is that
    of ``budget``. Raises as `preview`."""
    strategy = make(desk.project, choice)
    arrays = desk.arrays(strategy, choice)
    pool, project = desk.pool, desk.project
    available = int(arrays.candidates.sum())
    if available == 0 and not_asked_yet(pool):
        raise ColdstartError(
            "Only images kept aside for the audit are left to label.",
            "Queue them to measure the accuracy better; no curve can say what they would cover.",
        )
    if available == 0:
        raise ColdstartError(
            "Every image is labelled, queued or set aside: there is nothing left to pick.",
            "Answer the queue, or add images and scan again.",
        )
    largest = min(largest_budget, available)
    picks_delta, picks_words = None, ""
    try:
        if isinstance(strategy, ProbCover):
            own = picks_in(desk, arrays, min(budget, largest))
            strategy, picks_words = strategy.at_one_radius(arrays, max(1, own), progress)
            picks_delta = float(strategy.delta)
        delta = desk.radius.delta
        shown = preview_coverage(strategy, arrays, largest, delta=delta, progress=progress)
    except ValueError as error:
        raise cannot(strategy, error) from error
    budgets = np.arange(shown.budgets[-1] + 1) if pool.reserve else shown.budgets
    audit = np.array(
        audit_images_in(project, pool, budgets.tolist(), desk.share, available), dtype=np.int64
    )
    start, now = float(shown.coverage[0]), desk.covered_now(delta)
    coverage = _from(now, start, np.interp(budgets - audit, shown.budgets, shown.coverage))
    return Preview(
        budgets=budgets,
        audit=audit,
        coverage=coverage,
        random_mean=_from(now, start, shown.random.mean[budgets]),
        random_low=_from(now, start, shown.random.low[budgets]),
        random_high=_from(now, start, shown.random.high[budgets]),
        start_coverage=now,
        available=available + len(not_asked_yet(pool)),
        without_vector=pool.without_vector,
        delta=delta,
        delta_words=desk.radius.words,
        note=shown.note,
        picks_delta=picks_delta,
        picks_words=picks_words,
        picks=None if choice.wishes else shown.selection,
    )


def _from(now: float, start: float, curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve that began at ``start``, as it would run from ``now`` on.

    The strategy does not know what the audit's labels cover; of the rest it is taken to cover the
    same share.
    """
    return 1 - (1 - now) * (1 - curve) / (1 - start) if start < 1 else curve
