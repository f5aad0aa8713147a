"""Inner loops over edges, compiled by numba and cached on disk beside this file.

Each decides "closer than delta" in the same way: from the stored float32 similarity where that is
surely above or below the threshold, else from the float64 distance of the two float32 rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Array = Any
Function = TypeVar("Function", bound=Callable[..., Any])


def _compile(*, fastmath: bool = False) -> Callable[[Function], Function]:
    """numba.njit without the lock, cached on disk where there is a place to write."""

    def decorate(function: Function) -> Function:
        try:
            compiled: Any = numba.njit(cache=True, nogil=True, fastmath=fastmath)(function)
        except RuntimeError:
            # Neither this folder nor the person's cache folder can be written.
            compiled = numba.njit(nogil=True, fastmath=fastmath)(function)
        return cast(Function, compiled)

    return decorate


@_compile()
def distance(unit: Array, first: int, second: int) -> float:
    """The distance of two rows: differences squared and summed in float64, in order."""
    total = 0.0
    for column in range(unit.shape[1]):
        difference = np.float64(unit[first, column]) - np.float64(unit[second, column])
        total += difference * difference
    return math.sqrt(total)


@_compile()
def distances(unit: Array, first: Array, second: Array, out: Array) -> None:
    """`distance` of each pair."""
    for place in range(len(first)):
        out[place] = distance(unit, first[place], second[place])


@_compile()
def squared_distances(unit: Array, of_row: Array, centres: Array, out: Array) -> None:
    """Squared distance of each row to its centre, summed in float64, in order."""
    for row in range(len(unit)):
        total = 0.0
        for column in range(unit.shape[1]):
            difference = np.float64(unit[row, column]) - np.float64(centres[of_row[row], column])
            total += difference * difference
        out[row] = total


@_compile()
def keep_close(
    unit: Array, row: Array, column: Array, close: Array, low: float, high: float, delta: float
) -> int:
    """Move the pairs that are closer than delta to the front of the three arrays; how many."""
    kept = 0
    for place in range(len(row)):
        similarity = close[place]
        if similarity > high or (
            similarity > low and distance(unit, row[place], column[place]) < delta
        ):
            row[kept] = row[place]
            column[kept] = column[place]
            close[kept] = similarity
            kept += 1
    return kept


@_compile()
def count_rows(row: Array, count: Array) -> None:
    """Add one to the count of each row named."""
    for place in range(len(row)):
        count[row[place]] += 1


@_compile()
def place_edges(
    row: Array, column: Array, close: Array, cursor: Array, indices: Array, similarities: Array
) -> None:
    """Write each edge at its row's cursor and move the cursor on."""
    for place in range(len(row)):
        at = cursor[row[place]]
        indices[at] = column[place]
        similarities[at] = close[place]
        cursor[row[place]] = at + 1


@_compile()
def count_kept(
    indptr: Array, indices: Array, similarities: Array, rows: Array, place: Array, count: Array
) -> None:
    """How many neighbours of each of ``rows`` are kept: those with a new place, not -1."""
    for number in range(len(rows)):
        kept = 0
        for edge in range(indptr[rows[number]], indptr[rows[number] + 1]):
            kept += place[indices[edge]] >= 0
        count[number] = kept


@_compile()
def place_kept(
    indptr: Array,
    indices: Array,
    similarities: Array,
    rows: Array,
    place: Array,
    new_indptr: Array,
    new_indices: Array,
    new_similarities: Array,
) -> None:
    """Write the kept neighbours of each of ``rows`` under their new places."""
    for number in range(len(rows)):
        at = new_indptr[number]
        for edge in range(indptr[rows[number]], indptr[rows[number] + 1]):
            if place[indices[edge]] >= 0:
                new_indices[at] = place[indices[edge]]
                new_similarities[at] = similarities[edge]
                at += 1


@_compile()
def mark_covered(
    unit: Array,
    indptr: Array,
    indices: Array,
    similarities: Array,
    rows: Array,
    low: float,
    high: float,
    delta: float,
    covered: Array,
) -> None:
    """Set ``covered`` for everything closer than delta to one of ``rows``."""
    for row in rows:
        for edge in range(indptr[row], indptr[row + 1]):
            similarity = similarities[edge]
            if similarity > high or (
                similarity > low and distance(unit, row, indices[edge]) < delta
            ):
                covered[indices[edge]] = True


@_compile()
def sum_mass(
    unit: Array,
    indptr: Array,
    indices: Array,
    similarities: Array,
    mass: Array,
    low: float,
    high: float,
    delta: float,
    total: Array,
) -> None:
    """``total[row]`` is the mass of everything closer than delta to the row."""
    for row in range(len(total)):
        inside = 0.0
        for edge in range(indptr[row], indptr[row + 1]):
            similarity = similarities[edge]
            if similarity > high or (
                similarity > low and distance(unit, row, indices[edge]) < delta
            ):
                inside += mass[indices[edge]]
        total[row] = inside


@_compile()
def count_inside(
    unit: Array,
    indptr: Array,
    indices: Array,
    similarities: Array,
    low: float,
    high: float,
    delta: float,
    count: Array,
) -> None:
    """``count[row]`` is how many are closer than delta to the row."""
    if low == -np.inf:
        for row in range(len(count)):
            count[row] = indptr[row + 1] - indptr[row]
        return
    for row in range(len(count)):
        surely, perhaps = 0, 0
        for edge in range(indptr[row], indptr[row + 1]):
            surely += similarities[edge] > high
            perhaps += similarities[edge] > low
        if perhaps > surely:
            for edge in range(indptr[row], indptr[row + 1]):
                if low < similarities[edge] <= high:
                    surely += distance(unit, row, indices[edge]) < delta
        count[row] = surely


@_compile()
def subtract_mass(
    unit: Array,
    indptr: Array,
    indices: Array,
    similarities: Array,
    rows: Array,
    mass: Array,
    low: float,
    high: float,
    delta: float,
    total: Array,
) -> None:
    """Take the mass of each of ``rows`` from the total of everything closer than delta to it."""
    if low == -np.inf:
        # Every edge counts, so the similarities need not be read.
        for row in rows:
            taken = mass[row]
            near = indices[indptr[row] : indptr[row + 1]]
            for place in range(len(near)):
                # Unsigned, or each would be looked at for counting from the end.
                total[np.uint32(near[place])] -= taken
        return
    most = 0
    for row in rows:
        most = max(most, indptr[row + 1] - indptr[row])
    inside = np.empty(most + 1, dtype=np.uint32)
    for row in rows:
        taken = mass[row]
        near = indices[indptr[row] : indptr[row + 1]]
        similarity = similarities[indptr[row] : indptr[row + 1]]
        surely, perhaps = 0, 0
        # Without a branch that nobody could foresee: each is written down, the next one over it
        # where it is outside.
        for place in range(len(near)):
            inside[surely] = near[place]
            surely += similarity[place] > high
            perhaps += similarity[place] > low
        for place in range(surely):
            total[inside[place]] -= taken
        if perhaps > surely:
            for place in range(len(near)):
                if low < similarity[place] <= high and distance(unit, row, near[place]) < delta:
                    total[near[place]] -= taken


@_compile()
def first_in_order(
    unit: Array,
    indptr: Array,
    indices: Array,
    similarities: Array,
    rows: Array,
    low: float,
    high: float,
    delta: float,
    first: Array,
) -> None:
    """``first[i]`` is the place in ``rows`` of the first one closer than delta to i."""
    for place in range(len(rows) - 1, -1, -1):
        row = rows[place]
        for edge in range(indptr[row], indptr[row + 1]):
            similarity = similarities[edge]
            if similarity > high or (
                similarity > low and distance(unit, row, indices[edge]) < delta
            ):
                first[indices[edge]] = place


@_compile(fastmath=True)
def similarities_of(unit: Array, row: Array, column: Array, out: Array) -> None:
    """Float32 dot product of each pair of rows, in any order of summation."""
    for place in range(len(row)):
        first, second = unit[row[place]], unit[column[place]]
        total = np.float32(0)
        for entry in range(unit.shape[1]):
            total += first[entry] * second[entry]
        out[place] = total
