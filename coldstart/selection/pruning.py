"""Finding close pairs by their leading principal components first, without missing any.

For an orthonormal basis V, x·y = Vx·Vy + (rest of x)·(rest of y), and the last term is at most the
product of the two rests' lengths. So [Vx, length of the rest] has a dot product that is never below
x·y: pairs below the threshold there are far, and only the others need all d columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.selection.exact import Unit, rounding_band, row_blocks, similarity_threshold

_TRIED = (16, 32, 64, 128, 256)
_FIT_ROWS = 4_000
_SAMPLE_ROWS = 512
# Checking one candidate pair costs about this many times its share of a matrix product.
_CHECK_COST = 4.0
_WORTH_IT = 0.8
# Below this many times its own work the whole product is done before the basis is found.
_FEWEST_TIMES_FIT = 60


@dataclass(frozen=True)
class Bounds:
    """(n, k + 1) float32 rows whose dot products are never less than those of the unit vectors,
    but for rounding of at most ``slack``."""

    rows: NDArray[np.float32]
    slack: float


def useful_bounds(unit: Unit, delta: float, *, seed: int = 0) -> Bounds | None:
    """The bounds with the number of components that should save most, or None when none saves.

    The share of pairs that would need a second look is estimated on 512 random rows.
    """
    n, d = unit.shape
    if d < 2 * _TRIED[0] or n * n * d < _FEWEST_TIMES_FIT * (d**3 + _FIT_ROWS * d**2):
        return None
    generator = np.random.default_rng(seed)
    some = unit[np.sort(generator.permutation(n)[:_FIT_ROWS])].astype(np.float64)
    # Largest first; not centred, because it is the dot product itself that is split.
    basis = np.linalg.eigh(some.T @ some)[1][:, ::-1]
    sample = unit[generator.permutation(n)[: 2 * _SAMPLE_ROWS]]
    best, best_cost = 0, _WORTH_IT
    for count in _TRIED:
        if count >= d // 2:
            break
        rows = _bound_rows(sample, basis[:, :count])
        above = rows[:_SAMPLE_ROWS] @ rows[_SAMPLE_ROWS:].T > similarity_threshold(delta)
        # 16 columns' worth pays for scanning the tile; the products are otherwise in proportion.
        cost = (count + 16) / d + _CHECK_COST * float(above.mean())
        if cost < best_cost:
            best, best_cost = count, cost
    if best == 0:
        return None
    return Bounds(_bound_rows(unit, basis[:, :best]), 2 * rounding_band(d))


def _bound_rows(unit: Unit, basis: NDArray[np.float64]) -> NDArray[np.float32]:
    out = np.empty((len(unit), basis.shape[1] + 1), dtype=np.float32)
    for part in row_blocks(len(unit), 4096):
        rows = unit[part].astype(np.float64)
        leading = rows @ basis
        rest = np.einsum("ij,ij->i", rows, rows) - np.einsum("ij,ij->i", leading, leading)
        out[part, :-1] = leading
        out[part, -1] = np.sqrt(np.maximum(rest, 0))
    return out
