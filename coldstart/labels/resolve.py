"""From label events to the current label of each image.

Each annotator's newest event counts, and ``cleared`` withdraws that annotator's answer. Of the
answers that remain

1. the newest review stands, if a reviewer has decided;
2. else the answer that more people gave than any other, skips not counted where anybody answered;
3. else none: people disagree, and a reviewer is asked.

Newer means the higher ``event_id``, the number the store gave the event when it arrived: the clocks
of several annotators cannot be compared. Nothing else is looked at, so the result does not depend
on the order in which the events are handed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from coldstart.labels.states import CLEARED, SKIPPED


class LabelEvent(Protocol):
    """What `resolve` reads of an event; the store's rows are such events."""

    @property
    def event_id(self) -> int: ...
    @property
    def image_id(self) -> int: ...
    @property
    def annotator(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def class_id(self) -> int | None: ...
    @property
    def review(self) -> bool: ...


Event = TypeVar("Event", bound=LabelEvent)


@dataclass(frozen=True)
class Label(Generic[Event]):
    """The current label of one image.

    ``winner`` is the newest event with the answer that stands; ``annotators`` are all whose answer
    was not withdrawn, sorted, those who gave this answer first; ``agreement`` is the share of them,
    in (0, 1], whose answer equals the winner's.
    """

    winner: Event
    annotators: tuple[str, ...]
    agreement: float


def resolve(events: Iterable[Event]) -> dict[int, Label[Event]]:
    """The current label of every image that has one, by ``image_id``."""
    labels = {}
    for image_id, answers in standing_answers(events).items():
        winner = _winner(answers)
        if winner is not None:
            labels[image_id] = _label(winner, answers)
    return labels


def standing_answers(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Per image each annotator's newest event, unless it withdraws; images with none left out."""
    newest: dict[int, dict[str, Event]] = {}
    for event in events:
        answers = newest.setdefault(event.image_id, {})
        earlier = answers.get(event.annotator)
        if earlier is None or event.event_id > earlier.event_id:
            answers[event.annotator] = event
    standing = {
        image_id: [event for event in answers.values() if event.kind != CLEARED]
        for image_id, answers in newest.items()
    }
    return {image_id: answers for image_id, answers in standing.items() if answers}


def _winner(answers: list[Event]) -> Event | None:
    reviews = [event for event in answers if event.review]
    if reviews:
        return max(reviews, key=lambda event: event.event_id)
    heard = [event for event in answers if event.kind != SKIPPED] or answers
    votes = Counter(_answer(event) for event in heard).most_common(2)
    if len(votes) == 2 and votes[0][1] == votes[1][1]:
        return None
    chosen = [event for event in heard if _answer(event) == votes[0][0]]
    return max(chosen, key=lambda event: event.event_id)


def _label(winner: Event, answers: list[Event]) -> Label[Event]:
    agree = {event.annotator: _answer(event) == _answer(winner) for event in answers}
    annotators = tuple(sorted(agree, key=lambda name: (not agree[name], name)))
    return Label(winner, annotators, sum(agree.values()) / len(answers))


def _answer(event: LabelEvent) -> tuple[str, int | None]:
    return event.kind, event.class_id
