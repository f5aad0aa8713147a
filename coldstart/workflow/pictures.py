"""The part of the pool that no label changes: which pictures there are, and their vectors.

Told from the images' table and the embedding set in one go, and kept in this process until an
image or the set changes: a page that needs the pool of a million images does not read it anew.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.project import Project

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet

_KEPT = 3
_ROWS_A_BLOCK = 65_536

_kept: dict[str, tuple[tuple[object, ...], Pictures]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Pictures:
    """Pictures of the pool with a vector, each once.

    Attributes
    ----------
    vectors : (n, d) float32; the embedding set's own mapping where every row of it is used.
    image_ids : (n,) int64, of copies the one found first.
    content_hashes : (n,) str.
    copies : (n,) int64 how many usable images are this picture.
    without_vector : how many pictures of the pool have none.
    all_ids, row_of_all : (m,) int64 every usable image that has a vector, copies included, sorted
        by id, and its row.
    """

    vectors: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    content_hashes: list[str]
    copies: NDArray[np.int64]
    without_vector: int
    all_ids: NDArray[np.int64] = field(repr=False)
    row_of_all: NDArray[np.int64] = field(repr=False)
    narrowed: dict[tuple[int, ...], Pictures] = field(
        default_factory=dict, repr=False, compare=False
    )
    _by_content: tuple[NDArray[np.bytes_], NDArray[np.int64]] | None = field(
        default=None, repr=False, compare=False
    )

    def rows_of(self, image_ids: Iterable[int]) -> dict[int, int]:
        """image_id -> row, for those images, copies included, that are among the pictures."""
        wanted = np.fromiter(image_ids, dtype=np.int64)
        if not len(wanted) or not len(self.all_ids):
            return {}
        place = np.minimum(np.searchsorted(self.all_ids, wanted), len(self.all_ids) - 1)
        found = self.all_ids[place] == wanted
        rows = self.row_of_all[place]
        return dict(zip(wanted[found].tolist(), rows[found].tolist(), strict=True))

    def rows_of_contents(self, content_hashes: Collection[str]) -> list[int]:
        """The rows of the pictures with these contents, ascending; unknown ones are left out."""
        if not content_hashes or not self.content_hashes:
            return []
        if self._by_content is None:
            hashes = np.array(self.content_hashes, dtype="S64")
            order = np.argsort(hashes, kind="stable")
            object.__setattr__(self, "_by_content", (hashes[order], order))
        assert self._by_content is not None
        ordered, order = self._by_content
        wanted = np.array(sorted(content_hashes), dtype="S64")
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        return sorted(order[place[ordered[place] == wanted]].tolist())

    def without(self, image_ids: Collection[int]) -> Pictures:
        """The same without these images and their copies; the last answer is kept."""
        gone = tuple(sorted(set(self.rows_of(image_ids).values())))
        if not gone:
            return self
        with _lock:
            kept = self.narrowed.get(gone)
        if kept is None:
            keep = np.ones(len(self.image_ids), dtype=bool)
            keep[list(gone)] = False
            kept = self.only(keep)
            with _lock:
                self.narrowed.clear()
                self.narrowed[gone] = kept
        return kept

    def only(self, keep: NDArray[np.bool_]) -> Pictures:
        """The same with those rows only for which ``keep`` (n,) is true."""
        new_row = np.cumsum(keep) - 1
        stays = keep[self.row_of_all]
        return Pictures(
            vectors=self.vectors[keep],
            image_ids=self.image_ids[keep],
            content_hashes=[self.content_hashes[row] for row in np.flatnonzero(keep)],
            copies=self.copies[keep],
            without_vector=self.without_vector,
            all_ids=self.all_ids[stays],
            row_of_all=new_row[self.row_of_all[stays]],
        )


def pictures_of(project: Project, embedding_set: EmbeddingSet) -> Pictures:
    """The pictures of the project's pool that have a vector in this embedding set."""
    key = str(project.directory)
    stamp = (
        project.id,
        project.store.images.version(),
        embedding_set.name,
        embedding_set.meta.get("created_at"),
        _written_at(embedding_set),
    )
    with _lock:
        found = _kept.get(key)
        if found is not None and found[0] == stamp:
            return found[1]
    pictures = _read(project, embedding_set)
    with _lock:
        _kept.pop(key, None)
        _kept[key] = (stamp, pictures)
        while len(_kept) > _KEPT:
            del _kept[next(iter(_kept))]
    return pictures


def _read(project: Project, embedding_set: EmbeddingSet) -> Pictures:
    ids, hashes = project.store.images.pool_index()
    set_ids = np.asarray(embedding_set.image_ids, dtype=np.int64)
    set_hashes = np.array(embedding_set.content_hashes, dtype="S64")
    # A vector of an image whose content has changed since is a vector of another picture, and one
    # that is all zeros points nowhere.
    fits = np.zeros(len(set_ids), dtype=bool)
    if len(ids):
        place = np.minimum(np.searchsorted(ids, set_ids), len(ids) - 1)
        fits = (ids[place] == set_ids) & (hashes[place] == set_hashes)
    fits &= _point_somewhere(embedding_set.vectors)
    rows = np.flatnonzero(fits)
    # The first row of each content stands for all of them, in the order of the set.
    _, first = np.unique(set_hashes[rows], return_index=True)
    kept = rows[np.sort(first)]
    # Copies that the set lacks a row for have its vector all the same.
    pool_order = np.argsort(hashes, kind="stable")
    contents = set_hashes[kept]
    content_order = np.argsort(contents, kind="stable")
    ordered = contents[content_order]
    where = np.searchsorted(ordered, hashes[pool_order])
    inside = where < len(ordered)
    inside[inside] = ordered[where[inside]] == hashes[pool_order][inside]
    members = pool_order[inside]
    row_of_member = content_order[where[inside]]
    by_id = np.argsort(members, kind="stable")  # ids are in order
    all_ids, row_of_all = ids[members[by_id]], row_of_member[by_id]
    lacking = np.unique(hashes[pool_order][~inside]).size
    everything = len(kept) == len(set_ids) and np.array_equal(kept, np.arange(len(kept)))
    return Pictures(
        vectors=embedding_set.vectors if everything else embedding_set.vectors[kept],
        image_ids=set_ids[kept],
        content_hashes=[text.decode("ascii") for text in contents.tolist()],
        copies=np.bincount(row_of_all, minlength=len(kept)).astype(np.int64),
        without_vector=int(lacking),
        all_ids=all_ids,
        row_of_all=row_of_all,
    )


def _point_somewhere(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) whether a row has a number that is not zero; block by block, for it may be mapped."""
    some = np.empty(len(vectors), dtype=bool)
    for start in range(0, len(vectors), _ROWS_A_BLOCK):
        some[start : start + _ROWS_A_BLOCK] = vectors[start : start + _ROWS_A_BLOCK].any(axis=1)
    return some


def _written_at(embedding_set: EmbeddingSet) -> int:
    try:
        return (embedding_set.directory / "meta.json").stat().st_mtime_ns
    except OSError:
        return 0
