"""Classes and label events: appended by one writer, read back as the labels that stand today."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from coldstart.labels.resolve import resolve
from coldstart.store.classes import DELETED, Classes, ClassRow
from coldstart.store.database import writing
from coldstart.store.image_rows import chunks, copies_of
from coldstart.store.schema import (
    images,
    label_answers,
    label_events,
    standing_answers,
)

if TYPE_CHECKING:
    from coldstart.store.standing import Columns


@dataclass(frozen=True)
class NewEvent:
    """An annotator's answer for one image, on its way into the store."""

    uuid: str
    image_id: int
    annotator: str
    kind: str
    class_id: int | None = None
    origin: str = "human"
    batch_id: int | None = None
    client_time: float | None = None
    seconds: float | None = None
    suggestion: dict[str, Any] | None = None  # what was suggested when it was given
    step: str | None = None  # made by the client: what one key did is one step
    step_action: str | None = None  # undo | redo of that step
    review: bool = False  # a reviewer's decision over other people's answers
    acted_by: str | None = None  # who did it, where that was not the annotator


@dataclass(frozen=True, slots=True)
class EventRow:
    """A label event as it was stored."""

    event_id: int
    uuid: str
    image_id: int
    annotator: str
    kind: str
    class_id: int | None
    origin: str
    batch_id: int | None
    at: float
    client_time: float | None
    seconds: float | None
    suggestion: dict[str, Any] | None = None
    step: str | None = None
    step_action: str | None = None
    review: bool = False
    acted_by: str | None = None


class Labels:
    """Queries and writes on `classes` and `label_events`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._classes = Classes(engine)

    # -- classes

    def classes(self) -> list[ClassRow]:
        """All classes in their order, which is also the order of their keys."""
        return self._classes.all()

    def add_class(self, name: str, by: str = "") -> ClassRow:
        """The class of this name, made if there is none.

        Raises
        ------
        ColdstartError : the name cannot be a class name.
        """
        return self._classes.add(name, by)

    # -- events

    def append(self, events: Sequence[NewEvent]) -> int:
        """Store the events that are not there yet, in one transaction; how many were new.

        The events must name images and classes of this project: see `unknown_references`.
        Use a `LabelWriter` where several threads append.
        """
        with writing(self._engine) as connection:
            return insert_events(connection, events)

    def unknown_references(self, events: Sequence[NewEvent]) -> dict[str, str]:
        """uuid -> why the event cannot be stored, for each event that names a stranger."""
        known_images = self._existing(images.c.image_id, {event.image_id for event in events})
        named = {event.class_id for event in events if event.class_id is not None}
        states = self._class_states(named)
        reasons: dict[str, str] = {}
        for event in events:
            if event.image_id not in known_images:
                reasons[event.uuid] = f"There is no image {event.image_id} in this project."
            elif event.kind == "class" and event.class_id not in states:
                reasons[event.uuid] = f"There is no class {event.class_id} in this project."
            elif event.kind == "class" and states[event.class_id] == DELETED:
                reasons[event.uuid] = "Its class has been deleted meanwhile."
        return reasons

    def current(self, image_ids: Sequence[int] | None = None) -> dict[int, EventRow]:
        """The answer that stands for each image that has one, by `image_id`."""
        if image_ids is None:
            return self.current(self.columns().image_ids.tolist())
        # As `current_labels` says it, but asking for these images and their copies only.
        copies = self._copies(image_ids)
        members = sorted({twin for group in copies.values() for twin in group})
        return shared_labels(copies, self.standing(members))

    def standing(self, image_ids: Sequence[int] | None) -> list[EventRow]:
        """Each annotator's answer that was not withdrawn, for these images, oldest first."""
        if image_ids is None:
            return self._events(select(standing_answers).order_by(standing_answers.c.event_id))
        rows: list[EventRow] = []
        for chunk in chunks(image_ids):
            query = select(standing_answers).where(standing_answers.c.image_id.in_(chunk))
            rows += self._events(query)
        return sorted(rows, key=lambda row: row.event_id)

    def own(self, annotator: str, image_ids: Sequence[int]) -> dict[int, EventRow]:
        """This annotator's answers that stand, by `image_id`."""
        return {row.image_id: row for row in self.standing(image_ids) if row.annotator == annotator}

    def unresolved(self) -> list[int]:
        """Ids of the images whose annotators disagree with no majority and no review."""
        return [int(one) for one in self.columns().disputed]

    def columns(self) -> Columns:
        """The label that stands for each image that has one, as arrays kept in memory."""
        from coldstart.store.standing import Standing  # which reads through this class

        return Standing(self._engine).columns()

    def _copies(self, image_ids: Sequence[int]) -> dict[int, list[int]]:
        with self._engine.connect() as connection:
            return copies_of(connection, image_ids)

    def events(
        self, image_ids: Sequence[int] | None = None, *, as_given: bool = False
    ) -> list[EventRow]:
        """Every event, oldest first; only those of ``image_ids`` if given.

        Classes are read through merges, and an answer whose class is deleted counts as "cleared";
        ``as_given`` tells what was really stored.
        """
        table = label_events if as_given else label_answers
        if image_ids is None:
            return self._events(select(table).order_by(table.c.event_id))
        rows: list[EventRow] = []
        for chunk in chunks(image_ids):
            rows += self._events(select(table).where(table.c.image_id.in_(chunk)))
        return sorted(rows, key=lambda row: row.event_id)

    def of_steps(self, annotator: str, steps: Sequence[str]) -> list[EventRow]:
        """The events with which the annotator did these steps (not those that undid them)."""
        rows: list[EventRow] = []
        for chunk in chunks(steps):
            rows += self._events(
                select(label_events).where(
                    (label_events.c.annotator == annotator)
                    & label_events.c.step.in_(chunk)
                    & label_events.c.step_action.is_(None)
                )
            )
        return sorted(rows, key=lambda row: row.event_id)

    def own_before(self, event: EventRow) -> EventRow | None:
        """The annotator's own answer before this event; None if there was none."""
        query = (
            select(label_answers)
            .where(
                (label_answers.c.image_id == event.image_id)
                & (label_answers.c.annotator == event.annotator)
                & (label_answers.c.event_id < event.event_id)
            )
            .order_by(label_answers.c.event_id.desc())
            .limit(1)
        )
        found = self._events(query)
        return found[0] if found and found[0].kind != "cleared" else None

    def images_of_class(self, class_id: int) -> list[int]:
        """Ids of the images that stand at this class, the newest label first."""
        found = self.columns()
        ids: list[int] = found.newest_first(found.which("class", class_id)).tolist()
        return ids

    def last_times(self, annotator: str, most: int) -> list[float | None]:
        """Seconds spent on each of the annotator's newest ``most`` answers given by hand."""
        query = (
            select(label_events.c.seconds)
            .where((label_events.c.annotator == annotator) & given_by_hand())
            .order_by(label_events.c.event_id.desc())
            .limit(most)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def annotators(self) -> list[str]:
        """Everybody who has given an answer, by name."""
        query = select(label_events.c.annotator).distinct().order_by(label_events.c.annotator)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def last_event_id(self) -> int:
        """The newest event's number, 0 before the first: changes when any label does."""
        with self._engine.connect() as connection:
            return connection.execute(
                select(func.coalesce(func.max(label_events.c.event_id), 0))
            ).scalar_one()

    def counts(self) -> dict[str, int]:
        """How many images stand at each kind of answer: {"class": 12, "skipped": 1, …}."""
        found = self.columns()
        counts = np.bincount(found.kinds, minlength=len(found.names)).tolist()
        return {name: counts[number] for name, number in found.names.items() if counts[number]}

    def class_counts(self) -> dict[int, int]:
        """class_id -> how many images stand at that class."""
        found = self.columns()
        counts = np.bincount(found.class_ids[found.class_ids >= 0]).tolist()
        return {class_id: count for class_id, count in enumerate(counts) if count}

    def _class_states(self, wanted: set[int]) -> dict[int | None, str]:
        """class_id -> its state, or that of the class it was merged into."""
        rows = {row.class_id: row for row in self._classes.all(gone=True)}
        found: dict[int | None, str] = {}
        for class_id in wanted & rows.keys():
            into = rows[class_id].merged_into
            found[class_id] = rows[class_id if into is None else into].state
        return found

    def _existing(self, column, wanted: set[int]) -> set[int]:  # type: ignore[no-untyped-def]
        ids = sorted(wanted)
        found: set[int] = set()
        with self._engine.connect() as connection:
            for chunk in chunks(ids):
                found.update(connection.execute(select(column).where(column.in_(chunk))).scalars())
        return found

    def _events(self, query) -> list[EventRow]:  # type: ignore[no-untyped-def]
        with self._engine.connect() as connection:
            return [EventRow(**row._mapping) for row in connection.execute(query)]


def shared_labels(
    copies: Mapping[int, Sequence[int]], answers: Sequence[EventRow]
) -> dict[int, EventRow]:
    """The answer that stands for each of these images, exact copies sharing theirs.

    copies : image_id -> ids of all images with its content. answers : all that stand for those.
    """
    labels = resolve(answers)
    found: dict[int, EventRow] = {}
    for image_id, group in copies.items():
        winners = [labels[twin].winner for twin in group if twin in labels]
        if winners:
            newest = max(winners, key=lambda row: row.event_id)
            found[image_id] = replace(newest, image_id=image_id)
    return found


def _speakers(connection: Connection, image_ids: Sequence[int]) -> dict[int, int]:
    """Of images with exact copies, the one that holds the answers of all: image_id -> its id.

    The one answered last, or else the one found first.
    """
    groups = {
        image_id: group
        for image_id, group in copies_of(connection, sorted(set(image_ids))).items()
        if len(group) > 1
    }
    members = sorted({twin for group in groups.values() for twin in group})
    answered: dict[int, int] = {}
    for chunk in chunks(members):
        query = (
            select(label_events.c.image_id, func.max(label_events.c.event_id))
            .where(label_events.c.image_id.in_(chunk))
            .group_by(label_events.c.image_id)
        )
        answered.update((row[0], row[1]) for row in connection.execute(query))
    return {
        image_id: max(group, key=lambda twin: (answered.get(twin, 0), -twin))
        for image_id, group in groups.items()
    }


def given_by_hand():  # type: ignore[no-untyped-def]  # an SQLAlchemy clause
    """Clause: an answer that somebody gave, neither read from a file nor an undo or a redo."""
    return (
        (label_events.c.origin != "import")
        & (label_events.c.kind != "cleared")
        & label_events.c.step_action.is_(None)
    )


def insert_events(connection: Connection, events: Sequence[NewEvent]) -> int:
    """Insert what is new among ``events`` on an open writing connection; how many were new."""
    if not events:
        return 0
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(label_events).on_conflict_do_nothing(index_elements=["uuid"])
    sent = {event.uuid for event in events}
    for chunk in chunks(sorted(sent)):
        stored = select(label_events.c.uuid).where(label_events.c.uuid.in_(chunk))
        sent.difference_update(connection.execute(stored).scalars().all())
    now = time.time()
    speaks = _speakers(connection, [event.image_id for event in events])
    rows = [
        vars(event) | {"at": now, "image_id": speaks.get(event.image_id, event.image_id)}
        for event in events
    ]
    connection.execute(insert, rows)
    return len(sent)
