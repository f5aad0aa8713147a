"""The audit: images kept aside to measure with, which of them were asked, and what was found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, func, select

from coldstart.store.database import writing
from coldstart.store.schema import audit_images, audit_looks, batch_images


class Audit:
    """Queries and writes on `audit_images` and `audit_looks`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reserve(self, image_ids: Sequence[int]) -> None:
        """Keep these images aside, in the order of asking. A reserve that stands is left as it is:
        drawn anew, it would no longer be a draw from the whole pool."""
        now = time.time()
        rows = [
            {"image_id": image_id, "position": position, "reserved_at": now}
            for position, image_id in enumerate(image_ids)
        ]
        with writing(self._engine) as connection:
            count = select(func.count()).select_from(audit_images)
            if rows and connection.execute(count).scalar_one() == 0:
                connection.execute(audit_images.insert(), rows)

    def reserved(self) -> list[int]:
        """Ids of the images kept aside, in the order of asking."""
        query = select(audit_images.c.image_id).order_by(audit_images.c.position)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def asked(self) -> set[int]:
        """Ids of the images kept aside that have been queued."""
        query = select(audit_images.c.image_id).where(
            audit_images.c.image_id.in_(select(batch_images.c.image_id))
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def batches(self) -> set[int]:
        """Numbers of the query batches that hold an audit image."""
        query = select(batch_images.c.batch_id).where(
            batch_images.c.image_id.in_(select(audit_images.c.image_id))
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def add_looks(self, looks: Sequence[dict[str, Any]], run_id: int) -> None:
        """Keep these looks, each with its own ``number``; one that is known is left as it is."""
        now = time.time()
        with writing(self._engine) as connection:
            known = set(connection.execute(select(audit_looks.c.number)).scalars())
            rows = [
                {"number": look["number"], "look": look, "run_id": run_id, "taken_at": now}
                for look in looks
                if look["number"] not in known
            ]
            if rows:
                connection.execute(audit_looks.insert(), rows)

    def looks(self) -> list[dict[str, Any]]:
        """Every look, oldest first."""
        query = select(audit_looks.c.look).order_by(audit_looks.c.number)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())
