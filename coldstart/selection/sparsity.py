"""How far an image lies from its neighbours: where a pool is sparse, rare classes are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldstart.selection.exact import distances_of_pairs, over_blocks, row_blocks, row_numbers
from coldstart.selection.pool import Pool

_SAMPLE_ROWS = 1_000
_NEIGHBOUR = 5
_MOST = 2.0
_BLOCK_ROWS = 2_048


def sparsity(pool: Pool) -> NDArray[np.float64]:
    """(n,) the distance to the fifth nearest of 1,000 images drawn at random (of all images, where
    there are fewer), divided by the median of the pool; from 0.5 to 2.

    So that it says the same of a pool and of a part of it, and outliers and copies end somewhere.
    """
    known: NDArray[np.float64] | None = pool.cache.get("sparsity")
    if known is not None:
        return known
    unit = pool.unit
    drawn = np.sort(np.random.default_rng(0).permutation(pool.n)[:_SAMPLE_ROWS])
    place = min(_NEIGHBOUR, len(drawn) - 1)
    if place < 1:
        return np.ones(pool.n)

    def measure(part: slice) -> NDArray[np.float64]:
        rows = row_numbers(part)
        closeness = unit[part] @ unit[drawn].T
        closeness[rows[:, None] == drawn] = -np.inf
        nearest = np.argpartition(closeness, len(drawn) - place, axis=1)[:, len(drawn) - place]
        return distances_of_pairs(unit, rows, drawn[nearest])

    distance = np.concatenate(over_blocks(measure, row_blocks(pool.n, _BLOCK_ROWS)))
    middle = float(np.median(distance))
    if middle == 0:
        return np.ones(pool.n)
    # Rounded, because which of two is the fifth may hang on the last bits of a product.
    apart: NDArray[np.float64] = np.clip(distance / middle, 1 / _MOST, _MOST)
    found: NDArray[np.float64] = apart.round(4)[pool.lowest_copy]
    pool.cache["sparsity"] = found
    return found
