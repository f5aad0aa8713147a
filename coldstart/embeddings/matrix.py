"""One embedding set on disk: a matrix of vectors, which image each row belongs to, how it was made.

<set>/vectors.npy     (n, d) float32, one row for each image
<set>/rows.parquet    row, image_id, content_hash
<set>/meta.json       encoder, settings, preprocessing, dimension, created_at, complete
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from coldstart.errors import ColdstartError

VECTORS, ROWS, META = "vectors.npy", "rows.parquet", "meta.json"
COMMITTED = "committed"
"""A marker: while it is there, every ``<file>.new`` is whole and only has to be renamed."""


@dataclass(frozen=True)
class EmbeddingSet:
    """The vectors of one encoder over the images of a project.

    ``vectors`` is (n, d) float32, memory-mapped and read-only; ``image_ids`` is (n,) int64, and row
    i of the one belongs to entry i of the other.
    """

    directory: Path
    vectors: np.ndarray
    image_ids: np.ndarray
    meta: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the set, which is that of its directory."""
        return self.directory.name

    def rows_of(self, image_ids: np.ndarray) -> np.ndarray:
        """(m,) int64 the row of each of these images; -1 for those that have none."""
        if not len(self.image_ids):
            return np.full(len(image_ids), -1)
        known, order = self._by_image
        places = np.minimum(np.searchsorted(known, image_ids), len(known) - 1)
        return np.where(known[places] == image_ids, order[places], -1)

    @cached_property
    def _by_image(self) -> tuple[np.ndarray, np.ndarray]:
        """The image ids ascending, and the row of each."""
        order = np.argsort(self.image_ids, kind="stable")
        return self.image_ids[order], order

    @property
    def content_hashes(self) -> list[str]:
        """For each row the hash of the image it was made from; read anew each time."""
        hashes: list[str] = _read_rows(self.directory, "content_hash").to_pylist()
        return hashes

    @staticmethod
    def open(directory: Path) -> EmbeddingSet:
        """Open a set; raises `ColdstartError` when it is not there, unfinished or damaged.

        A set opened before in this process, and not written since, is given again.
        """
        finish_writing(directory)
        stamp = _stamp(directory)
        with _lock:
            known = _opened.get(directory)
            if known is not None and known[0] == stamp:
                _opened.move_to_end(directory)
                return known[1]
        opened = EmbeddingSet._read(directory)
        with _lock:
            _opened[directory] = (stamp, opened)
            _opened.move_to_end(directory)
            while len(_opened) > _KEPT_OPEN:
                _opened.popitem(last=False)
        return opened

    @staticmethod
    def _read(directory: Path) -> EmbeddingSet:
        if not (directory / VECTORS).is_file():
            raise ColdstartError(
                f"The embedding set {directory.name!r} is not finished, or not there.",
                "Compute the embeddings, or choose another set.",
            )
        try:
            vectors = np.load(directory / VECTORS, mmap_mode="r", allow_pickle=False)
            image_ids = _read_rows(directory, "image_id").to_numpy().astype(np.int64)
            meta = read_meta(directory)
        except (OSError, ValueError) as error:
            raise ColdstartError(
                f"The embedding set {directory.name!r} is damaged: {error}.",
                f"Delete the folder {directory} and compute it again.",
            ) from error
        if len(vectors) != len(image_ids):
            raise ColdstartError(
                f"The embedding set {directory.name!r} is damaged: {len(vectors):,} vectors for "
                f"{len(image_ids):,} images.",
                f"Delete the folder {directory} and compute it again.",
            )
        image_ids.flags.writeable = False  # many callers hold the same
        return EmbeddingSet(directory, vectors, image_ids, meta)


_Stamp = tuple[tuple[int, int, int] | None, ...]
_KEPT_OPEN = 16
# A page asks which sets there are several times a click; a million ids need not be read each time.
_opened: OrderedDict[Path, tuple[_Stamp, EmbeddingSet]] = OrderedDict()
_lock = threading.Lock()


def _stamp(directory: Path) -> _Stamp:
    """Changes whenever a set's files are replaced."""
    return tuple(_file_stamp(directory / name) for name in (VECTORS, ROWS, META))


def _file_stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def list_sets(directory: Path) -> list[EmbeddingSet]:
    """Every finished set in a project's ``embeddings`` folder, oldest first."""
    if not directory.is_dir():
        return []
    for candidate in directory.iterdir():
        finish_writing(candidate)
    sets = [EmbeddingSet.open(found.parent) for found in sorted(directory.glob(f"*/{VECTORS}"))]
    return sorted(sets, key=lambda found: (str(found.meta.get("created_at", "")), found.name))


def read_meta(directory: Path) -> dict[str, Any]:
    """The set's ``meta.json``; empty when there is none yet."""
    try:
        meta: dict[str, Any] = json.loads((directory / META).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return meta


def write_meta(directory: Path, meta: dict[str, Any]) -> None:
    """Write ``meta.json``, whole or not at all."""
    _write_json(directory / f"{META}.new", meta)
    os.replace(directory / f"{META}.new", directory / META)


def write_set(
    directory: Path,
    chunks: Iterable[np.ndarray],
    dimension: int,
    image_ids: Sequence[int],
    content_hashes: Sequence[str],
    meta: dict[str, Any],
) -> EmbeddingSet:
    """Write a whole set in place of what is there; a reader sees the old one or the new one.

    Parameters
    ----------
    chunks : the vectors in row order, in arrays of (some rows, ``dimension``).
    image_ids, content_hashes : of every row.
    meta : what `read_meta` shall return, but for "complete", "dimension" and "images".
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / COMMITTED).unlink(missing_ok=True)
    _write_vectors(directory / f"{VECTORS}.new", chunks, (len(image_ids), dimension))
    _write_rows(directory / f"{ROWS}.new", image_ids, content_hashes)
    whole = {**meta, "dimension": dimension, "images": len(image_ids), "complete": True}
    _write_json(directory / f"{META}.new", whole)
    (directory / COMMITTED).touch()
    _sync(directory)
    finish_writing(directory)
    return EmbeddingSet.open(directory)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros stays as it is."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0.0, 1.0, lengths)).astype(np.float32)


def finish_writing(directory: Path) -> None:
    """Rename what a finished `write_set` has prepared; anyone may do it, and more than once."""
    if not (directory / COMMITTED).exists():
        return
    for name in (VECTORS, ROWS, META):
        with suppress(FileNotFoundError):
            os.replace(directory / f"{name}.new", directory / name)
    _sync(directory)
    (directory / COMMITTED).unlink(missing_ok=True)


def _write_vectors(file: Path, chunks: Iterable[np.ndarray], shape: tuple[int, int]) -> None:
    with file.open("wb") as opened:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(opened, header)
        written = 0
        for chunk in chunks:
            opened.write(np.ascontiguousarray(chunk, dtype="<f4").tobytes())
            written += len(chunk)
        if written != shape[0]:
            raise ValueError(f"{written} vectors for {shape[0]} images")
        opened.flush()
        os.fsync(opened.fileno())


def _write_rows(file: Path, image_ids: Sequence[int], content_hashes: Sequence[str]) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {
            "row": pyarrow.array(np.arange(len(image_ids), dtype=np.int64)),
            "image_id": pyarrow.array(np.asarray(image_ids, dtype=np.int64)),
            "content_hash": pyarrow.array(content_hashes, pyarrow.string()),
        }
    )
    pyarrow.parquet.write_table(table, file)
    _sync(file)


def _read_rows(directory: Path, column: str) -> Any:
    import pyarrow.parquet

    # `read_table` would import pandas for it, which takes longer than to read a million ids.
    with pyarrow.parquet.ParquetFile(directory / ROWS) as rows:
        return rows.read(columns=[column])[column]


def _write_json(file: Path, content: Any) -> None:
    with file.open("w", encoding="utf-8") as opened:
        json.dump(content, opened, indent=1)
        opened.flush()
        os.fsync(opened.fileno())


def _sync(path: Path) -> None:
    """Make a file or a directory's names durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
