"""Classes and label events: appended by one writer, read back as the labels that stand today."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from coldstart.errors import ColdstartError
from coldstart.labels.class_names import check_class_name
from coldstart.store.database import writing
from coldstart.store.images import chunks
from coldstart.store.schema import classes, current_labels, images, label_events


@dataclass(frozen=True)
class ClassRow:
    """A category of the project."""

    class_id: int
    name: str
    position: int


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


@dataclass(frozen=True)
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


class Labels:
    """Queries and writes on `classes` and `label_events`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- classes

    def classes(self) -> list[ClassRow]:
        """All classes in their order, which is also the order of their keys."""
        query = select(classes.c.class_id, classes.c.name, classes.c.position).order_by(
            classes.c.position, classes.c.class_id
        )
        with self._engine.connect() as connection:
            return [ClassRow(*row) for row in connection.execute(query)]

    def add_class(self, name: str) -> ClassRow:
        """The class of this name, made if there is none.

        Raises
        ------
        ColdstartError : the name cannot be a class name.
        """
        name = check_class_name(name)
        try:
            with writing(self._engine) as connection:
                found = _class_named(connection, name)
                if found is not None:
                    return found
                position = connection.execute(
                    select(func.coalesce(func.max(classes.c.position), -1) + 1)
                ).scalar_one()
                connection.execute(
                    classes.insert().values(name=name, position=position, created_at=time.time())
                )
                found = _class_named(connection, name)
        except IntegrityError:  # two annotators named it at the same moment
            with self._engine.connect() as connection:
                found = _class_named(connection, name)
        if found is None:
            raise ColdstartError(f"The class {name!r} could not be stored.", "Try again.")
        return found

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
        known_classes = self._existing(classes.c.class_id, named)
        reasons: dict[str, str] = {}
        for event in events:
            if event.image_id not in known_images:
                reasons[event.uuid] = f"There is no image {event.image_id} in this project."
            elif event.kind == "class" and event.class_id not in known_classes:
                reasons[event.uuid] = f"There is no class {event.class_id} in this project."
        return reasons

    def current(self, image_ids: Sequence[int] | None = None) -> dict[int, EventRow]:
        """The answer that stands for each image that has one, by `image_id`."""
        if image_ids is None:
            return {row.image_id: row for row in self._events(select(current_labels))}
        found: dict[int, EventRow] = {}
        for chunk in chunks(image_ids):
            query = select(current_labels).where(current_labels.c.image_id.in_(chunk))
            found.update((row.image_id, row) for row in self._events(query))
        return found

    def events(self, image_ids: Sequence[int] | None = None) -> list[EventRow]:
        """Every event, oldest first; only those of ``image_ids`` if given."""
        if image_ids is None:
            return self._events(select(label_events).order_by(label_events.c.event_id))
        rows: list[EventRow] = []
        for chunk in chunks(image_ids):
            rows += self._events(select(label_events).where(label_events.c.image_id.in_(chunk)))
        return sorted(rows, key=lambda row: row.event_id)

    def last_event_id(self) -> int:
        """The newest event's number, 0 before the first: changes when any label does."""
        with self._engine.connect() as connection:
            return connection.execute(
                select(func.coalesce(func.max(label_events.c.event_id), 0))
            ).scalar_one()

    def counts(self) -> dict[str, int]:
        """How many images stand at each kind of answer: {"class": 12, "skipped": 1, …}."""
        query = select(current_labels.c.kind, func.count()).group_by(current_labels.c.kind)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def class_counts(self) -> dict[int, int]:
        """class_id -> how many images stand at that class."""
        query = (
            select(current_labels.c.class_id, func.count())
            .where(current_labels.c.kind == "class")
            .group_by(current_labels.c.class_id)
        )
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

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


def insert_events(connection: Connection, events: Sequence[NewEvent]) -> int:
    """Insert what is new among ``events`` on an open writing connection; how many were new."""
    if not events:
        return 0
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(label_events).on_conflict_do_nothing(index_elements=["uuid"])
    before = connection.execute(select(func.count()).select_from(label_events)).scalar_one()
    now = time.time()
    connection.execute(insert, [vars(event) | {"at": now} for event in events])
    after = connection.execute(select(func.count()).select_from(label_events)).scalar_one()
    return after - before


def _class_named(connection: Connection, name: str) -> ClassRow | None:
    query = select(classes.c.class_id, classes.c.name, classes.c.position)
    row = connection.execute(query.where(classes.c.name == name)).first()
    return None if row is None else ClassRow(*row)
