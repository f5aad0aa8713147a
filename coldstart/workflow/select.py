"""Select: which images to label next, shown before it is committed, then put in the queue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.selection import Pool, Selection, Strategy, make_strategy, strategies
from coldstart.selection.coverage import coverage_curve
from coldstart.selection.preview import preview_coverage
from coldstart.stopping import hide_among
from coldstart.store import Pick
from coldstart.workflow.audit import (
    AUDIT_REASON,
    audit_images_in,
    not_asked_yet,
    share_for_audit,
    take_in_newcomers,
    with_audit,
)
from coldstart.workflow.pool import ProjectPool, coverage_radius, load_pool


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
    delta, delta_words : the radius, and where it comes from.
    note : how the curve was measured.
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


@dataclass(frozen=True)
class BatchReport:
    """A selection that is now in the queue."""

    batch_id: int
    picks: int
    audit: int  # how many of them were drawn at random to measure the accuracy
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
    audit_share: float | None = None,
    progress: Progress = silent,
) -> Preview:
    """What each budget up to ``largest_budget`` would cover with this strategy.

    audit_share : see `select`.

    Raises
    ------
    ColdstartError : nothing is embedded, nothing is left to pick, or a setting is wrong.
    """
    share = share_for_audit(project, audit_share)
    pool = with_audit(load_pool(project), share)
    chosen = _strategy(project, strategy, settings, seed)
    arrays = _arrays(pool, chosen)
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
    radius = coverage_radius(project, pool, progress=progress)
    largest = min(largest_budget, available)
    try:
        shown = preview_coverage(chosen, arrays, largest, delta=radius.delta, progress=progress)
    except ValueError as error:
        raise _cannot(chosen, error) from error
    budgets = np.arange(shown.budgets[-1] + 1) if pool.reserve else shown.budgets
    audit = np.array(
        audit_images_in(project, pool, budgets.tolist(), share, available), dtype=np.int64
    )
    start, now = float(shown.coverage[0]), float(_coverage(pool, [], radius.delta)[0])
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
    audit_share: float | None = None,
    by: str = "",
    progress: Progress = silent,
) -> BatchReport:
    """Pick ``budget`` images and put them in the labelling queue.

    audit_share : how much of what is queued is drawn at random from the pool, hidden among the
        picks, to measure the accuracy with; None takes the project's setting, and 0 is off. The
        first time a reserve for it is kept aside, of which no strategy may pick.

    Raises
    ------
    ColdstartError : nothing is embedded, the budget is beyond the pool, or a setting is wrong.
    """
    share = share_for_audit(project, audit_share)
    pool = take_in_newcomers(project, with_audit(load_pool(project), share))
    chosen = _strategy(project, strategy, settings, seed)
    arrays = _arrays(pool, chosen)
    candidates = int(arrays.candidates.sum())
    available = candidates + len(not_asked_yet(pool))
    if not 1 <= budget <= available:
        raise ColdstartError(
            f"A budget of {budget:,} is not possible: {available:,} images can be picked.",
            f"Choose a budget from 1 to {available:,}." if available else "Answer the queue first.",
        )
    (for_audit,) = audit_images_in(project, pool, [budget], share, candidates)
    audited = not_asked_yet(pool)[:for_audit]
    picks = _select(chosen, arrays, budget - for_audit, progress)
    batch = _in_hidden_order(pool, picks, audited, seed + project.store.batches.queued())
    radius = coverage_radius(project, pool)
    curve = _coverage(pool, [pick.image_id for pick in batch], radius.delta)
    project.store.audit.reserve(pool.reserve)
    batch_id = project.store.batches.add(
        batch,
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
        picks=len(batch),
        audit=len(audited),
        strategy=picks.strategy,
        delta=picks.delta,
        saturated_at=picks.saturated_at,
        notes=picks.notes,
        coverage_before=float(curve[0]),
        coverage_after=float(curve[-1]),
        image_ids=[pick.image_id for pick in batch],
    )


def _in_hidden_order(
    pool: ProjectPool, picks: Selection, audited: list[int], seed: int
) -> list[Pick]:
    """The batch, the audit's images among the picks where nobody can tell them."""
    picked = [int(image_id) for image_id in pool.image_ids[picks.indices]]
    why = {
        image_id: (float(gain), reason)
        for image_id, gain, reason in zip(picked, picks.gains, picks.reasons, strict=True)
    }
    # The seed differs from batch to batch, or the places of the audit's images could be learned.
    order, _ = hide_among(picked, audited, seed=seed)
    return [
        Pick(image_id, rank, *why.get(image_id, (0.0, AUDIT_REASON)))
        for rank, image_id in enumerate(order.tolist())
    ]


def _from(now: float, start: float, curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve that began at ``start``, as it would run from ``now`` on.

    The strategy does not know what the audit's labels cover; of the rest it is taken to cover the
    same share.
    """
    return 1 - (1 - now) * (1 - curve) / (1 - start) if start < 1 else curve


def _coverage(pool: ProjectPool, image_ids: list[int], delta: float) -> NDArray[np.float64]:
    """Coverage before the batch, and after each of its images; all that is queued counts."""
    row_of = {int(image_id): row for row, image_id in enumerate(pool.image_ids)}
    rows = np.array([row_of[image_id] for image_id in image_ids], dtype=np.int64)
    known = np.union1d(pool.labelled, pool.waiting).astype(np.int64)
    return coverage_curve(Pool(pool.vectors), rows, delta, labelled=known)


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
    if budget == 0:  # the audit takes them all
        none = np.empty(0)
        return Selection(none.astype(np.int64), none, [], strategy.name, asdict(strategy))
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
