"""The papers' definitions, written as plainly as possible, to hold the product against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unit_rows(embeddings: NDArray) -> NDArray:
    """Rows divided by their length, in float64 and then rounded to float32."""
    rows = np.asarray(embeddings, dtype=np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def all_distances(unit: NDArray) -> NDArray:
    """(n, n) float64 distances, each from the difference of its two rows.

    Squares are summed one after the other, as the product does it: at a radius that *is* one of the
    distances, another order of summation differs in the last bit and decides the tie otherwise.
    """
    rows = unit.astype(np.float64)
    squares = (rows[:, None, :] - rows[None, :, :]) ** 2
    return np.sqrt(np.cumsum(squares, axis=2)[:, :, -1])


def sparsity(unit: NDArray) -> NDArray:
    """(n,) distance to the fifth nearest other row (or the last, of fewer) over the median."""
    nearest = np.sort(all_distances(unit), axis=1)[:, min(5, len(unit) - 1)]
    if np.median(nearest) == 0:
        return np.ones(len(unit))
    return np.clip(nearest / np.median(nearest), 0.5, 2)


def greedy_cover(
    unit: NDArray, delta: float, budget: int, labelled: list[int], mass: NDArray | None = None
) -> tuple[list[int], list[float]]:
    """ProbCover from the paper: drop the edges into what is covered, take the highest degree.

    Stops at saturation. Ties go to the lowest row. Returns picks and newly covered mass.
    """
    adjacent = all_distances(unit) < delta
    mass = np.ones(len(unit)) if mass is None else mass
    covered = adjacent[labelled].any(axis=0) if labelled else np.zeros(len(unit), dtype=bool)
    picks: list[int] = []
    gains: list[float] = []
    for _ in range(budget):
        degree = (adjacent & ~covered) @ mass
        degree[labelled + picks] = -1
        best = int(np.argmax(degree))
        if degree[best] <= 0:
            break
        picks.append(best)
        gains.append(float(degree[best]))
        covered |= adjacent[best]
    return picks, gains


def official_prob_cover(unit: NDArray, delta: float, budget: int, labelled: list[int]) -> list[int]:
    """The published code's choice: an edge list, scanned whole for every pick, in blocks of 500.

    Its picks are places in labelled-first order there; here rows. Rows beyond a multiple of 500 get
    no edge out of them, and once all is covered the first place is picked for ever.
    """
    n = len(unit)
    order = np.array([*labelled, *(row for row in range(n) if row not in set(labelled))])
    ordered = unit[order].astype(np.float64)
    x, y = [], []
    for block in range(n // 500):
        part = slice(500 * block, 500 * (block + 1))
        distance = np.linalg.norm(ordered[part, None] - ordered[None], axis=2)
        first, second = np.nonzero(distance < delta)
        x.append(first + part.start)
        y.append(second)
    edges = np.stack([np.concatenate(x), np.concatenate(y)])
    covered = edges[1][np.isin(edges[0], np.arange(len(labelled)))]
    edges = edges[:, ~np.isin(edges[1], covered)]
    picks = []
    for _ in range(budget):
        pick = int(np.argmax(np.bincount(edges[0], minlength=n)))
        new = edges[1][edges[0] == pick]
        edges = edges[:, ~np.isin(edges[1], new)]
        picks.append(int(order[pick]))
    return picks
