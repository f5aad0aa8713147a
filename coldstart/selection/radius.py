"""Choosing ProbCover's radius without a label.

``auto``: run the greedy for a dozen radii and keep the one whose picks lie closest to the pool
(smallest mean distance from an image to its nearest pick); on image embeddings this mends what the
paper's rule loses. ``paper``: the largest radius at which 95% of the balls hold one pseudo-class
(Yehuda et al., 2022, §4.2), read off the distances to the nearest other class, without a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.coverage import distance_quantiles, nearest_enemy_distances
from coldstart.selection.greedy_cover import greedy_cover
from coldstart.selection.kmeans import kmeans
from coldstart.selection.neighbours import RadiusGraph, radius_graph
from coldstart.selection.pool import Pool

# Shares of all pairs that are closer than the radius, from 0.1% to 30%.
GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
_FEWEST_ROWS, _MOST_ROWS = 4_000, 10_000
_ROWS_PER_PICK = 20
# A search goes on to the next of these, so that one serves every budget a person tries.
_SEARCHED_TO = (200, 500, 1_000, 2_000, 5_000)
_ENEMY_ROWS = 20_000
_CLASS_NUMBERS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
_FALLBACK_DELTA = 0.5


@dataclass(frozen=True)
class RadiusSearch:
    """Mean distance from the pool to its nearest pick: ``mean_distance[i, b]`` for radius
    ``deltas[i]`` after b picks; ``rows`` is on how many images it was measured."""

    deltas: NDArray[np.float64]
    mean_distance: NDArray[np.float64]
    rows: int

    def best(self, budget: int) -> float:
        """The radius with the smallest mean distance after ``budget`` picks; ties: the smallest."""
        at = min(budget, self.mean_distance.shape[1] - 1)
        return float(self.deltas[np.argmin(self.mean_distance[:, at])])


def search_radius(
    pool: Pool, budget: int, *, seed: int = 0, progress: Progress = silent
) -> RadiusSearch:
    """Try the radii of `GRID` up to ``budget`` picks, on at most 4,000 to 10,000 random images.

    One search serves every budget up to the next of 200, 500, 1,000, 2,000 and 5,000, and is kept
    in ``pool.cache``.
    """
    budget = next((one for one in _SEARCHED_TO if one >= budget), budget)
    sample = int(np.clip(_ROWS_PER_PICK * budget, _FEWEST_ROWS, _MOST_ROWS))
    known: RadiusSearch | None = pool.cache.get(("radius", budget, seed))
    if known is not None:
        return known
    small, _ = pool.random_part(sample, seed)
    quantiles = distance_quantiles(small.unit, np.array(GRID), seed=seed)
    # Four decimals are enough to read, and no pair of images lies exactly on the radius.
    deltas = np.unique(np.round(quantiles, 4))
    deltas = deltas[deltas > 0]
    if len(deltas) == 0:
        deltas = np.array([_FALLBACK_DELTA])
    picks = max(1, min(budget, int(small.candidates.sum()), max(1, small.n // 2)))
    graph = radius_graph(small.unit, float(deltas[-1]))
    curves = np.empty((len(deltas), picks + 1))
    for number, delta in enumerate(deltas.tolist()):
        progress(number, len(deltas), "trying radii")
        curves[number] = _mean_distances(small, graph, delta, picks)
    search = RadiusSearch(deltas, curves, small.n)
    pool.cache["radius", budget, seed] = search
    return search


def paper_radius(
    pool: Pool,
    *,
    classes: int | None = None,
    alpha: float = 0.95,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[float, int]:
    """The largest radius at which a share ``alpha`` of the balls is pure, and the number of
    pseudo-classes (k-means groups) it was measured with: ``classes``, or the best by silhouette.

    Beyond 20,000 images the quantile is taken over 20,000 of the balls, each checked on the whole
    pool.
    """
    if pool.n < 2:
        return _FALLBACK_DELTA, 1
    count = min(pool.n, classes or estimate_classes(pool, seed=seed, progress=progress))
    groups = kmeans(pool.unit, count, seed=seed, starts=3, progress=progress).of_row
    rows = None
    if pool.n > _ENEMY_ROWS:
        rows = np.random.default_rng(seed).permutation(pool.n)[:_ENEMY_ROWS]
    enemies = np.sort(nearest_enemy_distances(pool, groups, rows=rows, progress=progress))
    # At least a share alpha of the balls must have their nearest enemy no closer than delta.
    at = len(enemies) - int(np.ceil(alpha * len(enemies) - 1e-9))
    delta = float(enemies[min(at, len(enemies) - 1)])
    if delta <= 0:
        delta = float(enemies[enemies > 0].min(initial=np.inf))
    return (delta if np.isfinite(delta) else 2.0), count


def estimate_classes(pool: Pool, *, seed: int = 0, progress: Progress = silent) -> int:
    """How many groups the pool falls into: classes seen in the labels, or the number of k-means
    groups with the best simplified silhouette, on at most 2,000 images."""
    if pool.labels is not None and len(set(pool.labels.tolist())) > 1:
        return len(set(pool.labels.tolist()))
    small = pool.random_part(2_000, seed)[0].unit
    best, best_score = 1, -np.inf
    for number, count in enumerate(_CLASS_NUMBERS):
        progress(number, len(_CLASS_NUMBERS), "guessing the number of classes")
        if count >= len(small):
            break
        centres = kmeans(small, count, seed=seed, starts=2).centres
        squared = 1 + np.einsum("ij,ij->i", centres, centres) - 2 * (small @ centres.T)
        nearest = np.sqrt(np.maximum(0, np.partition(squared, 1, axis=1)[:, :2]))
        score = float(np.mean(1 - nearest[:, 0] / np.maximum(nearest[:, 1], 1e-9)))
        if score > best_score:
            best, best_score = count, score
    return best


def widest_radius(pool: Pool, *, limit_bytes: int, seed: int = 0) -> float:
    """The largest radius in `GRID`'s reach whose pairs fit the limit, about."""
    share = min(GRID[-1], limit_bytes / (8 * pool.n**2))
    return round(max(float(distance_quantiles(pool, [share], seed=seed)[0]), 1e-4), 4)


def widest_graph(
    pool: Pool,
    *,
    limit_bytes: int = 2**29,
    engine: str = "local",
    seed: int = 0,
    progress: Progress = silent,
) -> RadiusGraph:
    """The graph of `widest_radius`: worth keeping, since it serves every smaller radius."""
    delta = widest_radius(pool, limit_bytes=limit_bytes, seed=seed)
    return radius_graph(pool.unit, delta, engine=engine, progress=progress)


def _mean_distances(
    pool: Pool, graph: RadiusGraph, delta: float, budget: int
) -> NDArray[np.float64]:
    """(budget + 1,) mean distance of the pool to the nearest labelled image or greedy pick."""
    cover = greedy_cover(
        pool.unit,
        delta,
        budget,
        balls_of=lambda radius: graph.balls(radius, pool.unit),
        candidates=pool.candidates,
        chosen=pool.labelled,
        mass=pool.mass,
    )
    start = np.full(pool.n, -1.0, dtype=np.float32)
    if len(pool.labelled):
        start = (pool.unit @ pool.unit[pool.labelled].T).max(axis=1)
    closeness = np.empty((pool.n, budget + 1), dtype=np.float32)
    closeness[:, 0] = start
    closeness[:, 1:] = pool.unit @ pool.unit[cover.rows].T
    np.maximum.accumulate(closeness, axis=1, out=closeness)
    distance = np.sqrt(np.maximum(0, 2 - 2 * closeness, dtype=np.float64))
    found: NDArray[np.float64] = pool.mass @ distance / pool.mass.sum()
    return found
