"""The part of the pool that no label changes: which pictures there are, and their vectors.

Told from the images' table and the embedding set in one go, and kept until an image or the set
changes: in this process, and as a file for the next one. Neither a page nor a job reads the pool of
a million images anew.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coldstart.project import Project
from coldstart.stopping import audit_places

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet

_KEPT = 3
_FOLDER, _ABOUT = "pictures-", "about.json"
_WORTH_FILES = 20_000  # images; fewer are read anew in no time
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
    contents : (n,) the content hash of each, as bytes ``S64``.
    copies : (n,) int64 how many usable images are this picture.
    without_vector : how many pictures of the pool have none.
    all_ids, row_of_all : (m,) int64 every usable image that has a vector, copies included, sorted
        by id, and its row.
    """

    vectors: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    contents: NDArray[np.bytes_]
    copies: NDArray[np.int64]
    without_vector: int
    all_ids: NDArray[np.int64] = field(repr=False)
    row_of_all: NDArray[np.int64] = field(repr=False)
    narrowed: dict[tuple[int, ...], Pictures] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def content_hashes(self) -> list[str]:
        """The content hash of every picture: for a large pool see `hashes_of`."""
        return self.hashes_of(slice(None))

    @cached_property
    def digest(self) -> bytes:
        """A name for these images in this order."""
        return blake2b(np.ascontiguousarray(self.image_ids).tobytes(), digest_size=16).digest()

    @cached_property
    def audit_places(self) -> NDArray[np.uint64]:
        """(n,) where each picture stands in the random order of the audit."""
        return audit_places(self.content_hashes)

    def hashes_of(self, rows: Sequence[int] | NDArray[np.int64] | slice) -> list[str]:
        """The content hashes of these rows."""
        # As an array, for an empty list is no index.
        chosen = rows if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
        return [content.decode("ascii") for content in self.contents[chosen].tolist()]

    def rows_of(self, image_ids: Iterable[int]) -> dict[int, int]:
        """image_id -> row, for those images, copies included, that are among the pictures."""
        wanted = np.fromiter(image_ids, dtype=np.int64)
        if not len(wanted) or not len(self.all_ids):
            return {}
        place = np.minimum(np.searchsorted(self.all_ids, wanted), len(self.all_ids) - 1)
        found = self.all_ids[place] == wanted
        rows = self.row_of_all[place]
        return dict(zip(wanted[found].tolist(), rows[found].tolist(), strict=True))

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
        rows = np.flatnonzero(keep)
        new_row = np.cumsum(keep) - 1
        stays = np.flatnonzero(keep[self.row_of_all])
        return Pictures(
            vectors=self.vectors[rows],
            image_ids=self.image_ids[rows],
            contents=self.contents[rows],
            copies=self.copies[rows],
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
    arrays = _arrays(project, embedding_set, stamp)
    rows = arrays.pop("rows")
    everything = len(rows) == len(embedding_set.image_ids)
    pictures = Pictures(
        vectors=embedding_set.vectors if everything else embedding_set.vectors[rows],
        without_vector=int(arrays.pop("without_vector")),
        **arrays,
    )
    with _lock:
        _kept.pop(key, None)
        _kept[key] = (stamp, pictures)
        while len(_kept) > _KEPT:
            del _kept[next(iter(_kept))]
    return pictures


def _arrays(
    project: Project, embedding_set: EmbeddingSet, stamp: tuple[object, ...]
) -> dict[str, Any]:
    """What `_read` says, from the files that an earlier process kept of the same state; mapped, so
    that what is not looked at is not read."""
    images = project.store.images
    # Counts too, for a database that was put back from a copy may come to the same version again.
    about = json.dumps([*stamp, images.count("usable"), images.last_id()])
    name = blake2b(about.encode(), digest_size=8).hexdigest()
    folder = project.graphs / embedding_set.name / f"{_FOLDER}{name}"
    with suppress(OSError, ValueError):
        if (folder / _ABOUT).read_text(encoding="utf-8") == about:
            return {file.stem: np.load(file, mmap_mode="r") for file in folder.glob("*.npy")}
    arrays = _read(project, embedding_set)
    if len(arrays["all_ids"]) >= _WORTH_FILES:
        with suppress(OSError):  # a full disk: then the next process reads them anew too
            _keep(folder, about, arrays)
    return arrays


def _keep(folder: Path, about: str, arrays: dict[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        whole = Path(unfinished) / "whole"
        whole.mkdir()
        for name, array in arrays.items():
            np.save(whole / f"{name}.npy", array)
        (whole / _ABOUT).write_text(about, encoding="utf-8")
        for older in folder.parent.glob(f"{_FOLDER}*"):
            shutil.rmtree(older, ignore_errors=True)
        whole.rename(folder)


def _read(project: Project, embedding_set: EmbeddingSet) -> dict[str, Any]:
    """``rows`` of the set that are pictures, and the fields of `Pictures` but for the vectors."""
    ids, hashes = project.store.images.pool_index()
    set_ids = embedding_set.image_ids
    set_hashes = np.array(embedding_set.content_hashes, dtype="S64")
    # A content is told by a number from here on: a million hashes are not sorted, nor compared.
    number, numbers = _numbered(np.concatenate([hashes, set_hashes]))
    of_image, of_vector = number[: len(hashes)], number[len(hashes) :]
    # A vector of an image whose content has changed since is a vector of another picture, and one
    # that is all zeros points nowhere.
    fits = np.zeros(len(set_ids), dtype=bool)
    if len(ids):
        place = np.minimum(np.searchsorted(ids, set_ids), len(ids) - 1)
        fits = (ids[place] == set_ids) & (of_image[place] == of_vector)
    fits &= _point_somewhere(embedding_set.vectors)
    rows = np.flatnonzero(fits)
    # The first row of each content stands for all of them, in the order of the set.
    first = np.full(numbers, -1)
    first[of_vector[rows[::-1]]] = rows[::-1]
    kept = rows[first[of_vector[rows]] == rows]
    # Copies that the set lacks a row for have its vector all the same.
    row_of_content = np.full(numbers, -1)
    row_of_content[of_vector[kept]] = np.arange(len(kept))
    row_of_image = row_of_content[of_image]
    has_vector = row_of_image >= 0
    return {
        "rows": kept,
        "image_ids": set_ids[kept],
        "contents": set_hashes[kept],
        "copies": np.bincount(row_of_image[has_vector], minlength=len(kept)).astype(np.int64),
        "without_vector": np.array(np.unique(of_image[~has_vector]).size),
        "all_ids": ids[has_vector],
        "row_of_all": row_of_image[has_vector],
    }


def _numbered(contents: NDArray[np.bytes_]) -> tuple[NDArray[np.int64], int]:
    """(n,) a number for each, the same for equal ones; and how many numbers there are."""
    import pyarrow

    as_bytes = pyarrow.FixedSizeBinaryArray.from_buffers(
        pyarrow.binary(contents.itemsize), len(contents), [None, pyarrow.py_buffer(contents)]
    )
    encoded = as_bytes.dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)


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
