"""What can be said about picks once they are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldstart.selection.exact import distances_of_pairs, row_blocks
from coldstart.selection.pool import Pool


def distances_to_earlier(pool: Pool, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(len(rows),) distance of each pick to the nearest labelled image or earlier pick; infinity
    where there is none."""
    out = np.full(len(rows), np.inf)
    others = np.concatenate([pool.labelled, rows])
    known = len(pool.labelled)
    for part in row_blocks(len(rows), 1024):
        closeness = pool.unit[rows[part]] @ pool.unit[others].T
        place = np.arange(part.start, part.stop)
        closeness[np.arange(len(others))[None, :] >= known + place[:, None]] = -np.inf
        nearest = np.argmax(closeness, axis=1)
        exists = known + place > 0
        out[part][exists] = distances_of_pairs(
            pool.unit, rows[part][exists], others[nearest[exists]]
        )
    return out
