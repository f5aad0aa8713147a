"""Vectors a person already has, matched to the images of the pool."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from coldstart.embeddings.matrix import unit_rows
from coldstart.embeddings.vector_files import NAME_KEYS, ImportedVectors, read_matrix
from coldstart.errors import ColdstartError

LIST_SUFFIXES = (".txt", ".csv", ".json")


def read_vectors(file: Path) -> ImportedVectors:
    """Read a matrix of vectors, and the paths of its rows where they can be found.

    The paths are a list in the same file (see `vector_files`), else a ``.txt``, ``.csv`` or
    ``.json`` of the same name beside it, else None. Raises `ColdstartError`.
    """
    imported = read_matrix(file)
    if imported.names is not None:
        return imported
    for suffix in LIST_SUFFIXES:
        beside = file.with_suffix(suffix)
        if beside.is_file():
            return ImportedVectors(imported.vectors, read_paths(beside))
    return imported


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
    vectors: np.ndarray,
    names: Sequence[str] | None,
    image_paths: Sequence[str],
    image_ids: Sequence[int],
) -> tuple[np.ndarray, np.ndarray]:
    """Put imported rows in the order of the pool's images, scaled to length 1.

    With names, each image takes the row whose name means it: absolute paths, paths from another
    folder and bare file names all work where they are unambiguous; rows of other files are left
    out. Without names row i belongs to image i.

    Returns
    -------
    vectors (n, d) float32 and image_ids (n,) int64 of the pool's n images.

    Raises
    ------
    ColdstartError : the counts differ, or images have no row; it names the first of them.
    """
    ids = np.asarray(image_ids, dtype=np.int64)
    rows = len(vectors)
    if names is None:
        if rows != len(image_paths):
            raise ColdstartError(
                f"The file has {rows:,} vectors, and the project has {len(image_paths):,} images.",
                "Give one vector for each image, or a list of paths that says which is which.",
            )
        return unit_rows(vectors), ids
    if len(names) != rows:
        raise ColdstartError(
            f"The list has {len(names):,} paths for {rows:,} vectors.",
            "Give the list that was written together with the vectors.",
        )
    row_of = _rows_by_path([_tidy(name) for name in names], [_tidy(path) for path in image_paths])
    missing = [path for path, row in zip(image_paths, row_of) if row is None]
    if missing:
        used = set(row_of)
        spare = [name for row, name in enumerate(names) if row not in used]
        beside = f"first {_first(missing)}"
        if spare:
            beside += f"; the list has {len(spare):,} that are no image, first {_first(spare)}"
        raise ColdstartError(
            f"{len(missing):,} of {len(image_paths):,} images have no vector of their own, "
            f"{beside}.",
            "Give a list whose paths are those of the images, or end like them.",
        )
    return unit_rows(vectors[np.asarray(row_of, dtype=np.int64)]), ids


def _first(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (", …" if len(paths) > 3 else "")


def _rows_by_path(names: Sequence[str], paths: Sequence[str]) -> list[int | None]:
    """For each path the row of the name that means it, or None.

    Tried in turn: the same text; the same text below a folder that all names, or all paths, lie in;
    one being the end of the other, where no second name or path has that end.
    """
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ColdstartError(f"The list names {name} {count} times.", "Give each image one vector.")
    best: list[int | None] = [None] * len(paths)
    for shorter_names in _below_common_folders(names):
        row_of = {name: row for row, name in enumerate(shorter_names)}
        for shorter_paths in _below_common_folders(paths):
            found = [row_of.get(path) for path in shorter_paths]
            if found.count(None) < best.count(None):
                best = found
    if None in best:
        _match_by_ends(best, names, paths)
    return best


def _match_by_ends(found: list[int | None], names: Sequence[str], paths: Sequence[str]) -> None:
    """Fill in what is None in ``found``."""
    taken = set(found)
    name_with_end, path_with_end = _unambiguous_ends(names), _unambiguous_ends(paths)
    for index, path in enumerate(paths):
        if found[index] is not None:
            continue
        for end in _ends(path):
            row = name_with_end.get(end)
            one_is_the_others_end = row is not None and end in (path, names[row])
            if one_is_the_others_end and path_with_end[end] == index and row not in taken:
                found[index] = row
                break


def _below_common_folders(paths: Sequence[str]) -> Iterator[list[str]]:
    """The paths, then without the first folder as long as all share it."""
    shorter = list(paths)
    yield shorter
    while len({path.partition("/")[0] for path in shorter}) == 1 and "/" in shorter[0]:
        shorter = [path.partition("/")[2] for path in shorter]
        yield shorter


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
