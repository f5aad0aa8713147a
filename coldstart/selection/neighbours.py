"""Who lies within a radius of whom: the exact graph of a pool, and the way to do without it.

`RadiusGraph` keeps every pair closer than delta (8 bytes for each direction). `MatrixFreeBalls`
answers the same questions by recomputing similarities, for pools whose graph would not fit.
Both give the same answers, pair by pair, whatever the block size or the number of threads.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import (
    Rows,
    Unit,
    distances_of_pairs,
    rounding_band,
    row_blocks,
    similarity_threshold,
    within_tile,
)

DEFAULT_MEMORY_LIMIT_BYTES = 3 * 2**30
_BYTES_PER_EDGE = 8
_TILE_ROWS = 1024

Mass = NDArray[np.float64]


class Balls(Protocol):
    """The balls of radius ``delta`` around every row, each holding at least its own centre."""

    @property
    def delta(self) -> float:
        """The radius."""

    def members(self, row: int) -> Rows:
        """Rows less than delta away from ``row``, itself included."""

    def covered_by(self, rows: Rows) -> NDArray[np.bool_]:
        """(n,) whether a row lies in the ball of any of ``rows``."""

    def mass_inside(self, mass: Mass) -> Mass:
        """(n,) the summed ``mass`` of each ball's members."""

    def take_away(self, total: Mass, rows: Rows, mass: Mass) -> None:
        """Subtract, in place, the mass of ``rows`` from the total of every ball they lie in."""


@dataclass(frozen=True)
class RadiusGraph:
    """Every pair of rows less than ``delta`` apart, itself included, as compressed sparse rows.

    ``indices[indptr[i]:indptr[i + 1]]`` are the neighbours of row i in ascending order (int32), and
    ``similarities`` (float32) their cosines, from which `within` makes the graph of any smaller
    radius. ``fingerprint`` says which vectors it was made from.
    """

    delta: float
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    similarities: NDArray[np.float32]
    fingerprint: str

    @property
    def n(self) -> int:
        return len(self.indptr) - 1

    @property
    def mean_degree(self) -> float:
        """Mean number of neighbours, a row's own self not counted."""
        return len(self.indices) / self.n - 1

    def within(self, delta: float, unit: Unit) -> RadiusGraph:
        """The graph of a radius no larger than this one's."""
        if delta > self.delta:
            raise ValueError(f"this graph reaches to {self.delta:g}; it has no pairs at {delta:g}")
        if delta == self.delta:
            return self
        threshold, band = similarity_threshold(delta), rounding_band(unit.shape[1])
        keep = self.similarities > threshold - band
        unsure = np.flatnonzero(keep & (self.similarities <= threshold + band))
        if len(unsure):
            rows = np.searchsorted(self.indptr, unsure, side="right") - 1
            keep[unsure] = distances_of_pairs(unit, rows, self.indices[unsure]) < delta
        indptr = np.zeros(self.n + 1, dtype=np.int64)
        np.cumsum(np.add.reduceat(keep, self.indptr[:-1], dtype=np.int64), out=indptr[1:])
        return RadiusGraph(
            delta, indptr, self.indices[keep], self.similarities[keep], self.fingerprint
        )

    def members(self, row: int) -> NDArray[np.int32]:
        return self.indices[self.indptr[row] : self.indptr[row + 1]]

    def covered_by(self, rows: Rows) -> NDArray[np.bool_]:
        covered = np.zeros(self.n, dtype=bool)
        covered[self._members_of(rows)] = True
        return covered

    def mass_inside(self, mass: Mass) -> Mass:
        total: Mass = np.add.reduceat(mass[self.indices], self.indptr[:-1])
        return total

    def take_away(self, total: Mass, rows: Rows, mass: Mass) -> None:
        neighbours = self._members_of(rows)
        each = np.repeat(mass[rows], np.diff(self.indptr)[rows])
        if len(neighbours) < self.n // 4:
            np.subtract.at(total, neighbours, each)
        else:
            total -= np.bincount(neighbours, weights=each, minlength=self.n)

    def _members_of(self, rows: Rows) -> NDArray[np.int32]:
        """The neighbours of all ``rows``, one list after the other."""
        starts = self.indptr[rows]
        lengths = self.indptr[np.asarray(rows) + 1] - starts
        ends = np.cumsum(lengths)
        if len(ends) == 0:
            return self.indices[:0]
        steps = np.repeat(starts - (ends - lengths), lengths)
        return self.indices[steps + np.arange(ends[-1])]

    def check_belongs_to(self, unit: Unit) -> None:
        """Raise ValueError unless this graph was made from these vectors."""
        if self.n != len(unit) or self.fingerprint != fingerprint(unit):
            raise ValueError(
                f"graph was made from other embeddings than these of shape {unit.shape}; "
                f"it has {self.n} rows"
            )

    def save(self, file: Path | str) -> None:
        """Write a ``.npz`` (beside first, then renamed, so that no half file is ever seen)."""
        file = Path(file)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        with unfinished.open("wb") as stream:
            np.savez(
                stream,
                delta=np.float64(self.delta),
                indptr=self.indptr,
                indices=self.indices,
                similarities=self.similarities,
                fingerprint=np.array(self.fingerprint),
            )
        unfinished.replace(file)

    @classmethod
    def load(cls, file: Path | str) -> RadiusGraph:
        """Read what `save` wrote."""
        with np.load(file, allow_pickle=False) as stored:
            return cls(
                float(stored["delta"]),
                stored["indptr"],
                stored["indices"],
                stored["similarities"],
                str(stored["fingerprint"]),
            )


@dataclass(frozen=True)
class MatrixFreeBalls:
    """The balls of radius ``delta``, recomputed from the vectors at each question. O(n) memory."""

    unit: Unit
    delta: float
    progress: Progress = silent

    def members(self, row: int) -> NDArray[np.int64]:
        return np.flatnonzero(self.covered_by(np.array([row])))

    def covered_by(self, rows: Rows) -> NDArray[np.bool_]:
        covered = np.zeros(len(self.unit), dtype=bool)
        for part, columns in self._tiles(np.asarray(rows)):
            covered[part] |= within_tile(self.unit, part, columns, self.delta).any(axis=1)
        return covered

    def mass_inside(self, mass: Mass) -> Mass:
        total = np.zeros(len(self.unit))
        blocks = row_blocks(len(self.unit), _TILE_ROWS)
        for number, part in enumerate(blocks):
            self.progress(number, len(blocks), "counting neighbours")
            total[part] += within_tile(self.unit, part, part, self.delta) @ mass[part]
            for other in blocks[number + 1 :]:
                within = within_tile(self.unit, part, other, self.delta)
                total[part] += within @ mass[other]
                total[other] += mass[part] @ within
        return total

    def take_away(self, total: Mass, rows: Rows, mass: Mass) -> None:
        for part, columns in self._tiles(np.asarray(rows)):
            total[part] -= within_tile(self.unit, part, columns, self.delta) @ mass[columns]

    def _tiles(self, rows: Rows) -> Iterator[tuple[slice, Rows]]:
        for part in row_blocks(len(self.unit), 4 * _TILE_ROWS):
            for columns in row_blocks(len(rows), _TILE_ROWS):
                yield part, rows[columns]


def balls(
    unit: Unit,
    delta: float,
    *,
    graph: RadiusGraph | None = None,
    memory_limit_bytes: int = DEFAULT_MEMORY_LIMIT_BYTES,
    progress: Progress = silent,
) -> Balls:
    """The balls of radius ``delta``: from ``graph`` where it reaches, else built or matrix-free."""
    if graph is not None and graph.delta >= delta:
        return graph.within(delta, unit)
    if _BYTES_PER_EDGE * estimate_edges(unit, delta) > memory_limit_bytes:
        return MatrixFreeBalls(unit, delta, progress)
    return radius_graph(unit, delta, progress=progress)


def estimate_edges(unit: Unit, delta: float, *, rows: int = 256, seed: int = 0) -> int:
    """About how many directed pairs are closer than ``delta``, from some random rows."""
    chosen = np.random.default_rng(seed).permutation(len(unit))[:rows]
    close = 0
    for part in row_blocks(len(unit), 16 * _TILE_ROWS):
        close += int(np.sum(unit[part] @ unit[chosen].T > similarity_threshold(delta)))
    return round(close / len(chosen) * len(unit))


def radius_graph(
    unit: Unit,
    delta: float,
    *,
    tile_rows: int = _TILE_ROWS,
    threads: int | None = None,
    progress: Progress = silent,
) -> RadiusGraph:
    """Every pair of ``unit`` (n, d) closer than ``delta`` (strictly), exact.

    One triangle of the similarity matrix in tiles: n² d floating point operations. ``threads``
    tiles are worked on at a time (default: one for each core), each by a single BLAS thread.
    """
    n = len(unit)
    blocks = row_blocks(n, tile_rows)
    tiles = [(i, j) for i in range(len(blocks)) for j in range(i, len(blocks))]
    found: dict[tuple[int, int], _Pairs] = {}

    def close_pairs(tile: tuple[int, int]) -> _Pairs:
        return _close_pairs(unit, blocks[tile[0]], blocks[tile[1]], delta)

    for number, (tile, pairs) in enumerate(_in_threads(close_pairs, tiles, threads)):
        progress(number, len(tiles), "comparing images")
        found[tile] = pairs
    return _assemble(found, blocks, n, delta, fingerprint(unit))


def knn(unit: Unit, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances (n, k) to and rows (n, k) of the k nearest others of each row, nearest first."""
    import faiss

    n, d = unit.shape
    if not 1 <= k < n:
        raise ValueError(f"k must be from 1 to {n - 1}; got {k}")
    index = faiss.IndexFlatIP(d)
    index.add(unit)
    similarity, rows = index.search(unit, k + 1)
    # With exact copies a row need not come first in its own list, nor be in it at all.
    own = rows == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True
    others = rows[~own].reshape(n, k).astype(np.int64)
    distance = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * similarity[~own].reshape(n, k)))
    return distance.astype(np.float64), others


def fingerprint(unit: Unit) -> str:
    """A short name for these vectors, from their shape and up to 1,024 of their rows."""
    rows = np.unique(np.linspace(0, len(unit) - 1, 1024).astype(np.int64))
    digest = hashlib.blake2b(repr(unit.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(unit[rows]).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Pairs:
    """Close pairs of one tile, by row then column, numbered from the tile's corner."""

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    similarity: NDArray[np.float32]


def _close_pairs(unit: Unit, rows: slice, columns: slice, delta: float) -> _Pairs:
    similarity = (unit[rows] @ unit[columns].T).ravel()
    threshold, band = similarity_threshold(delta), rounding_band(unit.shape[1])
    place = np.flatnonzero(similarity > threshold - band)
    close = similarity[place]
    row, column = np.divmod(place, columns.stop - columns.start)
    keep = np.ones(len(place), dtype=bool)
    if rows == columns:
        keep = row < column
    unsure = np.flatnonzero(keep & (close <= threshold + band))
    if len(unsure):
        first, second = rows.start + row[unsure], columns.start + column[unsure]
        keep[unsure] = distances_of_pairs(unit, first, second) < delta
    if not keep.all():
        row, column, close = row[keep], column[keep], close[keep]
    return _Pairs(row.astype(np.int32), column.astype(np.int32), close)


def _in_threads(
    work: Callable[[tuple[int, int]], _Pairs], tiles: list[tuple[int, int]], threads: int | None
) -> Iterator[tuple[tuple[int, int], _Pairs]]:
    """The results in the order of ``tiles``; one BLAS thread in each worker."""
    from threadpoolctl import threadpool_limits

    count = threads or os.cpu_count() or 1
    with threadpool_limits(1, user_api="blas"):
        if count == 1 or len(tiles) == 1:
            for tile in tiles:
                yield tile, work(tile)
            return
        with ThreadPoolExecutor(count) as workers:
            try:
                yield from zip(tiles, workers.map(work, tiles), strict=True)
            finally:
                workers.shutdown(wait=False, cancel_futures=True)


def _assemble(
    found: dict[tuple[int, int], _Pairs], blocks: list[slice], n: int, delta: float, name: str
) -> RadiusGraph:
    """The rows of the graph from the pairs of one triangle, in both directions plus each self."""
    indptr = np.zeros(n + 1, dtype=np.int64)
    indices: list[NDArray[np.int32]] = []
    similarities: list[NDArray[np.float32]] = []
    for i, block in enumerate(blocks):
        own = np.arange(block.stop - block.start, dtype=np.int32)
        row, column, similarity = [], [], []
        for j in range(i + 1):
            # The tile was computed for the lower block's rows; here it is read the other way.
            pairs = found[j, i] if j == i else found.pop((j, i))
            row.append(pairs.column)
            column.append(pairs.row + np.int32(blocks[j].start))
            similarity.append(pairs.similarity)
        row.append(own)
        column.append(own + np.int32(block.start))
        similarity.append(np.ones(len(own), dtype=np.float32))
        for j in range(i, len(blocks)):
            pairs = found.pop((i, j)) if j == i else found[i, j]
            row.append(pairs.row)
            column.append(pairs.column + np.int32(blocks[j].start))
            similarity.append(pairs.similarity)
        all_rows = np.concatenate(row)
        # Each piece is in column order, so a stable sort by row leaves the columns ascending.
        order = np.argsort(all_rows.astype(np.uint16), kind="stable")
        indices.append(np.concatenate(column)[order])
        similarities.append(np.concatenate(similarity)[order])
        indptr[block.start + 1 : block.stop + 1] = np.bincount(all_rows, minlength=len(own))
    np.cumsum(indptr, out=indptr)
    return RadiusGraph(delta, indptr, np.concatenate(indices), np.concatenate(similarities), name)
