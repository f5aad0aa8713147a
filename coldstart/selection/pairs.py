"""Close pairs, tile by tile of the similarity matrix, and the sparse rows they are put into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.exact import Unit, cores, rounding_band, similarity_threshold
from coldstart.selection.pruning import Bounds

# Where the pairs of a graph are looked for: in threads of this process, on a graphics processor, or
# by a Ray cluster.
ENGINES = ("local", "gpu", "ray")
_MOST_CANDIDATES = 0.2


@dataclass(frozen=True)
class Pairs:
    """Close pairs of one tile, row before column in the pool, by row and then by column."""

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    similarity: NDArray[np.float32]


def close_pairs(unit: Unit, rows: slice, columns: slice, delta: float) -> Pairs:
    """Pairs of one tile closer than ``delta``; of a tile on the diagonal its upper triangle."""
    similarity = (unit[rows] @ unit[columns].T).ravel()
    threshold, band = similarity_threshold(delta), rounding_band(unit.shape[1])
    place = np.flatnonzero(similarity > threshold - band)
    row, column = _pool_rows(place, rows, columns)
    similarity = similarity[place]
    if rows == columns:
        row, column, similarity = _upper(row, column, similarity)
    return keep_close(unit, row, column, similarity, delta)


def pruned_pairs(
    unit: Unit, bounds: Bounds, rows: slice, columns: slice, delta: float
) -> Pairs | None:
    """The same pairs by way of ``bounds``; None where too many would need a second look."""
    above = (bounds.rows[rows] @ bounds.rows[columns].T).ravel()
    candidate = above > similarity_threshold(delta) - bounds.slack
    if np.count_nonzero(candidate) > _MOST_CANDIDATES * len(candidate):
        return None
    row, column = _pool_rows(np.flatnonzero(candidate), rows, columns)
    if rows == columns:
        row, column, _ = _upper(row, column, row)
    similarity = np.empty(len(row), dtype=np.float32)
    kernels().similarities_of(unit, row, column, similarity)
    return keep_close(unit, row, column, similarity, delta)


def pairs_of_tile(
    unit: Unit, bounds: Bounds | None, rows: slice, columns: slice, delta: float
) -> Pairs:
    """The close pairs of one tile, by way of ``bounds`` where that is worth it."""
    found = None if bounds is None else pruned_pairs(unit, bounds, rows, columns, delta)
    return found or close_pairs(unit, rows, columns, delta)


def pairs_of_list(
    unit: Unit, rows: NDArray[np.int64], columns: NDArray[np.int64], delta: float
) -> Pairs:
    """Close pairs among ``rows``, with which ``columns`` begins, and between them and the rest of
    ``columns``; each once, in no particular order."""
    similarity = (unit[rows] @ unit[columns].T).ravel()
    threshold, band = similarity_threshold(delta), rounding_band(unit.shape[1])
    place = np.flatnonzero(similarity > threshold - band)
    row, column = np.divmod(place, len(columns))
    once = (column >= len(rows)) | (row < column)
    return keep_close(
        unit,
        rows[row[once]].astype(np.int32),
        columns[column[once]].astype(np.int32),
        similarity[place[once]],
        delta,
    )


def _pool_rows(
    place: NDArray[np.int64], rows: slice, columns: slice
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    row, column = np.divmod(place, columns.stop - columns.start)
    return (row + rows.start).astype(np.int32), (column + columns.start).astype(np.int32)


def _upper(
    row: NDArray[np.int32], column: NDArray[np.int32], value: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any]]:
    keep = row < column
    return row[keep], column[keep], value[keep]


def keep_close(
    unit: Unit,
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    similarity: NDArray[np.float32],
    delta: float,
) -> Pairs:
    """Those of the given pairs that are closer than ``delta``."""
    threshold, band = similarity_threshold(delta), rounding_band(unit.shape[1])
    count = kernels().keep_close(
        unit, row, column, similarity, threshold - band, threshold + band, delta
    )
    return Pairs(row[:count].copy(), column[:count].copy(), similarity[:count].copy())


def check_engine(engine: str) -> None:
    """Raise ValueError unless there is such an engine."""
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}; got {engine!r}")


def pairs_of_tiles(
    unit: Unit,
    bounds: Bounds | None,
    delta: float,
    blocks: list[slice],
    threads: int | None,
    progress: Progress,
) -> dict[tuple[int, int], Pairs]:
    """The close pairs of every tile (i, j), i <= j, of ``blocks`` by ``blocks``."""
    tiles = [(i, j) for i in range(len(blocks)) for j in range(i, len(blocks))]

    def pairs_of_one(tile: tuple[int, int]) -> Pairs:
        return pairs_of_tile(unit, bounds, blocks[tile[0]], blocks[tile[1]], delta)

    results = {}
    for number, (tile, pairs) in enumerate(in_threads(pairs_of_one, tiles, threads)):
        progress(number, len(tiles), "comparing images")
        results[tile] = pairs
    return results


def in_threads(
    work: Callable[[tuple[int, int]], Pairs], tiles: list[tuple[int, int]], threads: int | None
) -> Iterator[tuple[tuple[int, int], Pairs]]:
    """The results in the order of ``tiles``; one BLAS thread in each worker."""
    from threadpoolctl import threadpool_limits

    count = threads or cores()
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


def assemble(found: dict[tuple[int, int], Pairs], blocks: list[slice], n: int) -> Edges:
    """The rows of the graph from the pairs of one triangle, in both directions plus each self."""
    edges = Edges(list(found.values()), n)
    for i, block in enumerate(blocks):
        # In this order the columns of each row come out ascending.
        for j in range(i + 1):
            pairs = found[j, i] if j == i else found.pop((j, i))
            edges.place(pairs.column, pairs.row, pairs.similarity)
        edges.place_selves(block)
        for j in range(i, len(blocks)):
            pairs = found.pop((i, j)) if j == i else found[i, j]
            edges.place(pairs.row, pairs.column, pairs.similarity)
    return edges


def assemble_unordered(found: list[Pairs], n: int) -> Edges:
    """The same from pairs in any order, each given once; columns are in no particular order."""
    edges = Edges(found, n)
    edges.place_selves(slice(0, n))
    while found:
        pairs = found.pop()
        edges.place(pairs.row, pairs.column, pairs.similarity)
        edges.place(pairs.column, pairs.row, pairs.similarity)
    return edges


class Edges:
    """Compressed sparse rows, of the right size for both directions of the pairs and each self."""

    def __init__(self, found: list[Pairs], n: int) -> None:
        self.indptr = np.zeros(n + 1, dtype=np.int64)
        self.indptr[1:] = 1
        for pairs in found:
            kernels().count_rows(pairs.row, self.indptr[1:])
            kernels().count_rows(pairs.column, self.indptr[1:])
        np.cumsum(self.indptr, out=self.indptr)
        self.indices = np.empty(self.indptr[-1], dtype=np.int32)
        self.similarities = np.empty(self.indptr[-1], dtype=np.float32)
        self._cursor = self.indptr[:-1].copy()

    def place(
        self,
        row: NDArray[np.int32],
        column: NDArray[np.int32],
        similarity: NDArray[np.float32],
    ) -> None:
        kernels().place_edges(
            row, column, similarity, self._cursor, self.indices, self.similarities
        )

    def place_selves(self, rows: slice) -> None:
        own = np.arange(rows.start, rows.stop, dtype=np.int32)
        self.place(own, own, np.ones(len(own), dtype=np.float32))


def kernels() -> ModuleType:
    """The compiled loops."""
    # Here, because importing numba takes most of a second.
    from coldstart.selection import compiled

    return compiled
