"""Query batches: which images a strategy queued, in which order, and why."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, func, select

from coldstart.store.database import refresh_statistics, writing
from coldstart.store.image_rows import chunks
from coldstart.store.schema import batch_images, images, query_batches, standing_answers


@dataclass(frozen=True)
class BatchRow:
    """One selection put in the labelling queue."""

    batch_id: int
    created_at: float
    created_by: str
    strategy: str
    settings: dict[str, Any]
    seed: int
    budget: int
    embedding_set: str
    delta: float | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pick:
    """One image of a batch: its rank (0 first), its gain and the strategy's reason."""

    image_id: int
    rank: int
    gain: float
    reason: str
    batch_id: int = 0
    wanted: int = 1  # how many people are to answer it


class Batches:
    """Queries and writes on `query_batches` and `batch_images`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        picks: Sequence[Pick],
        *,
        created_by: str,
        strategy: str,
        settings: dict[str, Any],
        seed: int,
        embedding_set: str,
        delta: float | None,
        notes: Sequence[str],
    ) -> int:
        """Queue these picks as one batch; its number."""
        with writing(self._engine) as connection:
            batch_id = connection.execute(
                query_batches.insert()
                .values(
                    created_at=time.time(),
                    created_by=created_by,
                    strategy=strategy,
                    settings=settings,
                    seed=seed,
                    budget=len(picks),
                    embedding_set=embedding_set,
                    delta=delta,
                    notes=list(notes),
                )
                .returning(query_batches.c.batch_id)
            ).scalar_one()
            if picks:
                rows = [vars(pick) | {"batch_id": batch_id} for pick in picks]
                connection.execute(batch_images.insert(), rows)
            refresh_statistics(connection, images, batch_images)
        return batch_id

    def all(self) -> list[BatchRow]:
        """Every batch, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(query_batches).order_by(query_batches.c.batch_id))
            return [BatchRow(**row._mapping) for row in rows]

    def known(self, batch_ids: Collection[int]) -> set[int]:
        """Which of these numbers are batches of this project."""
        if not batch_ids:
            return set()
        query = select(query_batches.c.batch_id).where(query_batches.c.batch_id.in_(batch_ids))
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def queued(self) -> int:
        """How many images all batches hold together, answered ones included."""
        with self._engine.connect() as connection:
            count = select(func.count()).select_from(batch_images)
            return connection.execute(count).scalar_one()

    def picks(self, batch_id: int) -> list[Pick]:
        """The images of one batch in the order of their rank."""
        query = select(batch_images).where(batch_images.c.batch_id == batch_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(batch_images.c.rank))
            return [Pick(**row._mapping) for row in rows]

    def unanswered(self, batch_id: int) -> int:
        """How many images of one batch nobody has answered, neither them nor an exact copy."""
        own, twin = images.alias("own"), images.alias("twin")
        answered = (
            select(standing_answers.c.event_id)
            .select_from(own)
            .join(twin, twin.c.content_hash == own.c.content_hash)
            .join(standing_answers, standing_answers.c.image_id == twin.c.image_id)
            .where(own.c.image_id == batch_images.c.image_id)
        )
        query = select(func.count()).where(
            (batch_images.c.batch_id == batch_id) & ~answered.exists()
        )
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def last_picks(self, image_ids: Sequence[int]) -> dict[int, Pick]:
        """image_id -> its pick in the newest batch that queued it, for those that were queued."""
        found: dict[int, Pick] = {}
        for chunk in chunks(image_ids):
            query = select(batch_images).where(batch_images.c.image_id.in_(chunk))
            with self._engine.connect() as connection:
                for row in connection.execute(query.order_by(batch_images.c.batch_id)):
                    found[row.image_id] = Pick(**row._mapping)
        return found

    def waiting(self, annotator: str | None = None) -> list[int]:
        """Ids of the queued images that want an answer, in the order of the queue.

        With ``annotator``, those that want this person's: two answers to one image are never one
        person's.
        """
        first, rank = func.min(batch_images.c.batch_id), func.min(batch_images.c.rank)
        queued = (
            select(batch_images.c.image_id, func.max(batch_images.c.wanted))
            .join(images, images.c.image_id == batch_images.c.image_id)
            .where(images.c.problem.is_(None) & images.c.missing.is_(False))
            .group_by(batch_images.c.image_id)
            .order_by(first, rank)
        )
        # Put together here: asked for image by image the database takes several times as long.
        answers = select(
            standing_answers.c.image_id, standing_answers.c.annotator, standing_answers.c.review
        ).where(standing_answers.c.image_id.in_(select(batch_images.c.image_id)))
        people: dict[int, set[str]] = {}
        decided: set[int] = set()
        with self._engine.connect() as connection:
            for image_id, name, review in connection.execute(answers):
                people.setdefault(image_id, set()).add(name)
                if review:
                    decided.add(image_id)
            cursor = connection.execute(queued).cursor  # the driver itself: rows cost as much again
            rows = [] if cursor is None else cursor.fetchall()
        nobody: set[str] = set()
        return [
            image_id
            for image_id, wanted in rows
            if image_id not in decided
            and len(answered := people.get(image_id, nobody)) < wanted
            and annotator not in answered
        ]

    def withdraw_waiting(self) -> int:
        """Take the images nobody has answered out of the queue; how many there were."""
        waiting = self.waiting()
        with writing(self._engine) as connection:
            answered = select(standing_answers.c.image_id)
            for chunk in chunks(waiting):
                queued = batch_images.c.image_id.in_(chunk)
                connection.execute(
                    batch_images.delete().where(queued & batch_images.c.image_id.notin_(answered))
                )
                # Of what one of two people has answered, the second answer is no longer wanted.
                connection.execute(batch_images.update().where(queued).values(wanted=1))
        return len(waiting)
