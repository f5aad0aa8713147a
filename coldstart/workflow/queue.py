"""Queue: images that a person chose, by a filter or on the map, put in the labelling queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import Pick
from coldstart.workflow.team import check_may, with_overlap

BY_HAND = "chosen"
"""What stands as the strategy of a batch that a person chose."""


@dataclass(frozen=True)
class QueuedByHand:
    """What became of the images that were to be queued."""

    batch_id: int | None  # None: nothing was left to queue
    queued: int
    answered: int  # left out: they have an answer
    waiting: int  # left out: they are in the queue already
    aside: int  # left out: kept aside for the audit, which asks for them itself

    @property
    def words(self) -> str:
        """What happened, in one sentence."""
        left_out = [
            f"{number:,} {why}"
            for number, why in (
                (self.answered, "answered already"),
                (self.waiting, "queued already"),
                (self.aside, "kept aside to measure the accuracy"),
            )
            if number
        ]
        rest = f" Left out: {', '.join(left_out)}." if left_out else ""
        return f"{self.queued:,} {'image' if self.queued == 1 else 'images'} queued.{rest}"


def empty_queue(project: Project, *, by: str = "") -> int:
    """Take the images nobody has answered out of the queue; how many there were.

    Raises
    ------
    ColdstartError : ``by`` may not.
    """
    check_may(project, by, "queue")
    return project.store.batches.withdraw_waiting()


def queue_images(
    project: Project, image_ids: Sequence[int], why: str, *, by: str = ""
) -> QueuedByHand:
    """Put these images in the queue, in this order, as one batch; ``why`` is each one's reason.

    Left out are images that have an answer, that wait already, that cannot be used, and those kept
    aside for the audit: chosen by hand they would no longer be drawn at random.

    Raises
    ------
    ColdstartError : none of the numbers names an image of the project.
    """
    check_may(project, by, "queue")
    wanted = list(dict.fromkeys(int(one) for one in image_ids))
    rows = project.store.images.get(wanted)
    usable = [one for one in wanted if one in rows and rows[one].usable]
    if not usable:
        raise ColdstartError(
            "None of these images can be labelled.", "Choose images that are there and readable."
        )
    answered = project.store.labels.current(usable)
    waiting = set(project.store.batches.waiting())
    reserve = set(project.store.audit.reserved())
    left = [one for one in usable if one not in answered]
    new = [one for one in left if one not in waiting and one not in reserve]
    batch_id = None
    if new:
        batch_id = project.store.batches.add(
            with_overlap(
                project, [Pick(image_id, rank, 0.0, why) for rank, image_id in enumerate(new)]
            ),
            created_by=by,
            strategy=BY_HAND,
            settings={"why": why},
            seed=0,
            embedding_set="",
            delta=None,
            notes=[f"Chosen by hand: {why}"],
        )
    return QueuedByHand(
        batch_id=batch_id,
        queued=len(new),
        answered=len(usable) - len(left),
        waiting=sum(one in waiting for one in left),
        aside=int(np.sum([one in reserve and one not in waiting for one in left])),
    )
