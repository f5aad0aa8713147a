"""History: who labelled what, when, from what suggestion; answers taken back; agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.labels.agreement import Kappa, PairAgreement, fleiss_kappa, pairs_of_annotators
from coldstart.labels.states import CLASS, LABEL_KINDS, ORIGINS, SKIPPED
from coldstart.project import Project
from coldstart.store import EventRow, NewEvent
from coldstart.workflow.label import shown_name
from coldstart.workflow.team import check_may, hidden_from

_BLIND = "not shown: you are to answer it blind"


@dataclass(frozen=True)
class HistoryRow:
    """One event, in words."""

    at: datetime  # local time
    annotator: str
    image: str
    answer: str
    origin: str
    suggestion: str
    batch: int | None
    review: bool
    acted_by: str


@dataclass(frozen=True)
class Undone:
    """What taking back somebody's answers did, or would do."""

    answers: int  # how many were taken back
    returned: int  # of them, how many have their answer of before again


@dataclass(frozen=True)
class Agreement:
    """How far people agree where two answered blind, and what waits for a reviewer."""

    fleiss: Kappa
    pairs: list[PairAgreement]
    disagreements: int
    unsure: int


def history_rows(
    project: Project, events: Sequence[EventRow], *, seen_by: str | None = None
) -> list[HistoryRow]:
    """These events in words, in their order; nothing of what ``seen_by`` is to answer blind."""
    ids = list({event.image_id for event in events})
    images = project.store.images.get(ids)
    hidden = hidden_from(project, seen_by, ids) if seen_by is not None else set()
    names = class_names(project)
    return [
        HistoryRow(
            at=datetime.fromtimestamp(event.at),
            annotator=event.annotator,
            image=shown_name(images[event.image_id].path),
            answer=_BLIND
            if event.image_id in hidden
            else answer_words(names, event.kind, event.class_id),
            origin=ORIGINS.get(event.origin, event.origin),
            suggestion="" if event.image_id in hidden else _suggestion(names, event.suggestion),
            batch=event.batch_id,
            review=event.review,
            acted_by=event.acted_by or "",
        )
        for event in events
    ]


def class_names(project: Project) -> dict[int, str]:
    """class_id -> name, of classes merged and deleted since, too."""
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    for change in project.store.classes.changes():
        names.setdefault(change.class_id, "a class deleted since")
    return names


def answer_words(names: dict[int, str], kind: str, class_id: int | None) -> str:
    """An answer as a person says it."""
    if kind == CLASS:
        return names.get(class_id or 0, "a class deleted since")
    return LABEL_KINDS[kind].title.lower() if kind in LABEL_KINDS else "taken back"


def undo_batch(
    project: Project,
    annotator: str,
    *,
    batch_id: int | None = None,
    since: float | None = None,
    until: float | None = None,
    by: str = "",
    dry_run: bool = False,
) -> Undone:
    """Take back one person's answers: of one query batch, or given between two moments.

    What they had answered before comes back. Nothing is deleted: every step is one more event, in
    the name of the annotator, and ``by`` stands beside it.

    Raises
    ------
    ColdstartError : ``by`` may not, nothing is named, or nothing of it stands.
    """
    if by and by != annotator:
        check_may(project, by, "undo")
    if batch_id is None and since is None and until is None:
        raise ColdstartError(
            "Nothing says which answers are to be taken back.", "Name a batch or a time."
        )
    answers = project.store.events.standing_of(
        annotator, batch_id=batch_id, since=since, until=until
    )
    if not answers:
        raise ColdstartError(
            f"No answer of {annotator} from then stands.", "Look at the history for the others."
        )
    before = _before(project, annotator, answers, batch_id, since, until)
    events = []
    for answer in answers:
        earlier = before.get(answer.image_id)
        key = f"undo/{answer.uuid}/{earlier.uuid if earlier else ''}"
        events.append(
            NewEvent(
                hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32],
                answer.image_id,
                annotator,
                earlier.kind if earlier else "cleared",
                earlier.class_id if earlier else None,
                origin=earlier.origin if earlier else "human",
                batch_id=earlier.batch_id if earlier else None,
                review=earlier.review if earlier else False,
                acted_by=by or None,
            )
        )
    if not dry_run:
        project.store.label_writer.append(events)
    return Undone(len(events), sum(event.kind != "cleared" for event in events))


def agreement(project: Project) -> Agreement:
    """How far people agree on the images that were given to two of them."""
    names = class_names(project)
    answers: dict[int, dict[str, Any]] = {}
    for event in project.store.events.shared():
        if event.kind != SKIPPED:
            said = answer_words(names, event.kind, event.class_id)
            answers.setdefault(event.image_id, {})[event.annotator] = said
    return Agreement(
        fleiss=fleiss_kappa(answers),
        pairs=pairs_of_annotators(answers),
        disagreements=project.store.images.count("disagreement"),
        unsure=project.store.images.count("unsure"),
    )


def _before(
    project: Project,
    annotator: str,
    answers: Sequence[EventRow],
    batch_id: int | None,
    since: float | None,
    until: float | None,
) -> dict[int, EventRow]:
    """image_id -> this annotator's newest answer that is not itself to be taken back."""

    def in_it(event: EventRow) -> bool:
        return (
            (batch_id is None or event.batch_id == batch_id)
            and (since is None or event.at >= since)
            and (until is None or event.at < until)
        )

    wanted = {answer.image_id: answer.event_id for answer in answers}
    before: dict[int, EventRow] = {}
    for event in project.store.events.all_of(annotator):
        if event.event_id < wanted.get(event.image_id, 0) and not in_it(event):
            before[event.image_id] = event
    return {image_id: event for image_id, event in before.items() if event.kind != "cleared"}


def _suggestion(names: dict[int, str], suggestion: dict[str, Any] | None) -> str:
    if not suggestion:
        return ""
    class_id, probability = suggestion.get("class_id"), suggestion.get("probability")
    name = names.get(class_id, "") if isinstance(class_id, int) else str(suggestion.get("name", ""))
    return f"{name} {probability:.0%}" if isinstance(probability, int | float) else name
