"""Vectors a person already has, matched to the images of the pool."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from coldstart.embeddings.matrix import EmbeddingSet, unit_rows, write_set
from coldstart.embeddings.vector_files import NAME_KEYS, ImportedVectors, read_vectors
from coldstart.errors import ColdstartError

LIST_SUFFIXES = (".txt", ".csv", ".json")


def import_vectors(
    file: Path,
    directory: Path,
    image_paths: Sequence[str],
    image_ids: Sequence[int],
    content_hashes: Sequence[str],
    paths_file: Path | None = None,
) -> EmbeddingSet:
    """Make an embedding set at ``directory`` of the vectors in ``file``, rows scaled to length 1.

    Parameters
    ----------
    file : see `read_vectors`.
    image_paths, image_ids, content_hashes : of every image of the pool, in the pool's order.
    paths_file : see `read_paths`; by default the list in ``file``, else one of the same name beside
        it, else row i belongs to image i.

    Raises
    ------
    ColdstartError : one sentence on what does not fit.
    """
    imported = read_vectors(file)
    if paths_file is None and imported.names is None:
        beside = (file.with_suffix(suffix) for suffix in LIST_SUFFIXES)
        paths_file = next((found for found in beside if found.is_file()), None)
    if paths_file is not None:
        imported = ImportedVectors(imported.vectors, read_paths(paths_file))
    vectors, ids = match_rows(imported, image_paths, image_ids)
    hash_of = dict(zip(image_ids, content_hashes))
    meta = {
        "encoder": "imported",
        "settings": {"file": file.name},
        "preprocessing": {"rows": "scaled to length 1"},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    hashes = [hash_of[i] for i in ids.tolist()]
    return write_set(directory, [unit_rows(vectors)], vectors.shape[1], ids.tolist(), hashes, meta)


def read_paths(file: Path) -> list[str]:
    """Read a list of paths: ``.txt`` (one a line), ``.json`` (a list), ``.csv`` (a path column).

    A CSV's path column is the one named like one of `NAME_KEYS`, else its first column.
    """
    try:
        text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise ColdstartError(
            f"The list of paths {file} cannot be read: {error.strerror}.", "Check the path."
        ) from error
    suffix = file.suffix.lower()
    if suffix == ".json":
        try:
            content = json.loads(text)
        except ValueError as error:
            raise ColdstartError(f"{file.name} is not valid JSON.", "Write it again.") from error
        if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
            raise ColdstartError(
                f"{file.name} is not a list of paths.", 'Write it as ["a.jpg", "b.jpg"].'
            )
        return content
    if suffix == ".csv":
        rows = [row for row in csv.reader(text.splitlines()) if row]
        titles = [title.strip().lower() for title in rows[0]] if rows else []
        column = next((titles.index(key) for key in NAME_KEYS if key in titles), None)
        if column is None:
            return [row[0] for row in rows]
        return [row[column] if column < len(row) else "" for row in rows[1:]]
    return [line for line in text.splitlines() if line]


def match_rows(
    imported: ImportedVectors, image_paths: Sequence[str], image_ids: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Put imported rows in the order of the pool's images.

    With names, each image takes the row whose name is its path, or ends in it, or of which it is
    the end (so that absolute paths and bare file names work), wherever that is unambiguous; rows
    of other files are left out. Without names row i belongs to image i.

    Returns
    -------
    vectors (n, d) float32 and image_ids (n,) int64 of the pool's n images.

    Raises
    ------
    ColdstartError : the counts differ, or images have no row; it names the first of them.
    """
    ids = np.asarray(image_ids, dtype=np.int64)
    rows, names = len(imported.vectors), imported.names
    if names is None:
        if rows != len(image_paths):
            raise ColdstartError(
                f"The file has {rows:,} vectors, and the project has {len(image_paths):,} images.",
                "Give one vector for each image, or a list of paths that says which is which.",
            )
        return imported.vectors, ids
    if len(names) != rows:
        raise ColdstartError(
            f"The list has {len(names):,} paths for {rows:,} vectors.",
            "Give the list that was written together with the vectors.",
        )
    row_of = _rows_by_path([_tidy(name) for name in names], [_tidy(path) for path in image_paths])
    missing = [path for path, row in zip(image_paths, row_of) if row is None]
    if missing:
        shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise ColdstartError(
            f"{len(missing):,} of {len(image_paths):,} images have no vector of their own, "
            f"first {shown}; the list begins with {', '.join(names[:3])}.",
            "Give a list whose paths are those of the images, or end like them.",
        )
    return imported.vectors[np.asarray(row_of, dtype=np.int64)], ids


def _rows_by_path(names: Sequence[str], paths: Sequence[str]) -> list[int | None]:
    """For each path the row of the name that means it: the same, or the longest common ending."""
    exact: dict[str, int] = {}
    for row, name in enumerate(names):
        if exact.setdefault(name, row) != row:
            raise ColdstartError(f"The list names {name} twice.", "Give each image one vector.")
    if all(path in exact for path in paths):
        return [exact[path] for path in paths]
    found: list[int | None] = [None] * len(paths)
    by_end = _unambiguous_ends(names)
    path_ends = _unambiguous_ends(paths)
    for index, path in enumerate(paths):
        for end in _ends(path):
            named = by_end.get(end)
            # The one must be the other's whole, and no other image may claim the same ending.
            if named is not None and path_ends.get(end) == index and end in (path, names[named]):
                found[index] = named
                break
    return found


def _ends(path: str) -> list[str]:
    """A path and what is left of it without its first folders, the longest first."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _unambiguous_ends(paths: Sequence[str]) -> dict[str, int | None]:
    """Every ending of every path with the index of the only path that has it, else None."""
    owner: dict[str, int | None] = {}
    for index, path in enumerate(paths):
        for end in _ends(path):
            owner[end] = None if end in owner else index
    return owner


def _tidy(path: str) -> str:
    return path.strip().replace("\\", "/").removeprefix("./").lstrip("/")
