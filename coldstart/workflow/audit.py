"""The audit in a project: what is kept aside, what is asked next, and how the measure stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.stopping import (
    AUDIT_LABELS,
    AUDIT_SHARE,
    AuditLook,
    audit_images_due,
    audit_places,
    audit_reserve,
    first_places,
    grown_reserve,
    next_reserve,
    reserve_size,
)
from coldstart.stopping.audit import FEWEST_AUDIT_LABELS, LOOKS
from coldstart.workflow.pool import ProjectPool, load_pool

AUDIT_REASON = (
    "drawn at random to measure the accuracy; never used to train the model that is measured"
)
WITHOUT_AUDIT = "Without it nobody can tell you how good the model is on the rest of the pool."


@dataclass(frozen=True)
class AuditAnswers:
    """The answers to the audit so far: ``truth`` is None for an image skipped or unsure.

    overdue : images that came to the pool when their turn had passed, and were not asked yet.
    """

    image_ids: list[int]
    truth: list[str | None]
    overdue: int = 0

    @property
    def labels(self) -> int:
        """How many of them name a class."""
        return sum(answer is not None for answer in self.truth)


@dataclass(frozen=True)
class NewAudit:
    """An audit that was just begun: its number, and how many images it can ask."""

    audit: int
    images: int
    words: str


@dataclass(frozen=True)
class AuditReport:
    """The audit as it stands, and what was changed of it."""

    audit: int
    share: float
    labels_wanted: int
    images: int
    labels: int
    looks: int
    words: str


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


def labels_for_audit(project: Project) -> int:
    """How many audit labels are wanted before batches are for training alone.

    Raises
    ------
    ColdstartError : it is no number above 0.
    """
    value = project.settings.get("audit_labels", AUDIT_LABELS)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ColdstartError(
            f"The number of audit labels {value!r} is no whole number above 0.",
            "Give 100, or more for a narrower interval.",
        )
    return value


def with_audit(pool: ProjectPool, share: float) -> ProjectPool:
    """The pool with a reserve for the audit, drawn now unless there is one or the audit is off.

    What has been answered or queued is left out of the draw: the audit speaks of the rest.
    """
    if share == 0 or pool.reserve:
        return pool
    seen = np.unique(np.concatenate([pool.labelled, pool.aside, pool.waiting]))
    size = reserve_size(len(pool.image_ids) - len(seen))
    # Who is drawn stands at the beginning of the random order, whatever the size of the pool.
    early = first_places(pool.pictures.audit_places, size + len(seen))
    known = np.flatnonzero(np.isin(early, seen))
    rows = early[audit_reserve(pool.hashes_of(early), labelled=known, size=size)]
    return pool.with_reserve(pool.image_ids[rows].tolist())


def take_in_newcomers(project: Project, pool: ProjectPool) -> ProjectPool:
    """The pool whose reserve has its share of the images that came later; see `keep_reserve`.

    What has been answered or queued meanwhile is left as it is.
    """
    if not pool.reserve:
        return pool
    kept = project.store.images.get(pool.reserve)
    picture_of = {one: str(kept[one].content_hash) for one in pool.reserve if one in kept}
    asked = project.store.audit.asked()
    earlier = project.store.images.get(project.store.audit.earlier())
    # The reserve is the beginning of the random order: those who join it are too.
    last = audit_places(list(picture_of.values())).max(initial=0)
    unseen = _unseen_pictures(pool, np.flatnonzero(pool.pictures.audit_places <= last))
    wanted = grown_reserve(
        list(picture_of.values()),
        unseen.keys(),
        asked={picture_of[one] for one in asked if one in picture_of},
        after={str(row.content_hash) for row in earlier.values()},
    )
    # The image that was asked speaks for its picture, not a copy of it that came first in the list.
    image_of = unseen | {name: one for one, name in picture_of.items()}
    image_ids = [image_of[name] for name in wanted]
    if set(image_ids) == set(pool.reserve):
        return pool
    return pool.with_reserve(image_ids, project.store.images.copies(image_ids).values())


def keep_reserve(project: Project, pool: ProjectPool) -> None:
    """Keep the pool's reserve aside in the project too, with the images that came to it."""
    kept = project.store.audit.reserved()
    if kept and pool.reserve and set(kept) != set(pool.reserve):
        project.store.audit.change_reserve(pool.reserve)
    project.store.audit.reserve(pool.reserve)


def begin_new_audit(project: Project) -> NewAudit:
    """Begin an audit anew, with its own 95% and its own looks, on images no audit has asked.

    The labels of the audit before are training labels from now on.

    Raises
    ------
    ColdstartError : nothing is embedded, there is no audit yet, or too few images are left.
    """
    pool = load_pool(project)
    reserve = project.store.audit.reserved()
    asked = project.store.audit.asked()
    if not asked:
        raise ColdstartError(
            "No audit image has been asked yet: there is nothing to begin anew.",
            "Queue a batch: a share of it is for the audit.",
        )
    kept = project.store.images.get(reserve)
    picture_of = {one: str(kept[one].content_hash) for one in reserve if one in kept}
    unseen = _unseen_pictures(pool, np.arange(len(pool.image_ids)))
    # An image of the reserve that somebody labelled unasked is no longer blind.
    free = {name for one, name in picture_of.items() if one in asked or name in unseen}
    others = unseen.keys() - set(picture_of.values())
    wanted = next_reserve(
        [name for name in picture_of.values() if name in free],
        others,
        asked={picture_of[one] for one in asked if one in picture_of},
        fewest=FEWEST_AUDIT_LABELS,
    )
    if len(wanted) < FEWEST_AUDIT_LABELS:
        raise ColdstartError(
            f"Only {len(wanted)} images are left that no audit has asked and nobody has labelled: "
            f"it takes {FEWEST_AUDIT_LABELS}.",
            "Add images, or go by the last look.",
        )
    whole = set(wanted) <= set(picture_of.values())
    number = project.store.audit.begin([unseen[name] for name in wanted])
    return NewAudit(
        audit=number,
        images=len(wanted),
        words=(
            f"Audit {number} has {len(wanted)} images to ask, drawn at random from "
            f"{'the whole pool' if whole else 'the images without a label'}, and {LOOKS} looks of "
            "its own. The labels of the audit before are training labels from now on: train again."
        ),
    )


def change_audit(
    project: Project, *, share: float | None = None, labels: int | None = None, new: bool = False
) -> AuditReport:
    """Change how much is asked for the audit, begin a new one, or only say how it stands.

    share : how much of each batch is for the audit, 0 for none. labels : until there are so many
    audit labels. new : begin an audit anew, see `begin_new_audit`.

    Raises
    ------
    ColdstartError : a number makes no sense, or no new audit can be begun.
    """
    # Checked before it is kept: what stands in the file must work.
    wanted = replace(project, settings=project.settings | _given(share, labels))
    share_for_audit(wanted)
    labels_for_audit(wanted)
    if _given(share, labels):
        project = project.set(**_given(share, labels))
    begun = begin_new_audit(project) if new else None
    standing = audit_standing(project)
    words = [] if begun is None else [begun.words]
    words += [standing.words[:1].upper() + standing.words[1:] + "."]
    if share_for_audit(project) == 0:
        words.append(f"The audit is off. {WITHOUT_AUDIT}")
    return AuditReport(
        audit=project.store.audit.number(),
        share=share_for_audit(project),
        labels_wanted=labels_for_audit(project),
        images=len(project.store.audit.reserved()),
        labels=standing.audit_labels,
        looks=len(audit_looks(project)),
        words=" ".join(words),
    )


def _given(share: float | None, labels: int | None) -> dict[str, float | int]:
    both = {"audit_share": share, "audit_labels": labels}
    return {key: value for key, value in both.items() if value is not None}


def _unseen_pictures(pool: ProjectPool, rows: NDArray[np.int64]) -> dict[str, int]:
    """Content hash -> image, of those of these rows never answered and not in the queue."""
    seen = np.concatenate([pool.labelled, pool.aside, pool.waiting])
    rows = rows[~np.isin(rows, seen)]
    return dict(zip(pool.hashes_of(rows), pool.image_ids[rows].tolist(), strict=True))


def not_asked_yet(pool: ProjectPool) -> list[int]:
    """Ids of the images that the audit can ask about, the next one first."""
    row_of = pool.rows_of(pool.reserve)
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
    until = labels_for_audit(project) + audit_answers(project, pool.reserve).overdue
    due = [
        audit_images_due(budget, queued=queued, audit_queued=asked, share=share, until=until)
        for budget in budgets
    ]
    return [min(most, max(one, size - others)) for one, size in zip(due, budgets, strict=True)]


def audit_answers(project: Project, reserve: Sequence[int] | None = None) -> AuditAnswers:
    """The answers to the images asked so far, in the order of asking.

    reserve : the images kept aside, where they are others than the project has noted.

    An image whose turn has passed counts although its label came from elsewhere: it would have
    been asked. One whose turn has not come does not count, for what people label of themselves is
    no random draw.
    """
    asked = project.store.audit.asked()
    reserve = project.store.audit.reserved() if reserve is None else reserve
    turns = [place for place, image_id in enumerate(reserve) if image_id in asked]
    passed = list(reserve[: turns[-1] + 1]) if turns else []
    answers = project.store.labels.current(passed)
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    image_ids, truth = [], []
    overdue = sum(image_id not in asked and image_id not in answers for image_id in passed)
    for image_id in passed:
        answer = answers.get(image_id)
        # What was excluded is no part of the pool.
        if answer is not None and answer.kind != "excluded":
            image_ids.append(image_id)
            truth.append(None if answer.class_id is None else names[answer.class_id])
    return AuditAnswers(image_ids, truth, overdue)


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
