"""What annotators wrote about images: appended, never changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from coldstart.store.database import writing
from coldstart.store.image_rows import chunks
from coldstart.store.schema import comments


@dataclass(frozen=True)
class NewComment:
    """A comment on its way into the store."""

    uuid: str
    image_id: int
    annotator: str
    text: str
    client_time: float | None = None


@dataclass(frozen=True)
class CommentRow:
    """A comment as it was stored."""

    comment_id: int
    uuid: str
    image_id: int
    annotator: str
    text: str
    at: float
    client_time: float | None


class Comments:
    """Queries and writes on the table `comments`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, new: Sequence[NewComment]) -> None:
        """Store the comments that are not there yet; returns after the commit."""
        if not new:
            return
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(comments).on_conflict_do_nothing(index_elements=["uuid"])
        now = time.time()
        with writing(self._engine) as connection:
            connection.execute(insert, [vars(comment) | {"at": now} for comment in new])

    def of(self, image_ids: Sequence[int]) -> dict[int, list[CommentRow]]:
        """image_id -> its comments, oldest first, for the images that have some."""
        found: dict[int, list[CommentRow]] = {}
        for chunk in chunks(image_ids):
            query = select(comments).where(comments.c.image_id.in_(chunk))
            with self._engine.connect() as connection:
                for row in connection.execute(query.order_by(comments.c.comment_id)):
                    found.setdefault(row.image_id, []).append(CommentRow(**row._mapping))
        return found

    def count(self) -> int:
        """How many comments there are."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(comments)).scalar_one()
