"""Leases: which images are in whose hands right now, so that two people never do the same work.

Each image has as many places as answers are wanted, and a place is a row whose key no two people
can hold: the database itself refuses a second lease.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from coldstart.store.database import writing
from coldstart.store.image_rows import chunks
from coldstart.store.schema import batch_images, leases, standing_answers

LEASE_S = 600.0
_FRESH = 0.9  # a lease with this much of its time left is not renewed yet


@dataclass(frozen=True)
class Lease:
    """One image in one person's hands, until a moment (seconds since 1970)."""

    image_id: int
    holder: str
    until: float


class Leases:
    """Queries and writes on `leases`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(
        self,
        holder: str,
        image_ids: Sequence[int],
        most: int | None = None,
        *,
        lease_s: float = LEASE_S,
        now: float | None = None,
    ) -> list[int]:
        """Put the first ``most`` of these images that are free into one person's hands.

        An image is free while fewer people than its queue wants have answered it or hold it.
        What the person holds already, or has answered, counts and is renewed.

        Returns
        -------
        the ids that are now theirs, in the order given.
        """
        now = time.time() if now is None else now
        most = len(image_ids) if most is None else most
        taken: list[int] = []
        with writing(self._engine) as connection:
            for chunk in chunks(list(image_ids), 2_000):
                if len(taken) >= most:
                    break
                # Another server process may be quicker to a place: then look for the next one.
                while True:
                    mine, lost = _take(
                        connection, holder, chunk, most - len(taken), now, now + lease_s
                    )
                    if not lost:
                        break
                taken += mine
        return taken

    def renew(self, holder: str, *, lease_s: float = LEASE_S, now: float | None = None) -> int:
        """Keep what this person holds for another while, for they are active; how many images.

        A lease that has run out is not brought back: somebody else may have taken the image.
        """
        now = time.time() if now is None else now
        held = (leases.c.holder == holder) & (leases.c.until >= now)
        with self._engine.connect() as connection:
            count = select(func.count(), func.min(leases.c.until)).where(held)
            images, first_end = connection.execute(count).one()
        # At every label, so it must not write at every label.
        if images and first_end < now + lease_s * _FRESH:
            with writing(self._engine) as connection:
                update = leases.update().where(held).values(until=now + lease_s)
                return connection.execute(update).rowcount
        return images

    def give_back(self, holder: str, image_ids: Sequence[int] | None = None) -> int:
        """Return everything this person holds, or these images; how many there were."""
        held = leases.delete().where(leases.c.holder == holder)
        with writing(self._engine) as connection:
            if image_ids is None:
                return connection.execute(held).rowcount
            return sum(
                connection.execute(held.where(leases.c.image_id.in_(chunk))).rowcount
                for chunk in chunks(image_ids)
            )

    def current(self, now: float | None = None) -> list[Lease]:
        """Every lease that has not run out."""
        now = time.time() if now is None else now
        query = select(leases.c.image_id, leases.c.holder, leases.c.until)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(leases.c.until >= now))
            return [Lease(*row) for row in rows]

    def held(self, holder: str, image_ids: Sequence[int]) -> set[int]:
        """Which of these images are in this person's hands."""
        now = time.time()
        found: set[int] = set()
        for chunk in chunks(image_ids):
            query = select(leases.c.image_id).where(
                (leases.c.holder == holder) & (leases.c.until >= now) & leases.c.image_id.in_(chunk)
            )
            with self._engine.connect() as connection:
                found.update(connection.execute(query).scalars())
        return found


def _take(
    connection: Connection, holder: str, ids: list[int], most: int, now: float, until: float
) -> tuple[list[int], bool]:
    """What this person holds now of ``ids``, and whether somebody else was quicker to one."""
    connection.execute(leases.delete().where(leases.c.image_id.in_(ids) & (leases.c.until < now)))
    # Leases are read before answers: whoever gives a lease back has stored the answer before.
    places: dict[int, dict[int, str]] = {}
    for row in connection.execute(select(leases).where(leases.c.image_id.in_(ids))):
        places.setdefault(row.image_id, {})[row.place] = row.holder
    answered: dict[int, set[str]] = {}
    query = select(standing_answers.c.image_id, standing_answers.c.annotator)
    for image_id, name in connection.execute(query.where(standing_answers.c.image_id.in_(ids))):
        answered.setdefault(image_id, set()).add(name)
    query = select(batch_images.c.image_id, func.max(batch_images.c.wanted))
    query = query.where(batch_images.c.image_id.in_(ids)).group_by(batch_images.c.image_id)
    wanted = {row[0]: row[1] for row in connection.execute(query)}
    mine: list[int] = []
    rows: list[dict[str, object]] = []
    for image_id in ids:
        if len(mine) >= most:
            break
        held = places.get(image_id, {})
        others = ({*held.values()} | answered.get(image_id, set())) - {holder}
        if holder in held.values() or holder in answered.get(image_id, set()):
            mine.append(image_id)
        elif len(others) < wanted.get(image_id, 1):
            free = next(place for place in range(len(held) + 1) if place not in held)
            rows.append({"image_id": image_id, "place": free, "holder": holder, "until": until})
            mine.append(image_id)
    renewed = leases.update().where((leases.c.holder == holder) & leases.c.image_id.in_(mine))
    connection.execute(renewed.values(until=until))
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(leases).on_conflict_do_nothing()
        connection.execute(insert, rows)
        got = select(func.count()).where(
            (leases.c.holder == holder) & leases.c.image_id.in_([row["image_id"] for row in rows])
        )
        return mine, connection.execute(got).scalar_one() < len(rows)
    return mine, False
