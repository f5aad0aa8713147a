"""Maps as a browser draws them: places packed into two bytes a direction, and lassos over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = 65_535
_EDGES_AT_ONCE = 4_000_000


def pack_layout(layout: ArrayLike) -> NDArray[np.uint16]:
    """A layout (n, 2) as whole numbers from 0 to 65,535, both directions by the same scale, the
    shorter one in the middle: (n, 2) uint16."""
    places = np.asarray(layout, dtype=np.float64)
    if places.size == 0:
        return np.empty((0, 2), dtype=np.uint16)
    low, high = places.min(axis=0), places.max(axis=0)
    size = max(float((high - low).max()), 1e-12)
    margin = (1 - (high - low) / size) / 2
    packed = np.rint(LARGEST * ((places - low) / size + margin))
    return np.clip(packed, 0, LARGEST).astype(np.uint16)


def inside_polygon(points: ArrayLike, polygon: ArrayLike) -> NDArray[np.bool_]:
    """(n,) whether each of ``points`` (n, 2) lies inside ``polygon`` (k, 2), by the even-odd rule:
    where a lasso crosses itself, what is encircled twice is outside.

    The polygon closes by itself. Fewer than three corners hold nothing.
    """
    where = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    inside = np.zeros(len(where), dtype=bool)
    if len(corners) < 3 or not np.isfinite(corners).all():
        return inside
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((where >= low) & (where <= high)).all(axis=1))
    ends = np.roll(corners, -1, axis=0)
    step = max(1, _EDGES_AT_ONCE // len(corners))
    for start in range(0, len(near), step):
        rows = near[start : start + step]
        x, y = where[rows, 0, None], where[rows, 1, None]
        crosses = (corners[:, 1] > y) != (ends[:, 1] > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (ends[:, 0] - corners[:, 0]) / (ends[:, 1] - corners[:, 1])
            at = corners[:, 0] + (y - corners[:, 1]) * slope
        inside[rows] = (crosses & (x < at)).sum(axis=1) % 2 == 1
    return inside
