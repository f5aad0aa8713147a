"""Which pairs of unit vectors are closer than a radius, decided the same way on every machine.

Similarities come from float32 matrix products, whose last bits depend on block size, thread count
and device. A pair so close to the radius that those bits matter is decided again in float64.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Unit = NDArray[np.float32]
Rows = NDArray[np.integer]
Result = TypeVar("Result")
_MOST_TIED = 16


def similarity_threshold(delta: float) -> float:
    """The cosine of two unit vectors ``delta`` apart: d² = 2 - 2s."""
    return 1.0 - delta * delta / 2.0


def rounding_band(dimension: int) -> float:
    """How far a float32 dot product of two unit vectors can be from the true one.

    The bound (d + 8) 2^-24 holds for any order of summation (Higham, Accuracy and Stability, §3.1);
    the 8 pays for lengths that are not exactly one and for rounding the threshold.
    """
    return (dimension + 8) * 2.0**-24


def distances_of_pairs(unit: Unit, first: Rows, second: Rows) -> NDArray[np.float64]:
    """(m,) distance of each pair of rows, in float64 arithmetic."""
    from coldstart.selection import compiled

    out = np.empty(len(first))
    compiled.distances(unit, np.asarray(first), np.asarray(second), out)
    return out


def squared_distances(
    unit: Unit, of_row: NDArray[np.int64], centres: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(n,) squared distance of each row to its centre, in float64 arithmetic."""
    from coldstart.selection import compiled

    out = np.empty(len(unit))
    compiled.squared_distances(unit, of_row, centres, out)
    return out


def within_tile(
    unit: Unit, rows: Rows | slice, columns: Rows | slice, delta: float
) -> NDArray[np.bool_]:
    """(len(rows), len(columns)) whether the two rows are less than ``delta`` apart."""
    similarity = unit[rows] @ unit[columns].T
    threshold, band = similarity_threshold(delta), rounding_band(unit.shape[1])
    within: NDArray[np.bool_] = similarity > threshold + band
    unsure = similarity > threshold - band
    unsure ^= within
    if unsure.any():
        row, column = np.nonzero(unsure)
        first, second = row_numbers(rows)[row], row_numbers(columns)[column]
        within[row, column] = distances_of_pairs(unit, first, second) < delta
    return within


def best_row(
    unit: Unit,
    score: NDArray[np.floating[Any]],
    slack: float,
    measured: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> int:
    """The row with the highest ``score``, which is only known to within ``slack``.

    Up to 16 rows that may be it (of exact copies the lowest stands for all) are ``measured`` again
    in float64; those that are equal there go to the lowest row.
    """
    best = int(np.argmax(score))
    tied = np.flatnonzero(score >= score[best] - slack)
    if len(tied) == 1:
        return best
    tied = tied[np.sort(np.unique(unit[tied], axis=0, return_index=True)[1])]
    tied = np.sort(tied[np.argsort(-score[tied], kind="stable")[:_MOST_TIED]])
    if len(tied) == 1:
        return int(tied[0])
    exact = measured(tied)
    return int(tied[np.argmax(exact >= exact.max() - 1e-9 * abs(exact.max()))])


def one_blas_thread() -> AbstractContextManager[Any]:
    """While it is entered, numpy's matrix products use a single thread.

    The last bits of a product depend on how many threads share it.
    """
    limit: AbstractContextManager[Any] = _blas().limit(limits=1)
    return limit


@cache
def _blas() -> Any:
    # Kept, because looking for the libraries that are loaded takes milliseconds.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def over_blocks(work: Callable[[slice], Result], blocks: list[slice]) -> list[Result]:
    """What ``work`` gives for each block, by all cores: the same bits however many there are."""
    with one_blas_thread():
        if len(blocks) == 1:
            return [work(blocks[0])]
        with ThreadPoolExecutor(min(len(blocks), cores())) as workers:
            return list(workers.map(work, blocks))


def lowest_copies(unit: Unit) -> NDArray[np.int64]:
    """(n,) the lowest of the rows that are exact copies of each; itself where there is none."""
    n, d = unit.shape
    factors = np.random.default_rng(0).integers(1, 2**63, d, dtype=np.uint64) | np.uint64(1)
    hashed = np.empty(n, dtype=np.uint64)
    for part in row_blocks(n, max(1, 2**20 // d)):
        # Plus zero, so that -0.0 and 0.0 have the same bits.
        bits = np.ascontiguousarray(unit[part] + np.float32(0)).view(np.uint32)
        hashed[part] = bits.astype(np.uint64) @ factors
    _, first, group = np.unique(hashed, return_index=True, return_inverse=True)
    lowest = first[group].astype(np.int64)
    others = np.flatnonzero(lowest != np.arange(n))
    chance = others[(unit[others] != unit[lowest[others]]).any(axis=1)]
    lowest[chance] = chance
    return lowest


def row_numbers(rows: Rows | slice) -> Rows:
    """The rows of a slice one by one; other rows as they are."""
    if isinstance(rows, slice):
        return np.arange(rows.start, rows.stop)
    return rows


def row_blocks(n: int, size: int) -> list[slice]:
    """Slices of at most ``size`` rows that together make up range(n)."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def nearest_distances(
    unit: Unit, rows: Rows, *, start: NDArray[np.float64] | None = None, block: int = 4096
) -> NDArray[np.float64]:
    """(n,) distance from every row to the nearest of ``rows``; infinity where there are none.

    The nearest row is found in float32, its distance measured in float64. ``start`` holds
    distances already known to other rows.
    """
    out = np.full(len(unit), np.inf) if start is None else start.copy()
    rows = np.asarray(rows, dtype=np.int64)
    for columns in row_blocks(len(rows), 2048):
        targets = rows[columns]
        for part in row_blocks(len(unit), block):
            similarity = unit[part] @ unit[targets].T
            nearest = targets[np.argmax(similarity, axis=1)]
            measured = distances_of_pairs(unit, row_numbers(part), nearest)
            np.minimum(out[part], measured, out=out[part])
    return out
