"""How good an embedding is, before any label: pure arrays in, numbers out.

None of these is an accuracy. They say how a set is shaped, so that two sets of the same images can
be laid side by side; whether they go with accuracy is measured in docs/evidence.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 2_000
NEIGHBOURS = 10
PSEUDO_CLASSES = 10
SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
"""Of all pairs, how many are within the radius: by this two sets of other scales are compared."""


@dataclass(frozen=True, eq=False)
class Measures:
    """What can be said of a set without labels, on ``rows`` random images of it.

    purity : (r,) float64, for each of `SHARES` the share of balls whose members all are of one
        pseudo-class (k-means group); radii : (r,) float64, the radius each share stands for.
    purity_area : mean of ``purity``, 0 to 1, higher is better separated.
    neighbour_stability : 0 to 1, how much of the ten nearest neighbours two random halves of the
        coordinates agree in; 1 when every half tells the whole story.
    intrinsic_dimension : how many directions the images really vary in (TwoNN).
    hubness : skewness of how often an image is among the ten nearest of others; high when a few
        images are everybody's neighbour.
    """

    rows: int
    dimension: int
    purity: NDArray[np.float64]
    radii: NDArray[np.float64]
    purity_area: float
    neighbour_stability: float
    intrinsic_dimension: float
    hubness: float
    shares: tuple[float, ...] = field(default=SHARES)


def measure(vectors: NDArray[np.float32], *, classes: int | None = None, seed: int = 0) -> Measures:
    """Every measure of (n, d) vectors, on at most 2,000 random rows.

    ``classes`` is the number of pseudo-classes, by default 10; only directions count. Raises
    ValueError for fewer than four rows that differ.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(vectors))[:MOST_ROWS])
    unit = _unit(np.asarray(vectors[rows]))
    if len(np.unique(unit, axis=0)) < 4:
        raise ValueError("measures need at least four different vectors")
    radii, purity = purity_against_radius(unit, classes=classes, seed=seed)
    return Measures(
        rows=len(unit),
        dimension=unit.shape[1],
        purity=purity,
        radii=radii,
        purity_area=float(purity.mean()),
        neighbour_stability=neighbour_stability(unit, seed=seed),
        intrinsic_dimension=intrinsic_dimension(unit),
        hubness=hubness(unit),
    )


def purity_against_radius(
    unit: NDArray[np.float32], *, classes: int | None = None, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ProbCover's purity (Yehuda et al. 2022, §4.2) at twelve radii of (n, d) unit vectors.

    The pseudo-classes are k-means groups. Returns (radii, purity), each (12,) float64: the radius
    within which a share of `SHARES` of all pairs lies, and the share of balls of that radius whose
    members are all of the centre's group.
    """
    groups = _groups(unit, min(classes or PSEUDO_CLASSES, len(unit)), seed)
    distances = np.sqrt(np.maximum(2.0 - 2.0 * (unit @ unit.T), 0.0))
    other = groups[:, None] != groups[None, :]
    nearest_other = np.where(other, distances, np.inf).min(axis=1)
    pairs = distances[np.triu_indices(len(unit), 1)]
    radii = np.quantile(pairs, SHARES)
    purity = (nearest_other[None, :] > radii[:, None]).mean(axis=1)
    return radii.astype(np.float64), purity.astype(np.float64)


def neighbour_stability(
    unit: NDArray[np.float32], *, neighbours: int = NEIGHBOURS, repeats: int = 4, seed: int = 0
) -> float:
    """Mean share of the nearest neighbours that two random halves of the coordinates agree in.

    The coordinates are turned at random first, so that no order of theirs (as PCA's) counts. Split
    halves are the oldest measure of reliability (Spearman 1910). 1.0 for vectors of one dimension.
    """
    count, dimension = unit.shape
    if dimension < 2:
        return 1.0
    k = min(neighbours, count - 1)
    random = np.random.default_rng(seed)
    shares = []
    for _ in range(repeats):
        turn, _ = np.linalg.qr(random.normal(size=(dimension, dimension)))
        turned = unit @ turn.astype(np.float32)
        first = _nearest(turned[:, : dimension // 2], k)
        second = _nearest(turned[:, dimension // 2 :], k)
        both = (first[:, :, None] == second[:, None, :]).any(axis=2)
        shares.append(both.mean())
    return float(np.mean(shares))


def intrinsic_dimension(unit: NDArray[np.float32]) -> float:
    """TwoNN (Facco et al. 2017): from the ratio of the distances to the two nearest neighbours.

    Maximum likelihood, the largest tenth of the ratios left out as the paper does; copies of an
    image count once. NaN when fewer than four images differ.
    """
    unit = np.unique(unit, axis=0)
    if len(unit) < 4:
        return float("nan")
    squared = np.maximum(2.0 - 2.0 * (unit.astype(np.float64) @ unit.T), 0.0)
    np.fill_diagonal(squared, np.inf)
    two = np.sqrt(np.partition(squared, 1, axis=1)[:, :2])
    ratios = np.sort(two[two[:, 0] > 1e-7][:, 1] / two[two[:, 0] > 1e-7][:, 0])
    # The fit of -log(1 - F) against log(ratio) through the origin, F the empirical distribution.
    kept = ratios[: max(2, int(0.9 * len(ratios)))]
    if len(kept) < 2:
        return float("nan")
    x = np.log(kept)
    y = -np.log1p(-np.arange(1, len(kept) + 1) / (len(ratios) + 1.0))
    return float((x @ y) / max(float(x @ x), 1e-12))


def hubness(unit: NDArray[np.float32], *, neighbours: int = NEIGHBOURS) -> float:
    """Skewness of how often each image is among the nearest neighbours of others.

    Radovanović, Nanopoulos & Ivanović 2010.
    """
    k = min(neighbours, len(unit) - 1)
    counts = np.bincount(_nearest(unit, k).ravel(), minlength=len(unit)).astype(np.float64)
    spread = counts.std()
    return 0.0 if spread == 0 else float(np.mean(((counts - counts.mean()) / spread) ** 3))


def neighbour_agreement(
    one: NDArray[np.float32], other: NDArray[np.float32], *, neighbours: int = NEIGHBOURS
) -> float:
    """Mean share of the nearest neighbours that two sets of the same n images have in common.

    (n, d) and (n, e) vectors whose rows belong to the same images, at most some thousand.
    """
    k = min(neighbours, len(one) - 1)
    first, second = _nearest(_unit(one), k), _nearest(_unit(other), k)
    return float((first[:, :, None] == second[:, None, :]).any(axis=2).mean())


def _nearest(vectors: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """(n, k) rows nearest to each row by distance, itself left out."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    distances = squares[None, :] - 2.0 * (vectors @ vectors.T)
    np.fill_diagonal(distances, np.inf)
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def _groups(unit: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    found = KMeans(count, n_init=3, random_state=seed).fit_predict(unit)
    return np.asarray(found, dtype=np.int64)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    block = np.asarray(vectors, dtype=np.float32)
    return block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)
