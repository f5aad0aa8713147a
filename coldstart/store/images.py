"""The images of a project as rows: what a scan found, and lists of them for pages and steps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, bindparam, func, select

from coldstart.store.database import writing
from coldstart.store.memory import IMAGES, Answer, changed, remembered, version
from coldstart.store.schema import batch_images, images, standing_answers

if TYPE_CHECKING:
    from coldstart.store.labels import NewEvent
    from coldstart.store.standing import Standing

_TRIED_AGAIN = ("unreadable", "missing")

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


@dataclass(frozen=True)
class ImageFilter:
    """Which usable images: by the state, class and annotator of the answer that stands, and by a
    part of the path. What is empty or None does not matter."""

    state: str = ""  # unlabelled | queue | class | skipped | unsure | excluded
    class_id: int | None = None
    annotator: str = ""
    path: str = ""

    @property
    def is_empty(self) -> bool:
        return self == ImageFilter()


_columns = [images.c[name] for name in ImageRow.__dataclass_fields__]
_usable = images.c.problem.is_(None) & images.c.missing.is_(False) & images.c.excluded_for.is_(None)

# Lists that the labels decide on; each is also a state of `labels.states`, but for two.
_LABELLED_LISTS = ("unlabelled", "class", "skipped", "unsure", "excluded", "disagreement")

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
    "left out",
)


class Images:
    """Queries and writes on the table `images`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._url = str(engine.url)

    def version(self) -> int:
        """A number that grows whenever any image changes, is found, goes or is left out."""
        return version(self._engine, IMAGES)

    def remembered(self, what: str, compute: Callable[[], Answer]) -> Answer:
        """``compute()``, kept in this process until an image changes."""
        return remembered((self._url, what), self.version(), compute)

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

    def copies(self, image_ids: Sequence[int]) -> dict[int, list[int]]:
        """image_id -> ids of all images with the same content, itself included, by id."""
        with self._engine.connect() as connection:
            return copies_of(connection, image_ids)

    def usable(self) -> list[ImageRow]:
        """The pool: every image that can be read, is there and is not left out, by `image_id`.

        Exact copies each have a row. For pools of any size see `pool_index`.
        """
        return self._rows(select(*_columns).where(_usable).order_by(images.c.image_id))

    def pool_index(self) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
        """The pool as two arrays by `image_id`: the ids, and the content hashes as bytes ``S64``.

        Kept until an image changes: treat them as read-only.
        """
        return remembered((self._url, "pool_index"), self.version(), self._pool_index)

    def _pool_index(self) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
        query = select(images.c.image_id, images.c.content_hash).where(_usable)
        ids: list[NDArray[np.int64]] = []
        hashes: list[NDArray[np.bytes_]] = []
        with self._engine.connect() as connection:
            ordered = query.order_by(images.c.image_id)
            rows = connection.execution_options(yield_per=CHUNK).execute(ordered)
            for part in rows.partitions():
                ids.append(np.array([row[0] for row in part], dtype=np.int64))
                hashes.append(np.array([row[1] or "" for row in part], dtype="S64"))
        if not ids:
            return np.empty(0, np.int64), np.empty(0, "S64")
        return np.concatenate(ids), np.concatenate(hashes)

    def paths(self) -> Iterator[tuple[int, str]]:
        """(image_id, path) of the pool, by id."""
        query = select(images.c.image_id, images.c.path).where(_usable).order_by(images.c.image_id)
        with self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(query)
            yield from ((row[0], decode_path(row[1])) for row in rows)

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
        with self._engine.connect() as connection:
            last_root = connection.execute(select(func.max(images.c.root))).scalar() or 0
        roots = list(range(last_root + 1))
        for chunk in chunks([encode_path(path) for path in paths]):
            # With the roots named, the index of (root, path) answers.
            query = select(images.c.path, images.c.image_id).where(
                images.c.root.in_(roots), images.c.path.in_(chunk)
            )
            with self._engine.connect() as connection:
                for path, image_id in connection.execute(query):
                    found.setdefault(decode_path(path), []).append(image_id)
        return found

    def page(self, which: str, offset: int, limit: int) -> list[ImageRow]:
        """One page of a list named in `FILTERS`; "queue" is in the order of the picks."""
        if which in _LABELLED_LISTS:
            some = self._listed(which)[offset : offset + limit].tolist()
            rows = self.get(some)
            return [rows[one] for one in some if one in rows]
        if which == "usable":
            # The ids alone come from an index, however far the page lies.
            ids = _filtered(select(images.c.image_id), which).offset(offset).limit(limit)
            query = select(*_columns).where(images.c.image_id.in_(ids.scalar_subquery()))
            return self._rows(query.order_by(images.c.image_id))
        return self._rows(_filtered(select(*_columns), which).offset(offset).limit(limit))

    def _listed(self, which: str) -> NDArray[np.int64]:
        """Ids of a list that labels decide on, in its order."""
        found = self._standing().columns()
        if which == "unlabelled":
            return _without(self.pool_index()[0], found.image_ids)
        if which == "disagreement":
            return found.disputed
        fits = found.which(which)
        return found.image_ids[fits][np.argsort(-found.event_ids[fits], kind="stable")]

    def _standing(self) -> Standing:
        from coldstart.store.standing import Standing  # which reads the images' copies

        return Standing(self._engine)

    def with_problem(self, kind: str, offset: int, limit: int) -> list[ImageRow]:
        """One page of the files that cannot be used for this kind of problem, by path."""
        query = _filtered(select(*_columns), "problem").where(images.c.problem_kind == kind)
        return self._rows(query.offset(offset).limit(limit))

    def count(self, which: str) -> int:
        """How many images a list named in `FILTERS` has."""
        if which in _LABELLED_LISTS:
            return len(self._listed(which))
        if which == "queue":
            return self._count(which)
        return self.remembered(f"count {which}", lambda: self._count(which))

    def _count(self, which: str) -> int:
        query = _filtered(select(images.c.image_id), which).order_by(None).subquery()
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(query)).scalar_one()

    def matching(self, wanted: ImageFilter) -> NDArray[np.int64]:
        """Ids of the usable images that fit, ascending."""
        ids = self.pool_index()[0]
        open_ones = wanted.state in ("unlabelled", "queue")
        kind = "" if open_ones else wanted.state
        found = self._standing().columns()
        if kind or wanted.class_id is not None or wanted.annotator:
            fits = found.which(kind, wanted.class_id, wanted.annotator)
            ids = np.intersect1d(ids, found.image_ids[fits], assume_unique=True)
        if open_ones:
            ids = _without(ids, found.image_ids)
        if wanted.state == "queue":
            with self._engine.connect() as connection:
                queued = connection.execute(select(batch_images.c.image_id).distinct()).scalars()
                ids = np.intersect1d(ids, np.array(list(queued), dtype=np.int64))
        if wanted.path:
            ids = np.intersect1d(ids, self._with_path(wanted.path), assume_unique=True)
        return ids

    def _with_path(self, part: str) -> NDArray[np.int64]:
        """Ids of the pool's images in whose path this stands, whatever the case, ascending."""
        text, ends = self.remembered("all paths", self._all_paths)
        hits = (found.start() for found in re.finditer(re.escape(part.lower()), text))
        lines = np.unique(np.searchsorted(ends, np.fromiter(hits, np.int64), side="right"))
        return self.pool_index()[0][lines]

    def _all_paths(self) -> tuple[str, NDArray[np.int64]]:
        """The paths of the pool by id, in lower case, a line each; and where each line ends."""
        lines = [path.lower().replace("\n", " ") + "\n" for _, path in self.paths()]
        return "".join(lines), np.cumsum([len(line) for line in lines], dtype=np.int64)

    def summary(self) -> dict[str, list[tuple[str, int]]]:
        """Counts of the pool by file format and by problem: {"format": …, "problem": …}."""
        return remembered((self._url, "summary"), self.version(), self._summary)

    def _summary(self) -> dict[str, list[tuple[str, int]]]:
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
        return remembered((self._url, "sizes"), self.version(), self._sizes)

    def _sizes(self) -> tuple[int, int, int, int] | None:
        query = select(
            func.min(images.c.width),
            func.min(images.c.height),
            func.max(images.c.width),
            func.max(images.c.height),
        ).where(_usable)
        with self._engine.connect() as connection:
            row = connection.execute(query).one()
        return None if row[0] is None else (row[0], row[1], row[2], row[3])

    def by_hash(self, content_hashes: Sequence[str]) -> dict[str, list[int]]:
        """content_hash -> ids of the images with this content whose file is there."""
        found: dict[str, list[int]] = {}
        for chunk in chunks(content_hashes):
            query = select(images.c.content_hash, images.c.image_id).where(
                images.c.content_hash.in_(chunk) & images.c.missing.is_(False)
            )
            with self._engine.connect() as connection:
                for content_hash, image_id in connection.execute(query):
                    found.setdefault(content_hash, []).append(image_id)
        return found

    def with_hash(self, content_hash: str) -> ImageRow | None:
        """An image with this content, preferably one whose file is there."""
        query = select(*_columns).where(images.c.content_hash == content_hash)
        readable_first = (images.c.missing, images.c.problem.isnot(None), images.c.image_id)
        rows = self._rows(query.order_by(*readable_first).limit(1))
        return rows[0] if rows else None

    def _rows(self, query: Select) -> list[ImageRow]:
        with self._engine.connect() as connection:
            return [image_row(dict(row._mapping)) for row in connection.execute(query)]


def _filtered(query: Select, which: str) -> Select:
    if which == "usable":
        return query.where(_usable).order_by(images.c.image_id)
    if which == "problem":
        broken = images.c.problem.isnot(None) & images.c.missing.is_(False)
        return query.where(broken).order_by(images.c.root, images.c.path)
    if which == "missing":
        return query.where(images.c.missing.is_(True)).order_by(images.c.root, images.c.path)
    if which == "left out":
        left_out = images.c.excluded_for.isnot(None) & images.c.missing.is_(False)
        return query.where(left_out).order_by(images.c.image_id)
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
    raise ValueError(f"no list of images is called {which!r}; there are {', '.join(FILTERS)}")


def wants_an_answer(image_id, wanted):  # type: ignore[no-untyped-def]
    """Clause: fewer people than wanted have answered this image, and no reviewer has decided."""
    answers = standing_answers.alias()
    count = select(func.count()).where(answers.c.image_id == image_id).scalar_subquery()
    reviewed = select(answers.c.event_id).where((answers.c.image_id == image_id) & answers.c.review)
    return (count < wanted) & ~reviewed.exists()


def _without(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """``ids`` that are not among ``others``; both ascending and without repeats."""
    places = np.searchsorted(ids, others)
    inside = places < len(ids)
    places, others = places[inside], others[inside]
    keep = np.ones(len(ids), dtype=bool)
    keep[places[ids[places] == others]] = False
    return ids[keep]


def image_row(values: Mapping[str, Any]) -> ImageRow:
    """A row of the table as an `ImageRow`."""
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
        "perceptual_hash": image.perceptual_hash,
        "dark_level": image.dark_level,
        "bright_level": image.bright_level,
        "sharpness": image.sharpness,
    }


def _changes(image: ScannedImage) -> dict[str, object]:
    values = _values(image)
    return values | {"key": image.image_id, "new_hash": values.pop("content_hash")}


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
