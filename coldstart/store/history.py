"""The history: every event in pages, and the heaps of answers that can be taken back as one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, Integer, Select, cast, func, select

from coldstart.store.labels import EventRow
from coldstart.store.schema import batch_images, label_answers, label_events, standing_answers

_DAY_S = 86_400


@dataclass(frozen=True)
class Heap:
    """Answers of one annotator that belong together: of one query batch, or of one import's day."""

    annotator: str
    batch_id: int | None
    origin: str
    day: int | None  # days since 1970, where there is no batch
    answers: int
    first_at: float
    last_at: float


class Events:
    """Queries on the events, newest first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, offset: int, limit: int, *, annotator: str | None = None, origin: str | None = None
    ) -> list[EventRow]:
        """Some events, newest first, as they were given."""
        query = _chosen(select(label_events), annotator, origin)
        query = query.order_by(label_events.c.event_id.desc()).offset(offset).limit(limit)
        with self._engine.connect() as connection:
            return [EventRow(**row._mapping) for row in connection.execute(query)]

    def count(self, *, annotator: str | None = None, origin: str | None = None) -> int:
        """How many events there are."""
        query = _chosen(select(func.count()).select_from(label_events), annotator, origin)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def annotators(self) -> list[str]:
        """Everybody who ever answered, by name."""
        query = select(label_events.c.annotator).distinct().order_by(label_events.c.annotator)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def heaps(self) -> list[Heap]:
        """Every heap of answers that still stand, the newest first."""
        day = cast(standing_answers.c.at / _DAY_S, Integer)
        query = select(
            standing_answers.c.annotator,
            standing_answers.c.batch_id,
            standing_answers.c.origin,
            func.min(day),
            func.count(),
            func.min(standing_answers.c.at),
            func.max(standing_answers.c.at),
        ).group_by(
            standing_answers.c.annotator,
            standing_answers.c.batch_id,
            standing_answers.c.origin,
            # Of one batch whatever the day; the rest day by day.
            func.coalesce(standing_answers.c.batch_id - standing_answers.c.batch_id, day),
        )
        with self._engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        found = [
            Heap(who, batch, origin, None if batch else int(day), count, first, last)
            for who, batch, origin, day, count, first, last in rows
        ]
        return sorted(found, key=lambda one: -one.last_at)

    def standing_of(
        self,
        annotator: str,
        *,
        batch_id: int | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> list[EventRow]:
        """This annotator's answers that stand: of one batch, or given between two moments."""
        query = select(standing_answers).where(standing_answers.c.annotator == annotator)
        if batch_id is not None:
            query = query.where(standing_answers.c.batch_id == batch_id)
        if since is not None:
            query = query.where(standing_answers.c.at >= since)
        if until is not None:
            query = query.where(standing_answers.c.at < until)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(standing_answers.c.event_id))
            return [EventRow(**row._mapping) for row in rows]

    def all_of(self, annotator: str) -> list[EventRow]:
        """Everything this annotator ever did, oldest first, classes read through merges."""
        query = select(label_answers).where(label_answers.c.annotator == annotator)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(label_answers.c.event_id))
            return [EventRow(**row._mapping) for row in rows]

    def shared(self) -> list[EventRow]:
        """The answers, no reviews, to images that were given to two people blind."""
        twice = select(batch_images.c.image_id).where(batch_images.c.wanted > 1)
        query = select(standing_answers).where(
            standing_answers.c.image_id.in_(twice) & ~standing_answers.c.review
        )
        with self._engine.connect() as connection:
            return [EventRow(**row._mapping) for row in connection.execute(query)]


def _chosen(query: Select, annotator: str | None, origin: str | None) -> Select:
    if annotator is not None:
        query = query.where(label_events.c.annotator == annotator)
    if origin is not None:
        query = query.where(label_events.c.origin == origin)
    return query
