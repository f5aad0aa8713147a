"""What a scan knows and says of the files: looked up by path, saved in one go, marked when gone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, bindparam, func, select

from coldstart.store.database import writing
from coldstart.store.image_rows import CHUNK, chunks, decode_path, encode_path
from coldstart.store.memory import IMAGES, changed
from coldstart.store.schema import images

if TYPE_CHECKING:
    from coldstart.store.labels import NewEvent

_TRIED_AGAIN = ("unreadable", "missing")


@dataclass(frozen=True)
class ScannedImage:
    """What a scan says of one file; ``image_id`` is None for a file not seen before."""

    image_id: int | None
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
    perceptual_hash: int | None = None
    dark_level: float | None = None
    bright_level: float | None = None
    sharpness: float | None = None


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the last scan knew of a file; ``complete`` if it needs no second look for its own."""

    image_id: int
    size_bytes: int
    mtime_ns: int
    missing: bool
    complete: bool


class ScannedFiles:
    """What a scan reads and writes of the table `images`."""

    _engine: Engine

    def known(self, root: int, paths: Sequence[str]) -> dict[str, KnownFile]:
        """What is known of the files at these paths below one root; strangers are left out."""
        found: dict[str, KnownFile] = {}
        # Once more is to be read a picture that a version read which did not measure, and a file
        # that could not be opened: a right that is given back changes neither size nor time.
        measured = images.c.sharpness.isnot(None) | images.c.problem_kind.notin_(_TRIED_AGAIN)
        for chunk in chunks([encode_path(path) for path in paths]):
            query = select(
                images.c.path,
                images.c.image_id,
                images.c.size_bytes,
                images.c.mtime_ns,
                images.c.missing,
                measured,
            ).where(images.c.root == root, images.c.path.in_(chunk))
            with self._engine.connect() as connection:
                for path, image_id, size, mtime, missing, complete in connection.execute(query):
                    known = KnownFile(image_id, size, mtime, bool(missing), bool(complete))
                    found[decode_path(path)] = known
        return found

    def last_id(self) -> int:
        """The largest `image_id` there is, 0 without images."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(images.c.image_id))).scalar() or 0

    def present(self) -> Iterator[tuple[int, int]]:
        """(image_id, root) of every image whose file was there at the last scan."""
        query = select(images.c.image_id, images.c.root).where(images.c.missing.is_(False))
        with self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(query)
            yield from ((row[0], row[1]) for row in rows)

    def save(self, scanned: Sequence[ScannedImage], events: Sequence[NewEvent] = ()) -> None:
        """Add the new files and bring the known ones up to date, in one transaction.

        events : answers to be stored with it, for copies of a picture that becomes another one.
        """
        from coldstart.store.labels import insert_events

        now = time.time()
        new = [_values(image) | {"found_at": now} for image in scanned if image.image_id is None]
        known = [_changes(image) for image in scanned if image.image_id is not None]
        if not new and not known:
            return
        with writing(self._engine) as connection:
            if new:
                connection.execute(images.insert(), new)
            if known:
                # A file that cannot be read any more keeps its hash: its labels hang on it.
                kept: Any = func.coalesce(bindparam("new_hash"), images.c.content_hash)
                update = images.update().where(images.c.image_id == bindparam("key"))
                connection.execute(update.values(content_hash=kept), known)
            insert_events(connection, events)
            changed(connection, IMAGES)

    def mark_missing(self, image_ids: Sequence[int], missing: bool) -> None:
        """Say that these files are gone (or are back); their labels stay."""
        if not image_ids:
            return
        update = (
            images.update().where(images.c.image_id == bindparam("key")).values(missing=missing)
        )
        with writing(self._engine) as connection:
            connection.execute(update, [{"key": image_id} for image_id in image_ids])
            changed(connection, IMAGES)

    def missing_with(self, content_hashes: Sequence[str]) -> dict[str, list[int]]:
        """content_hash -> the images with that content whose file is gone, first found first."""
        found: dict[str, list[int]] = {}
        for chunk in chunks(content_hashes):
            query = select(images.c.content_hash, images.c.image_id).where(
                images.c.missing.is_(True), images.c.content_hash.in_(chunk)
            )
            with self._engine.connect() as connection:
                for content_hash, image_id in connection.execute(query.order_by(images.c.image_id)):
                    found.setdefault(content_hash, []).append(image_id)
        return found


def _values(image: ScannedImage) -> dict[str, object]:
    return {
        "root": image.root,
        "path": encode_path(image.path),
        "size_bytes": image.size_bytes,
        "mtime_ns": image.mtime_ns,
        "content_hash": image.content_hash,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "problem": None if image.problem is None else encode_path(image.problem),
        "problem_kind": image.problem_kind,
        "missing": False,
        "perceptual_hash": image.perceptual_hash,
        "dark_level": image.dark_level,
        "bright_level": image.bright_level,
        "sharpness": image.sharpness,
    }


def _changes(image: ScannedImage) -> dict[str, object]:
    values = _values(image)
    return values | {"key": image.image_id, "new_hash": values.pop("content_hash")}
