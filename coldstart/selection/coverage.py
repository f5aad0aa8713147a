"""How much of a pool some picks cover, how pure the balls are, and how far apart images lie.

Distances are between unit vectors; a row is covered when a pick is less than delta away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import distances_of_pairs, row_blocks, within_tile
from coldstart.selection.neighbours import RadiusGraph
from coldstart.selection.pool import Pool

_EVALUATION_ROWS = 2_000


@dataclass(frozen=True)
class CurveBand:
    """A curve over labels spent, entry i after i picks: ``mean``, and the ``low`` (5%) and ``high``
    (95%) ends of the band over repeats; all (budget + 1,) shares of the pool."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def covered_mask(
    embeddings: ArrayLike | Pool, rows: ArrayLike, delta: float, *, graph: RadiusGraph | None = None
) -> NDArray[np.bool_]:
    """(n,) whether each row is less than ``delta`` from any of ``rows``."""
    return first_cover(embeddings, rows, delta, graph=graph) < _count(rows)


def coverage_curve(
    embeddings: ArrayLike | Pool,
    order: ArrayLike,
    delta: float,
    *,
    labelled: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    graph: RadiusGraph | None = None,
) -> NDArray[np.float64]:
    """(len(order) + 1,) share of the pool covered after 0, 1, 2, … picks in this order.

    ``labelled`` rows cover from the start. ``embeddings`` may be a `Pool`, which brings its graph.
    """
    pool = _as_pool(embeddings)
    before = _rows(labelled, pool.n)
    picks = _rows(order, pool.n)
    mass = pool.mass if weights is None else Pool(pool.embeddings, weights=weights).mass
    first = first_cover(pool, np.concatenate([before, picks]), delta, graph=graph)
    steps = np.clip(first - len(before) + 1, 0, len(picks) + 1)
    counted = np.bincount(steps, weights=mass, minlength=len(picks) + 2)
    curve: NDArray[np.float64] = np.cumsum(counted)[: len(picks) + 1] / mass.sum()
    return curve


def random_coverage_curve(
    embeddings: ArrayLike | Pool,
    budget: int,
    delta: float,
    *,
    repeats: int = 20,
    seed: int = 0,
    labelled: ArrayLike | None = None,
    graph: RadiusGraph | None = None,
) -> CurveBand:
    """Coverage that images drawn at random would reach, after 0 to ``budget`` picks.

    Beyond 2,000 images and without a graph, coverage is measured on 2,000 random rows, which adds
    about one point of noise to the band.
    """
    pool = _as_pool(embeddings)
    graph = graph or pool.graph
    if graph is not None and graph.delta < delta:
        graph = None
    generator = np.random.default_rng(seed)
    before = _rows(labelled, pool.n)
    free = np.setdiff1d(np.arange(pool.n), before)
    budget = min(budget, len(free))
    mass, targets = pool.mass, np.arange(pool.n)
    if graph is None and pool.n > _EVALUATION_ROWS:
        targets = np.sort(generator.permutation(pool.n)[:_EVALUATION_ROWS])
    curves = np.empty((repeats, budget + 1))
    for repeat in range(repeats):
        order = np.concatenate([before, generator.permutation(free)[:budget]])
        first = first_cover(pool, order, delta, graph=graph, targets=targets)
        steps = np.clip(first - len(before) + 1, 0, budget + 1)
        counted = np.bincount(steps, weights=mass[targets], minlength=budget + 2)
        curves[repeat] = np.cumsum(counted)[: budget + 1] / mass[targets].sum()
    low, high = np.quantile(curves, [0.05, 0.95], axis=0)
    return CurveBand(curves.mean(axis=0), low, high)


def first_cover(
    embeddings: ArrayLike | Pool,
    order: ArrayLike,
    delta: float,
    *,
    graph: RadiusGraph | None = None,
    targets: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """(n,) the place in ``order`` of the first pick that covers each row; len(order) for none.

    With ``targets`` only for these rows.
    """
    if not delta > 0:
        raise ValueError(f"delta must be a number above 0; got {delta!r}")
    pool = _as_pool(embeddings)
    rows = _rows(order, pool.n)
    graph = graph or pool.graph
    if graph is not None and graph.delta >= delta:
        everywhere = graph.balls(delta, pool.unit).first_of(rows)
        return everywhere if targets is None else everywhere[targets]
    wanted = np.arange(pool.n) if targets is None else targets
    first = np.full(len(wanted), len(rows), dtype=np.int64)
    for columns in row_blocks(len(rows), 1024):
        for part in row_blocks(len(wanted), 4096):
            within = within_tile(pool.unit, wanted[part], rows[columns], delta)
            place = np.where(within.any(axis=1), columns.start + within.argmax(axis=1), len(rows))
            np.minimum(first[part], place, out=first[part])
    return first


def nearest_enemy_distances(
    embeddings: ArrayLike | Pool,
    pseudo_classes: ArrayLike,
    *,
    rows: NDArray[np.int64] | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """(n,) distance from each row to the nearest row of another class; infinity if there is none.

    A ball is pure exactly when its radius is at most this. With ``rows``, only for these rows.
    """
    pool = _as_pool(embeddings)
    classes = np.unique(np.asarray(pseudo_classes), return_inverse=True)[1]
    if classes.shape != (pool.n,):
        raise ValueError(f"pseudo_classes must have shape ({pool.n},); got {classes.shape}")
    wanted = np.arange(pool.n) if rows is None else rows
    # Sorted by class, a row's own class is one run of columns that the products can leave out.
    order = np.argsort(classes, kind="stable")
    by_class = pool.unit[order]
    bounds = np.searchsorted(classes[order], np.arange(classes.max() + 2))
    out = np.full(len(wanted), np.inf)
    for number in range(classes.max() + 1):
        progress(number, int(classes.max()) + 1, "measuring purity")
        mine = np.flatnonzero(classes[wanted] == number)
        start, stop = bounds[number], bounds[number + 1]
        for enemies in (slice(0, start), slice(stop, pool.n)):
            for columns in row_blocks(enemies.stop - enemies.start, 8192):
                first_column = enemies.start + columns.start
                block = by_class[first_column : enemies.start + columns.stop]
                for part in row_blocks(len(mine), 2048):
                    here = mine[part]
                    nearest = np.argmax(pool.unit[wanted[here]] @ block.T, axis=1)
                    enemy = order[first_column + nearest]
                    measured = distances_of_pairs(pool.unit, wanted[here], enemy)
                    out[here] = np.minimum(out[here], measured)
    return out


def purity_curve(
    embeddings: ArrayLike | Pool, pseudo_classes: ArrayLike, deltas: ArrayLike
) -> NDArray[np.float64]:
    """(len(deltas),) share of balls whose members all share one pseudo-class (ProbCover, §4)."""
    enemies = np.sort(nearest_enemy_distances(embeddings, pseudo_classes))
    wanted = np.asarray(deltas, dtype=np.float64)
    share: NDArray[np.float64] = 1 - np.searchsorted(enemies, wanted, side="left") / len(enemies)
    return share


def distance_quantiles(
    embeddings: ArrayLike | Pool, quantiles: ArrayLike, *, pairs: int = 200_000, seed: int = 0
) -> NDArray[np.float64]:
    """Quantiles of the distance between two images: of all pairs, or of ``pairs`` random ones."""
    pool = _as_pool(embeddings)
    if pool.n < 2:
        return np.zeros(np.shape(quantiles))
    if pool.n * (pool.n - 1) // 2 <= pairs:
        first, second = np.triu_indices(pool.n, 1)
    else:
        generator = np.random.default_rng(seed)
        first = generator.integers(0, pool.n, pairs)
        second = (first + generator.integers(1, pool.n, pairs)) % pool.n
    found: NDArray[np.float64] = np.quantile(
        distances_of_pairs(pool.unit, first, second), np.asarray(quantiles)
    )
    return found


def _as_pool(embeddings: ArrayLike | Pool) -> Pool:
    return embeddings if isinstance(embeddings, Pool) else Pool(embeddings)


def _count(rows: ArrayLike) -> int:
    return len(np.asarray(rows))


def _rows(rows: ArrayLike | Sequence[int] | None, n: int) -> NDArray[np.int64]:
    array = np.asarray([] if rows is None else rows)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n:
        raise ValueError(f"rows must be a list of row numbers from 0 to {n - 1}; got {array!r:.80}")
    return array.astype(np.int64)
