"""Classes that are known and hidden: only a rehearsal may read them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, func, select

from coldstart.store.database import writing
from coldstart.store.schema import hidden_truth, images


class Truth:
    """Queries and writes on `hidden_truth`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def hide(self, class_of: Mapping[int, str], source: str) -> None:
        """Keep these classes (image_id -> class name), in place of what was hidden before."""
        rows = [
            {"image_id": image_id, "class_name": name, "source": source}
            for image_id, name in class_of.items()
        ]
        with writing(self._engine) as connection:
            connection.execute(hidden_truth.delete())
            if rows:
                connection.execute(hidden_truth.insert(), rows)

    def all(self) -> dict[int, str]:
        """image_id -> hidden class name; exact copies of a picture have its class too."""
        own, twin = images.alias("own"), images.alias("twin")
        shared = (
            select(twin.c.image_id, func.min(hidden_truth.c.class_name))
            .join(own, own.c.image_id == hidden_truth.c.image_id)
            .join(twin, twin.c.content_hash == own.c.content_hash)
            .group_by(twin.c.image_id)
        )
        named = select(hidden_truth.c.image_id, hidden_truth.c.class_name)
        with self._engine.connect() as connection:
            found = {row[0]: row[1] for row in connection.execute(shared)}
            found.update((image_id, name) for image_id, name in connection.execute(named))
            return found

    def count(self) -> int:
        """How many images have a hidden class."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(hidden_truth)).scalar_one()

    def source(self) -> str:
        """Where the hidden classes come from, "" if there are none."""
        with self._engine.connect() as connection:
            return connection.execute(select(hidden_truth.c.source).limit(1)).scalar() or ""
