"""Who lies within a radius of whom: the exact graph of a pool, and the way to do without it.

`RadiusGraph` keeps every pair closer than delta (8 bytes for each direction). `MatrixFreeBalls`
answers the same questions by recomputing similarities, for pools whose graph would not fit.
Both give the same answers, pair by pair, whatever the block size or the number of threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
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
from coldstart.selection.pairs import assemble, check_engine, kernels, pairs_of_tiles
from coldstart.selection.pruning import useful_bounds

DEFAULT_MEMORY_LIMIT_BYTES = 3 * 2**30
# While a graph is put together its pairs (6 bytes an edge) and its rows (8) are both there.
BYTES_PER_EDGE = 14
_TILE_ROWS = 1024
_ARRAYS = ("indptr", "indices", "similarities")

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
    ``similarities`` (float32) their cosines, by which `balls` serves every smaller radius.
    ``fingerprint`` says which vectors it was made from.
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

    def balls(self, delta: float, unit: Unit) -> GraphBalls:
        """The balls of a radius no larger than this graph's; nothing is copied."""
        if delta > self.delta:
            raise ValueError(f"this graph reaches to {self.delta:g}; it has no pairs at {delta:g}")
        return GraphBalls(self, unit, delta)

    def check_belongs_to(self, unit: Unit) -> None:
        """Raise ValueError unless this graph was made from these vectors."""
        if self.n != len(unit) or self.fingerprint != fingerprint(unit):
            raise ValueError(
                f"graph was made from other embeddings than these of shape {unit.shape}; "
                f"it has {self.n} rows"
            )

    def part(self, rows: Rows, unit: Unit) -> RadiusGraph:
        """The graph of some of its rows (ascending), whose vectors are ``unit`` (len(rows), d)."""
        place = np.full(self.n, -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        indptr = np.zeros(len(rows) + 1, dtype=np.int64)
        old = (self.indptr, self.indices, self.similarities, np.asarray(rows), place)
        kernels().count_kept(*old, indptr[1:])
        np.cumsum(indptr, out=indptr)
        indices = np.empty(indptr[-1], dtype=np.int32)
        similarities = np.empty(indptr[-1], dtype=np.float32)
        kernels().place_kept(*old, indptr, indices, similarities)
        return RadiusGraph(self.delta, indptr, indices, similarities, fingerprint(unit))

    def save(self, folder: Path | str) -> None:
        """Write the folder (beside first, then renamed, so that no half graph is ever seen)."""
        folder = Path(folder)
        unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        unfinished.mkdir(parents=True)
        for name in _ARRAYS:
            np.save(unfinished / f"{name}.npy", getattr(self, name))
        about = {"delta": self.delta, "fingerprint": self.fingerprint}
        (unfinished / "graph.json").write_text(json.dumps(about), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.replace(folder)

    @classmethod
    def load(cls, folder: Path | str) -> RadiusGraph:
        """What `save` wrote, mapped into memory: it is read as far as it is asked."""
        folder = Path(folder)
        about = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        # Copy on write, for numba compiles its loops anew for arrays that cannot be written to.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in _ARRAYS}
        return cls(
            delta=float(about["delta"]),
            fingerprint=str(about["fingerprint"]),
            **{name: np.asarray(array) for name, array in arrays.items()},
        )


@dataclass(frozen=True)
class GraphBalls:
    """The balls of radius ``delta``, read from a graph that reaches at least as far."""

    graph: RadiusGraph
    unit: Unit
    delta: float

    def members(self, row: int) -> NDArray[np.int32]:
        part = slice(self.graph.indptr[row], self.graph.indptr[row + 1])
        rows, similarity = self.graph.indices[part], self.graph.similarities[part]
        low, high, _ = self._limits
        if low == -np.inf:
            return rows
        keep = similarity > low
        unsure = np.flatnonzero(keep & (similarity <= high))
        if len(unsure):
            measured = distances_of_pairs(self.unit, np.full(len(unsure), row), rows[unsure])
            keep[unsure] = measured < self.delta
        return rows[keep]

    def covered_by(self, rows: Rows) -> NDArray[np.bool_]:
        covered = np.zeros(self.graph.n, dtype=bool)
        kernels().mark_covered(*self._edges, np.asarray(rows), *self._limits, covered)
        return covered

    def first_of(self, rows: Rows) -> NDArray[np.int64]:
        """(n,) the place in ``rows`` of the first whose ball holds each row; len(rows) for none."""
        first = np.full(self.graph.n, len(rows), dtype=np.int64)
        kernels().first_in_order(*self._edges, np.asarray(rows), *self._limits, first)
        return first

    def mass_inside(self, mass: Mass) -> Mass:
        total = np.empty(self.graph.n)
        if mass.min() == mass.max():
            kernels().count_inside(*self._edges, *self._limits, total)
            total *= mass[0]
            return total
        kernels().sum_mass(*self._edges, mass, *self._limits, total)
        return total

    def take_away(self, total: Mass, rows: Rows, mass: Mass) -> None:
        kernels().subtract_mass(*self._edges, np.asarray(rows), mass, *self._limits, total)

    @property
    def _edges(self) -> tuple[Unit, NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        return self.unit, self.graph.indptr, self.graph.indices, self.graph.similarities

    @property
    def _limits(self) -> tuple[float, float, float]:
        """Similarities up to the first are surely outside, above the second surely inside."""
        if self.delta == self.graph.delta:
            return -np.inf, -np.inf, self.delta
        threshold, band = similarity_threshold(self.delta), rounding_band(self.unit.shape[1])
        return threshold - band, threshold + band, self.delta


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
    engine: str = "local",
    progress: Progress = silent,
) -> Balls:
    """The balls of radius ``delta``: from ``graph`` where it reaches, else built or matrix-free."""
    if graph is not None and graph.delta >= delta:
        return graph.balls(delta, unit)
    if BYTES_PER_EDGE * estimate_edges(unit, delta) > memory_limit_bytes:
        return MatrixFreeBalls(unit, delta, progress)
    return radius_graph(unit, delta, engine=engine, progress=progress).balls(delta, unit)


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
    tile_rows: int | None = None,
    threads: int | None = None,
    prune: bool | None = None,
    engine: str = "local",
    progress: Progress = silent,
) -> RadiusGraph:
    """Every pair of ``unit`` (n, d) closer than ``delta`` (strictly), exact.

    One triangle of the similarity matrix in tiles: n² d floating point operations, or fewer where
    leading principal components rule most pairs out (``prune``; None asks a sample). ``threads``
    tiles are worked on at a time (default: one for each core), each by a single BLAS thread.
    With ``engine="ray"`` a Ray cluster works on them instead, with ``engine="gpu"`` a graphics
    processor, which prunes nothing; the graph is the same but for the last bits of similarities.

    Raises ColdstartError where ray or a graphics processor is asked for and not there.
    """
    check_engine(engine)
    n = len(unit)
    if engine == "gpu":
        from coldstart.selection import device

        blocks = row_blocks(n, tile_rows or device.TILE_ROWS)
        edges = assemble(device.pairs_of_tiles_on_device(unit, delta, blocks, progress), blocks, n)
        return RadiusGraph(
            delta, edges.indptr, edges.indices, edges.similarities, fingerprint(unit)
        )
    bounds = None if prune is False else useful_bounds(unit, delta)
    blocks = row_blocks(n, tile_rows or _TILE_ROWS)
    if engine == "ray":
        from coldstart.selection.cluster import pairs_of_tiles_on_ray

        results = pairs_of_tiles_on_ray(unit, bounds, delta, blocks, progress)
    else:
        results = pairs_of_tiles(unit, bounds, delta, blocks, threads, progress)
    progress(1, 1, "sorting who is near whom")
    edges = assemble(results, blocks, n)
    return RadiusGraph(delta, edges.indptr, edges.indices, edges.similarities, fingerprint(unit))


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
