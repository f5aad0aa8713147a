"""Rows of the table `images` as values, paths as the database keeps them, and exact copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from coldstart.store.schema import images

# SQLite refuses more than 32,766 bound values in one statement.
CHUNK = 10_000


@dataclass(frozen=True)
class ImageRow:
    """One image file: usable, or not (``problem`` says why), or gone (``missing``)."""

    image_id: int
    root: int
    path: str
    size_bytes: int
    mtime_ns: int
    content_hash: str | None
    width: int | None
    height: int | None
    format: str | None
    problem: str | None
    problem_kind: str | None
    missing: bool
    excluded_for: str | None = None  # why it is left out of the pool, if it is

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def usable(self) -> bool:
        """Whether it is in the pool."""
        return self.problem is None and not self.missing and self.excluded_for is None


COLUMNS = [images.c[name] for name in ImageRow.__dataclass_fields__]
IN_POOL = images.c.problem.is_(None) & images.c.missing.is_(False) & images.c.excluded_for.is_(None)


def image_row(values: Mapping[str, Any]) -> ImageRow:
    """A row of the table as an `ImageRow`."""
    row = dict(values)
    row["path"] = decode_path(row["path"])
    row["missing"] = bool(row["missing"])
    return ImageRow(**row)


# A file name that is not valid UTF-8 reaches Python with lone surrogates, which no database takes.
# They are kept in a corner of Unicode that no real name uses, and come back as they were.
_SURROGATES = range(0xDC80, 0xDD00)
_TO_PRIVATE = {code: 0x10FE00 + (code - 0xDC80) for code in _SURROGATES}
_FROM_PRIVATE = {private: code for code, private in _TO_PRIVATE.items()}


def encode_path(path: str) -> str:
    """A path as the database keeps it: always valid text."""
    return path.translate(_TO_PRIVATE)


def decode_path(text: str) -> str:
    """The path that `encode_path` was given."""
    return text.translate(_FROM_PRIVATE)


def copies_of(connection: Connection, image_ids: Sequence[int]) -> dict[int, list[int]]:
    """image_id -> ids of all images with the same content, itself included, by id."""
    own, twin = images.alias("own"), images.alias("twin")
    found: dict[int, list[int]] = {}
    for chunk in chunks(image_ids):
        query = (
            select(own.c.image_id, twin.c.image_id)
            .join(twin, twin.c.content_hash == own.c.content_hash)
            .where(own.c.image_id.in_(chunk))
            .order_by(own.c.image_id, twin.c.image_id)
        )
        for image_id, other in connection.execute(query):
            found.setdefault(image_id, []).append(other)
    return found


def chunks(values: Sequence, size: int = CHUNK) -> Iterator[list]:
    """``values`` in pieces small enough for one statement."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
