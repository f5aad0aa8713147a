"""The images of a project as rows: lists of them for pages and steps, counts, and the pool."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Select, func, select

from coldstart.store.image_lists import (
    LABELLED_LISTS,
    ImageFilter,
    among,
    filtered,
    within,
    without,
)
from coldstart.store.image_rows import (
    CHUNK,
    COLUMNS,
    IN_POOL,
    ImageRow,
    chunks,
    copies_of,
    decode_path,
    encode_path,
    image_row,
)
from coldstart.store.memory import IMAGES, Answer, remembered, version
from coldstart.store.scanned_files import ScannedFiles
from coldstart.store.schema import batch_images, images

if TYPE_CHECKING:
    from coldstart.store.standing import Standing


_ASKED_ONE_BY_ONE = 50_000
"""Up to so many images are looked up by their ids; of more, all ids are read."""


@dataclass(frozen=True)
class PoolFormats:
    """How many images of the pool have which format, the most frequent first; and the smallest
    width and height and the largest."""

    counts: list[tuple[str, int]]
    sizes: tuple[int, int, int, int] | None


class Images(ScannedFiles):
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

    def copies(self, image_ids: Sequence[int]) -> dict[int, list[int]]:
        """image_id -> ids of all images with the same content, itself included, by id."""
        with self._engine.connect() as connection:
            return copies_of(connection, image_ids)

    def usable(self) -> list[ImageRow]:
        """The pool: every image that can be read, is there and is not left out, by `image_id`.

        Exact copies each have a row. For pools of any size see `pool_index`.
        """
        return self._rows(select(*COLUMNS).where(IN_POOL).order_by(images.c.image_id))

    def each_usable(self) -> Iterator[ImageRow]:
        """`usable`, one after another: a list of a million rows fills 600 MB."""
        query = select(*COLUMNS).where(IN_POOL).order_by(images.c.image_id)
        with self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(query)
            yield from (image_row(dict(row._mapping)) for row in rows)

    def pool_index(self) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
        """The pool as two arrays by `image_id`: the ids, and the content hashes as bytes ``S64``.

        Kept until an image changes: treat them as read-only.
        """
        return remembered((self._url, "pool_index"), self.version(), self._pool_index)

    def _pool_index(self) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
        query = select(images.c.image_id, images.c.content_hash).where(IN_POOL)
        ids: list[NDArray[np.int64]] = []
        hashes: list[NDArray[np.bytes_]] = []
        with self._engine.connect() as connection:
            ordered = query.order_by(images.c.image_id)
            # From the driver itself: as rows of SQLAlchemy's a million take seconds more.
            cursor = connection.execute(ordered).cursor
            while cursor is not None and (part := cursor.fetchmany(CHUNK)):
                ids.append(np.array([row[0] for row in part], dtype=np.int64))
                hashes.append(np.array([row[1] or "" for row in part], dtype="S64"))
        if not ids:
            return np.empty(0, np.int64), np.empty(0, "S64")
        return np.concatenate(ids), np.concatenate(hashes)

    def paths(self) -> Iterator[tuple[int, str]]:
        """(image_id, path) of the pool, by id."""
        query = select(images.c.image_id, images.c.path).where(IN_POOL).order_by(images.c.image_id)
        with self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(query)
            yield from ((row[0], decode_path(row[1])) for row in rows)

    def get(self, image_ids: Sequence[int]) -> dict[int, ImageRow]:
        """The rows of these images, by `image_id`; unknown ids are left out."""
        found: dict[int, ImageRow] = {}
        for chunk in chunks(image_ids):
            query = select(*COLUMNS).where(images.c.image_id.in_(chunk))
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
        if which in LABELLED_LISTS:
            some = self._listed(which, offset, limit).tolist()
            rows = self.get(some)
            return [rows[one] for one in some if one in rows]
        if which == "usable":
            # The ids alone come from an index, however far the page lies.
            ids = filtered(select(images.c.image_id), which).offset(offset).limit(limit)
            query = select(*COLUMNS).where(images.c.image_id.in_(ids.scalar_subquery()))
            return self._rows(query.order_by(images.c.image_id))
        return self._rows(filtered(select(*COLUMNS), which).offset(offset).limit(limit))

    def _listed(self, which: str, offset: int, limit: int) -> NDArray[np.int64]:
        """Ids of a part of a list that labels decide on, in its order."""
        found = self._standing().columns()
        if which == "unlabelled":
            return without(self.pool_index()[0], found.image_ids)[offset : offset + limit]
        if which == "disagreement":
            return found.disputed[offset : offset + limit]
        return found.newest_first(found.which(which), offset, limit)

    def _count_labelled(self, which: str) -> int:
        found = self._standing().columns()
        if which == "unlabelled":
            return self.count("usable") - self._in_pool(found.image_ids)
        return len(found.disputed) if which == "disagreement" else int(found.which(which).sum())

    def _in_pool(self, ids: NDArray[np.int64]) -> int:
        """How many of these images are in the pool."""
        if len(ids) > _ASKED_ONE_BY_ONE:
            return len(within(self.pool_index()[0], ids))
        number = 0
        with self._engine.connect() as connection:
            for chunk in chunks(ids.tolist()):
                some = select(func.count()).where(IN_POOL, images.c.image_id.in_(chunk))
                number += connection.execute(some).scalar_one()
        return number

    def _standing(self) -> Standing:
        from coldstart.store.standing import Standing  # which reads the images' copies

        return Standing(self._engine)

    def with_problem(self, kind: str, offset: int, limit: int) -> list[ImageRow]:
        """One page of the files that cannot be used for this kind of problem, by path."""
        query = filtered(select(*COLUMNS), "problem").where(images.c.problem_kind == kind)
        return self._rows(query.offset(offset).limit(limit))

    def count(self, which: str) -> int:
        """How many images a list named in `FILTERS` has."""
        if which in LABELLED_LISTS:
            return self._count_labelled(which)
        if which == "queue":
            return self._count(which)
        return self.remembered(f"count {which}", lambda: self._count(which))

    def _count(self, which: str) -> int:
        query = filtered(select(images.c.image_id), which).order_by(None).subquery()
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
            ids = within(ids, found.image_ids[fits])
        if open_ones:
            ids = without(ids, found.image_ids)
        if wanted.state == "queue":
            with self._engine.connect() as connection:
                queued = connection.execute(select(batch_images.c.image_id).distinct()).scalars()
                ids = ids[among(ids, np.fromiter(queued, np.int64))]
        if wanted.path:
            ids = within(ids, self._with_path(wanted.path))
        return ids

    def _with_path(self, part: str) -> NDArray[np.int64]:
        """Ids of the pool's images in whose path this stands, whatever the case, ascending."""
        text, ends = self.remembered("all paths", self._all_paths)
        hits = (found.start() for found in re.finditer(re.escape(part.lower()), text))
        lines = np.unique(np.searchsorted(ends, np.fromiter(hits, np.int64), side="right"))
        return self.pool_index()[0][lines]

    def _all_paths(self) -> tuple[str, NDArray[np.int64]]:
        """The paths of the pool by id, in lower case, a line each; and where each line ends."""
        query = select(images.c.path).where(IN_POOL).order_by(images.c.image_id)
        with self._engine.connect() as connection:
            cursor = connection.execute(query).cursor  # the driver itself, as in `_pool_index`
            paths = [] if cursor is None else [row[0] for row in cursor.fetchall()]
        text = "\n".join([*paths, ""])
        if text.count("\n") != len(paths):  # there are names with a line break in them
            text = "\n".join([*(path.replace("\n", " ") for path in paths), ""])
        if text.isascii():
            text = text.lower()
            letters: NDArray = np.frombuffer(text.encode("ascii"), np.uint8)
        else:
            text = decode_path(text).lower()
            letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        return text, np.flatnonzero(letters == ord("\n")) + 1

    def problems(self) -> dict[str, int]:
        """Kind of problem -> how many files cannot be used for it."""
        return self.remembered("problems", self._problems)

    def _problems(self) -> dict[str, int]:
        broken = images.c.problem.isnot(None) & images.c.missing.is_(False)
        query = select(images.c.problem_kind, func.count()).where(broken)
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(images.c.problem_kind))
            return {kind or "?": number for kind, number in rows}

    def formats(self) -> PoolFormats:
        """The pool's formats and sizes; reads all of it."""
        sides = (images.c.width, images.c.height)
        query = select(images.c.format, func.count(), *map(func.min, sides), *map(func.max, sides))
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(IN_POOL).group_by(images.c.format)).all()
        known = np.array([row[2:] for row in rows if row[2] is not None])
        sizes = None
        if len(known):
            least, most = known.min(axis=0).tolist(), known.max(axis=0).tolist()
            sizes = (least[0], least[1], most[2], most[3])
        counts = sorted(((row[0] or "?", row[1]) for row in rows), key=lambda pair: -pair[1])
        return PoolFormats(counts, sizes)

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
        query = select(*COLUMNS).where(images.c.content_hash == content_hash)
        readable_first = (images.c.missing, images.c.problem.isnot(None), images.c.image_id)
        rows = self._rows(query.order_by(*readable_first).limit(1))
        return rows[0] if rows else None

    def _rows(self, query: Select) -> list[ImageRow]:
        with self._engine.connect() as connection:
            return [image_row(dict(row._mapping)) for row in connection.execute(query)]
