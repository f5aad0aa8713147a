"""Select: which images to label next, put in the queue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.selection import ProbCover, Selection
from coldstart.stopping import hide_among
from coldstart.store import Pick
from coldstart.workflow.audit import (
    AUDIT_REASON,
    audit_images_in,
    keep_reserve,
    not_asked_yet,
)
from coldstart.workflow.desk import Choice, Desk, make, open_desk
from coldstart.workflow.looks import look
from coldstart.workflow.pool import ProjectPool
from coldstart.workflow.team import check_may, with_overlap


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


@dataclass(frozen=True)
class LookReport:
    """A selection that was looked at and is not queued: the images, gains and reasons in order."""

    strategy: str
    delta: float | None
    saturated_at: int | None
    notes: list[str]
    audit: int  # how many images more would be drawn at random to measure the accuracy
    image_ids: list[int]
    paths: list[str]
    gains: list[float]
    reasons: list[str]


def select(
    project: Project,
    strategy: str | None,
    budget: int,
    *,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    wishes: dict[str, int] | None = None,
    away_from_labelled: float = 0.0,
    weights: Path | None = None,
    audit_share: float | None = None,
    by: str = "",
    progress: Progress = silent,
) -> BatchReport:
    """Pick ``budget`` images and put them in the labelling queue.

    wishes : how many picks should be of some class, by what the labels so far teach.
    away_from_labelled : leave out images closer than this (a distance of unit vectors) to one that
        is labelled or queued.
    weights : a CSV file with the columns path,weight; images it does not name count 1.
    audit_share : how much of what is queued is drawn at random from the pool, hidden among the
        picks, to measure the accuracy with; None takes the project's setting, and 0 is off. The
        first time a reserve for it is kept aside, of which no strategy may pick.

    Raises
    ------
    ColdstartError : nothing is embedded, the budget is beyond the pool, or a setting is wrong.
    """
    check_may(project, by, "queue")
    choice = Choice(strategy, settings or {}, seed, wishes or {}, away_from_labelled, weights)
    desk, for_audit = _prepared(project, choice, budget, audit_share, progress)
    pool = desk.pool
    audited = not_asked_yet(pool)[:for_audit]
    picks = look(desk, choice, budget - for_audit, progress=progress)
    batch = _in_hidden_order(pool, picks, audited, seed + project.store.batches.queued())
    curve = desk.coverage([pick.image_id for pick in batch], desk.radius.delta)
    keep_reserve(project, pool)
    batch_id = project.store.batches.add(
        with_overlap(project, batch),
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


def look_at(
    project: Project,
    strategy: str | None,
    budget: int,
    *,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    wishes: dict[str, int] | None = None,
    away_from_labelled: float = 0.0,
    weights: Path | None = None,
    audit_share: float | None = None,
    progress: Progress = silent,
) -> LookReport:
    """What `select` would queue, without queueing it.

    The picks are kept, so that `select` with the same arguments takes them as they are; so is the
    graph of all neighbours, which ProbCover then needs no more than read. Raises as `select`.
    """
    choice = Choice(strategy, settings or {}, seed, wishes or {}, away_from_labelled, weights)
    desk, for_audit = _prepared(project, choice, budget, audit_share, progress)
    made = make(project, choice)
    if isinstance(made, ProbCover) and len(desk.pool.image_ids) <= made.exact_up_to:
        desk = desk.with_graph(engine=made.engine, progress=progress)
    picks = look(desk, choice, budget - for_audit, progress=progress)
    image_ids = desk.pool.image_ids[picks.indices].tolist()
    rows = project.store.images.get(image_ids)
    return LookReport(
        strategy=picks.strategy,
        delta=picks.delta,
        saturated_at=picks.saturated_at,
        notes=picks.notes,
        audit=for_audit,
        image_ids=image_ids,
        paths=[rows[one].path for one in image_ids],
        gains=picks.gains.tolist(),
        reasons=picks.reasons,
    )


def _prepared(
    project: Project,
    choice: Choice,
    budget: int,
    audit_share: float | None,
    progress: Progress,
) -> tuple[Desk, int]:
    """The desk, and how many of the batch are for the audit."""
    made = make(project, choice)
    if choice.away < 0:
        raise ColdstartError(
            f"{choice.away:g} is no distance to keep from labelled images.",
            "Give a number from 0 (off) to 2.",
        )
    desk = open_desk(project, audit_share=audit_share, progress=progress)
    if choice.weights is not None:
        desk = desk.weighted(choice.weights)
    arrays = desk.arrays(made, choice)
    candidates = int(arrays.candidates.sum())
    available = candidates + len(not_asked_yet(desk.pool))
    if not 1 <= budget <= available:
        raise ColdstartError(
            f"A budget of {budget:,} is not possible: {available:,} images can be picked.",
            f"Choose a budget from 1 to {available:,}." if available else "Answer the queue first.",
        )
    (for_audit,) = audit_images_in(project, desk.pool, [budget], desk.share, candidates)
    return desk, for_audit


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
