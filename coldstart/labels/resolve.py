"""From label events to the current label of each image.

Each annotator's newest event counts; ``cleared`` withdraws that annotator's answer; of the answers
that remain the newest wins. Newer means the higher ``event_id``, the number the store gave the
event when it arrived: the clocks of several annotators cannot be compared. Nothing else is looked
at, so the result does not depend on the order in which the events are handed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from coldstart.labels.states import CLEARED


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


Event = TypeVar("Event", bound=LabelEvent)


@dataclass(frozen=True)
class Label(Generic[Event]):
    """The current label of one image.

    ``winner`` is the event whose answer stands; ``annotators`` are all whose answer was not
    withdrawn, sorted; ``agreement`` is the share of them, in (0, 1], whose answer equals the
    winner's.
    """

    winner: Event
    annotators: tuple[str, ...]
    agreement: float


def resolve(events: Iterable[Event]) -> dict[int, Label[Event]]:
    """The current label of every image that has one, by ``image_id``."""
    newest: dict[int, dict[str, Event]] = {}
    for event in events:
        answers = newest.setdefault(event.image_id, {})
        earlier = answers.get(event.annotator)
        if earlier is None or event.event_id > earlier.event_id:
            answers[event.annotator] = event
    labels = {}
    for image_id, answers in newest.items():
        standing = [event for event in answers.values() if event.kind != CLEARED]
        if standing:
            labels[image_id] = _label(standing)
    return labels


def _label(standing: list[Event]) -> Label[Event]:
    winner = max(standing, key=lambda event: event.event_id)
    equal = sum(
        (event.kind, event.class_id) == (winner.kind, winner.class_id) for event in standing
    )
    annotators = tuple(sorted(event.annotator for event in standing))
    return Label(winner=winner, annotators=annotators, agreement=equal / len(standing))
