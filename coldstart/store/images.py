"""The images of a project as rows: what a scan found, and lists of them for pages and steps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, Select, bindparam, func, select

from coldstart.store.database import writing
from coldstart.store.schema import batch_images, current_labels, images, standing_answers

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

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


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


_columns = [column for column in images.columns if column.name != "found_at"]
_usable = images.c.problem.is_(None) & images.c.missing.is_(False)

# A list of images as a page may ask for it: name -> which rows.
FILTERS = (
    "usable",
    "unlabelled",
    "queue",
    "class",
    "skipped",
    "unsure",
    "excluded",
    "disagreement",
    "problem",
    "missing",
)


class Images:
    """Queries and writes on the table `images`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known_files(self) -> dict[tuple[int, str], tuple[int, int, int, bool, bool]]:
        """(root, path) -> (image_id, size_bytes, mtime_ns, missing, problem is set)."""
        query = select(
            images.c.root,
            images.c.path,
            images.c.image_id,
            images.c.size_bytes,
            images.c.mtime_ns,
            images.c.missing,
            images.c.problem.isnot(None),
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return {
                (root, decode_path(path)): (image_id, size, mtime, bool(missing), bool(problem))
                for root, path, image_id, size, mtime, missing, problem in rows
            }

    def save(self, scanned: Sequence[ScannedImage]) -> None:
        """Add the new files and bring the known ones up to date, in one transaction."""
        now = time.time()
        new = [_values(image) | {"found_at": now} for image in scanned if image.image_id is None]
        known = [_values(i) | {"key": i.image_id} for i in scanned if i.image_id is not None]
        if not new and not known:
            return
        with writing(self._engine) as connection:
            if new:
                connection.execute(images.insert(), new)
            if known:
                update = images.update().where(images.c.image_id == bindparam("key"))
                connection.execute(update, known)

    def mark_missing(self, image_ids: Sequence[int], missing: bool) -> None:
        """Say that these files are gone (or are back); their labels stay."""
        if not image_ids:
            return
        update = (
            images.update().where(images.c.image_id == bindparam("key")).values(missing=missing)
        )
        with writing(self._engine) as connection:
            connection.execute(update, [{"key": image_id} for image_id in image_ids])

    def missing_by_hash(self) -> dict[str, int]:
        """content_hash -> an image with that content whose file is gone."""
        query = select(images.c.content_hash, images.c.image_id).where(
            images.c.missing & images.c.content_hash.isnot(None)
        )
        with self._engine.connect() as connection:
            return {row.content_hash: row.image_id for row in connection.execute(query)}

    def usable(self) -> list[ImageRow]:
        """The pool: every image that can be read and is there, by `image_id`."""
        return self._rows(select(*_columns).where(_usable).order_by(images.c.image_id))

    def get(self, image_ids: Sequence[int]) -> dict[int, ImageRow]:
        """The rows of these images, by `image_id`; unknown ids are left out."""
        found: dict[int, ImageRow] = {}
        for chunk in chunks(image_ids):
            query = select(*_columns).where(images.c.image_id.in_(chunk))
            found.update((row.image_id, row) for row in self._rows(query))
        return found

    def by_path(self, paths: Sequence[str]) -> dict[str, list[int]]:
        """Relative path -> ids of the images that have it (one a root)."""
        found: dict[str, list[int]] = {}
        for chunk in chunks([encode_path(path) for path in paths]):
            query = select(images.c.path, images.c.image_id).where(images.c.path.in_(chunk))
            with self._engine.connect() as connection:
                for path, image_id in connection.execute(query):
                    found.setdefault(decode_path(path), []).append(image_id)
        return found

    def page(self, which: str, offset: int, limit: int) -> list[ImageRow]:
        """One page of a list named in `FILTERS`; "queue" is in the order of the picks."""
        return self._rows(_filtered(select(*_columns), which).offset(offset).limit(limit))

    def count(self, which: str) -> int:
        """How many images a list named in `FILTERS` has."""
        query = _filtered(select(images.c.image_id), which).order_by(None).subquery()
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(query)).scalar_one()

    def summary(self) -> dict[str, list[tuple[str, int]]]:
        """Counts of the pool by file format and by problem: {"format": …, "problem": …}."""
        with self._engine.connect() as connection:
            formats = connection.execute(
                select(images.c.format, func.count()).where(_usable).group_by(images.c.format)
            )
            problems = connection.execute(
                select(images.c.problem_kind, func.count())
                .where(images.c.problem.isnot(None) & images.c.missing.is_(False))
                .group_by(images.c.problem_kind)
            )
            return {
                "format": sorted(((a or "?", b) for a, b in formats), key=lambda pair: -pair[1]),
                "problem": sorted(((a or "?", b) for a, b in problems), key=lambda pair: -pair[1]),
            }

    def sizes(self) -> tuple[int, int, int, int] | None:
        """(smallest width, smallest height, largest width, largest height) of the pool."""
        query = select(
            func.min(images.c.width),
            func.min(images.c.height),
            func.max(images.c.width),
            func.max(images.c.height),
        ).where(_usable)
        with self._engine.connect() as connection:
            row = connection.execute(query).one()
        return None if row[0] is None else (row[0], row[1], row[2], row[3])

    def with_hash(self, content_hash: str) -> ImageRow | None:
        """An image with this content, preferably one whose file is there."""
        query = select(*_columns).where(images.c.content_hash == content_hash)
        rows = self._rows(query.order_by(images.c.missing).limit(1))
        return rows[0] if rows else None

    def _rows(self, query: Select) -> list[ImageRow]:
        with self._engine.connect() as connection:
            return [_image_row(row._mapping) for row in connection.execute(query)]


def _filtered(query: Select, which: str) -> Select:
    if which == "usable":
        return query.where(_usable).order_by(images.c.image_id)
    if which == "problem":
        broken = images.c.problem.isnot(None) & images.c.missing.is_(False)
        return query.where(broken).order_by(images.c.root, images.c.path)
    if which == "missing":
        return query.where(images.c.missing).order_by(images.c.root, images.c.path)
    if which == "queue":
        first = (
            select(
                batch_images.c.image_id,
                func.min(batch_images.c.batch_id).label("batch_id"),
                func.min(batch_images.c.rank).label("rank"),
                func.max(batch_images.c.wanted).label("wanted"),
            )
            .group_by(batch_images.c.image_id)
            .subquery()
        )
        joined = query.join_from(images, first, first.c.image_id == images.c.image_id)
        unanswered = wants_an_answer(first.c.image_id, first.c.wanted)
        return joined.where(_usable & unanswered).order_by(first.c.batch_id, first.c.rank)
    if which == "disagreement":
        several = (
            select(standing_answers.c.image_id)
            .group_by(standing_answers.c.image_id)
            .having(func.count() > 1)
        )
        return query.where(images.c.image_id.in_(several) & ~_answered()).order_by(
            images.c.image_id
        )
    if which == "unlabelled":
        return query.where(_usable & ~_answered()).order_by(images.c.image_id)
    if which in FILTERS:
        joined = query.join_from(
            images, current_labels, current_labels.c.image_id == images.c.image_id
        )
        newest_first = current_labels.c.event_id.desc()
        return joined.where(current_labels.c.kind == which).order_by(newest_first)
    raise ValueError(f"no list of images is called {which!r}; there are {', '.join(FILTERS)}")


def wants_an_answer(image_id, wanted):  # type: ignore[no-untyped-def]
    """Clause: fewer people than wanted have answered this image, and no reviewer has decided."""
    answers = standing_answers.alias()
    count = select(func.count()).where(answers.c.image_id == image_id).scalar_subquery()
    reviewed = select(answers.c.event_id).where((answers.c.image_id == image_id) & answers.c.review)
    return (count < wanted) & ~reviewed.exists()


def _answered():  # type: ignore[no-untyped-def]  # an SQLAlchemy clause, whose type says nothing
    return images.c.image_id.in_(select(current_labels.c.image_id))


def _image_row(values) -> ImageRow:  # type: ignore[no-untyped-def]
    row = dict(values)
    row["path"] = decode_path(row["path"])
    row["missing"] = bool(row["missing"])
    return ImageRow(**row)


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
    }


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


def chunks(values: Sequence, size: int = CHUNK) -> Iterator[list]:
    """``values`` in pieces small enough for one statement."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
