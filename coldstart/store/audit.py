"""The audit: images kept aside to measure with, which of them were asked, and what was found.

One audit follows another: only the newest counts, and images of an earlier one that were asked are
images like any other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from coldstart.store.database import writing
from coldstart.store.image_rows import chunks
from coldstart.store.schema import audit_images, audit_looks, batch_images


class Audit:
    """Queries and writes on `audit_images` and `audit_looks`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def number(self) -> int:
        """Which audit this is, 1 for the first."""
        with self._engine.connect() as connection:
            return _number(connection)

    def reserve(self, image_ids: Sequence[int]) -> None:
        """Keep these images aside, in the order of asking. A reserve that stands is left as it is:
        drawn anew, it would no longer be a draw from the whole pool."""
        with writing(self._engine) as connection:
            count = select(func.count()).select_from(audit_images)
            if image_ids and connection.execute(count).scalar_one() == 0:
                _keep(connection, image_ids, 1)

    def change_reserve(self, image_ids: Sequence[int]) -> None:
        """Keep exactly these images aside for the audit that runs, in this order of asking. One
        that was asked stays, at the end when it is not among them."""
        with writing(self._engine) as connection:
            number = _number(connection)
            asked = list(connection.execute(_asked(number)).scalars())
            wanted = [*image_ids, *(one for one in asked if one not in set(image_ids))]
            mine = audit_images.c.audit == number
            connection.execute(audit_images.delete().where(mine))
            _keep(connection, wanted, number)

    def begin(self, image_ids: Sequence[int]) -> int:
        """Begin a new audit that asks about these images, in this order; its number.

        What the audit before kept aside and did not ask is no longer kept aside, unless it is
        among them.
        """
        with writing(self._engine) as connection:
            number = _number(connection)
            asked = set(connection.execute(_asked(number)).scalars())
            mine = select(audit_images.c.image_id).where(audit_images.c.audit == number)
            free = set(connection.execute(mine).scalars()) - asked
            for chunk in chunks(sorted(free | set(image_ids))):
                connection.execute(audit_images.delete().where(audit_images.c.image_id.in_(chunk)))
            _keep(connection, image_ids, number + 1)
            return number + 1

    def reserved(self) -> list[int]:
        """Ids of the images kept aside, in the order of asking."""
        with self._engine.connect() as connection:
            query = (
                select(audit_images.c.image_id)
                .where(audit_images.c.audit == _number(connection))
                .order_by(audit_images.c.position)
            )
            return list(connection.execute(query).scalars())

    def earlier(self) -> list[int]:
        """Ids of the images that audits before this one have asked."""
        with self._engine.connect() as connection:
            query = select(audit_images.c.image_id).where(
                audit_images.c.audit < _number(connection)
            )
            return list(connection.execute(query).scalars())

    def asked(self) -> set[int]:
        """Ids of the images kept aside that have been queued."""
        with self._engine.connect() as connection:
            return set(connection.execute(_asked(_number(connection))).scalars())

    def batches(self) -> set[int]:
        """Numbers of the query batches that hold an image of this audit or of an earlier one."""
        query = select(batch_images.c.batch_id).where(
            batch_images.c.image_id.in_(select(audit_images.c.image_id))
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def add_looks(self, looks: Sequence[dict[str, Any]], run_id: int) -> None:
        """Keep these looks of the audit that runs, each with its own ``number``; one that is known
        is left as it is."""
        now = time.time()
        with writing(self._engine) as connection:
            audit = _number(connection)
            counted = select(func.count()).select_from(audit_looks)
            before = connection.execute(counted.where(audit_looks.c.audit < audit)).scalar_one()
            known = set(connection.execute(select(audit_looks.c.number)).scalars())
            rows = [
                {
                    "number": before + look["number"],
                    "look": look,
                    "run_id": run_id,
                    "taken_at": now,
                    "audit": audit,
                }
                for look in looks
                if before + look["number"] not in known
            ]
            if rows:
                connection.execute(audit_looks.insert(), rows)

    def looks(self) -> list[dict[str, Any]]:
        """Every look of the audit that runs, oldest first."""
        with self._engine.connect() as connection:
            query = (
                select(audit_looks.c.look)
                .where(audit_looks.c.audit == _number(connection))
                .order_by(audit_looks.c.number)
            )
            return list(connection.execute(query).scalars())


def _number(connection: Connection) -> int:
    return connection.execute(select(func.max(audit_images.c.audit))).scalar_one() or 1


def _asked(number: int) -> Any:
    return (
        select(audit_images.c.image_id)
        .where(
            (audit_images.c.audit == number)
            & audit_images.c.image_id.in_(select(batch_images.c.image_id))
        )
        .order_by(audit_images.c.position)
    )


def _keep(connection: Connection, image_ids: Sequence[int], audit: int) -> None:
    last = connection.execute(select(func.max(audit_images.c.position))).scalar_one()
    first = 0 if last is None else last + 1
    now = time.time()
    rows = [
        {"image_id": image_id, "position": first + place, "reserved_at": now, "audit": audit}
        for place, image_id in enumerate(image_ids)
    ]
    if rows:
        connection.execute(audit_images.insert(), rows)
