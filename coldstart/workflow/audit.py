"""The audit in a project: what is kept aside, what is asked next, and how the measure stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.stopping import AUDIT_SHARE, AuditLook, audit_images_due, audit_reserve
from coldstart.stopping.audit import FEWEST_AUDIT_LABELS
from coldstart.workflow.pool import ProjectPool

AUDIT_REASON = (
    "drawn at random to measure the accuracy; never used to train the model that is measured"
)
WITHOUT_AUDIT = "Without it nobody can tell you how good the model is on the rest of the pool."


@dataclass(frozen=True)
class AuditAnswers:
    """The answers to the audit so far: ``truth`` is None for an image skipped or unsure."""

    image_ids: list[int]
    truth: list[str | None]

    @property
    def labels(self) -> int:
        """How many of them name a class."""
        return sum(answer is not None for answer in self.truth)


@dataclass(frozen=True)
class AuditStanding:
    """What the audit says now: the look that stands, or in ``words`` why there is none."""

    audit_labels: int
    look: AuditLook | None
    words: str


def share_for_audit(project: Project, share: float | None = None) -> float:
    """Which share of a batch is for the audit: the one given, else the project's; 0 is off.

    Raises
    ------
    ColdstartError : it is no share.
    """
    value = project.settings.get("audit_share", AUDIT_SHARE) if share is None else share
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ColdstartError(
            f"The audit share {value!r} is not a number from 0 to 1.", "Give 0.2, or 0 for none."
        )
    return float(value)


def with_audit(pool: ProjectPool, share: float) -> ProjectPool:
    """The pool with a reserve for the audit, drawn now unless there is one or the audit is off.

    What has been answered or queued is left out of the draw: the audit speaks of the rest.
    """
    if share == 0 or pool.reserve:
        return pool
    seen = [*pool.labelled.tolist(), *pool.aside.tolist(), *pool.waiting.tolist()]
    rows = audit_reserve(pool.content_hashes, labelled=seen).tolist()
    image_ids = [int(pool.image_ids[row]) for row in rows]
    return pool.with_reserve(image_ids, {pool.content_hashes[row] for row in rows})


def not_asked_yet(pool: ProjectPool) -> list[int]:
    """Ids of the images that the audit can ask about, the next one first."""
    row_of = {int(image_id): row for row, image_id in enumerate(pool.image_ids)}
    known = {*pool.labelled.tolist(), *pool.aside.tolist(), *pool.waiting.tolist()}
    return [one for one in pool.reserve if one in row_of and row_of[one] not in known]


def audit_images_in(
    project: Project, pool: ProjectPool, budgets: Sequence[int], share: float, others: int
) -> list[int]:
    """How many images of a batch of each size are for the audit.

    others : how many images a strategy can pick; what they do not fill, the audit does.
    """
    queued, asked = project.store.batches.queued(), len(project.store.audit.asked())
    most = len(not_asked_yet(pool))
    due = [
        audit_images_due(budget, queued=queued, audit_queued=asked, share=share)
        for budget in budgets
    ]
    return [min(most, max(one, size - others)) for one, size in zip(due, budgets, strict=True)]


def audit_answers(project: Project) -> AuditAnswers:
    """The answers to the images asked so far, in the order of asking.

    An image whose turn has passed counts although its label came from elsewhere: it would have
    been asked. One whose turn has not come does not count, for what people label of themselves is
    no random draw.
    """
    asked = project.store.audit.asked()
    reserve = project.store.audit.reserved()
    turns = [place for place, image_id in enumerate(reserve) if image_id in asked]
    passed = reserve[: turns[-1] + 1] if turns else []
    answers = project.store.labels.current(passed)
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    image_ids, truth = [], []
    for image_id in passed:
        answer = answers.get(image_id)
        # What was excluded is no part of the pool.
        if answer is not None and answer.kind != "excluded":
            image_ids.append(image_id)
            truth.append(None if answer.class_id is None else names[answer.class_id])
    return AuditAnswers(image_ids, truth)


def audit_looks(project: Project) -> tuple[AuditLook, ...]:
    """Every look that was taken, oldest first."""
    return tuple(AuditLook.from_dict(one) for one in project.store.audit.looks())


def audit_standing(project: Project) -> AuditStanding:
    """The look that stands, without taking one: cheap enough for every page."""
    labels = audit_answers(project).labels
    looks = audit_looks(project)
    if labels == 0:
        return AuditStanding(0, None, "not measured yet")
    if labels < FEWEST_AUDIT_LABELS:
        words = f"{labels} audit label{'' if labels == 1 else 's'}: too few to say"
        return AuditStanding(labels, None, words)
    if not looks:
        return AuditStanding(labels, None, f"{labels} audit labels: train a model to measure it")
    return AuditStanding(
        labels, looks[-1], f"measured on {looks[-1].audit_labels} images drawn at random"
    )
