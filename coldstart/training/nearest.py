"""How often labelled images are told by their nearest labelled neighbours: a probe without fitting.

The k-NN accuracy on frozen vectors is how self-supervised encoders are compared (Wu et al. 2018;
Caron et al. 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5


def leave_one_out(
    vectors: NDArray[np.float32],
    class_names: Sequence[str],
    content_hashes: Sequence[str],
    *,
    neighbours: int = NEIGHBOURS,
) -> NDArray[np.bool_]:
    """(n,) whether each image has the class of most of its nearest others, weighted by cosine.

    vectors : (n, d); only directions count. class_names, content_hashes : (n,); a copy of an image
    is no neighbour of it. An image without any neighbour counts as wrong.
    """
    names, classes = np.unique(np.asarray(class_names, dtype=object), return_inverse=True)
    pictures = np.unique(np.asarray(content_hashes, dtype=object), return_inverse=True)[1]
    unit = np.asarray(vectors, dtype=np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    right = np.zeros(len(unit), dtype=bool)
    for start in range(0, len(unit), 1024):
        rows = slice(start, start + 1024)
        similar = unit[rows] @ unit.T
        similar[pictures[rows, None] == pictures[None, :]] = -np.inf
        nearest = np.argsort(-similar, axis=1, kind="stable")[:, :neighbours]
        weights = np.take_along_axis(similar, nearest, axis=1)
        # Cosines from -1 to 1 as votes from 0 to 2, so that a far neighbour still has some.
        votes = np.where(np.isfinite(weights), weights + 1.0, 0.0)
        totals = np.zeros((len(nearest), len(names)))
        for column in range(nearest.shape[1]):
            np.add.at(
                totals, (np.arange(len(nearest)), classes[nearest[:, column]]), votes[:, column]
            )
        right[rows] = (totals.argmax(axis=1) == classes[rows]) & (totals.max(axis=1) > 0)
    return right


def paired_difference(
    new: NDArray[np.bool_], old: NDArray[np.bool_]
) -> tuple[float, tuple[float, float]]:
    """How much more often ``new`` is right than ``old`` on the same images, with 95% limits.

    (n,) bool each. The interval is that of Agresti & Min 2005 for paired shares.
    """
    gained, lost = float((new & ~old).sum()), float((old & ~new).sum())
    count = len(new) + 2.0
    middle = (gained - lost) / count
    spread = np.sqrt(max(gained + lost + 1.0 - (gained - lost) ** 2 / count, 0.0)) / count
    observed = (gained - lost) / max(len(new), 1)
    low, high = middle - 1.96 * spread, middle + 1.96 * spread
    return observed, (min(float(low), observed), max(float(high), observed))
