"""What one accuracy curve is worth: the area under it, and the labels it needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def area_under_curve(budgets: ArrayLike, accuracies: ArrayLike) -> NDArray[np.float64]:
    """The mean height of curves over the logarithm of the number of labels.

    The first labels count as they should: from 10 to 20 as much as from 100 to 200.

    budgets : (b,) numbers of labels, rising. accuracies : (..., b). Returns (...,): the trapezoid
    area divided by the width; the only accuracy where there is one budget.
    """
    x = np.log2(np.asarray(budgets, dtype=np.float64))
    y = np.asarray(accuracies, dtype=np.float64)
    if len(x) == 1:
        only: NDArray[np.float64] = y[..., 0]
        return only
    middle = (y[..., 1:] + y[..., :-1]) / 2
    area: NDArray[np.float64] = (middle * np.diff(x)).sum(axis=-1) / (x[-1] - x[0])
    return area


def labels_needed(budgets: ArrayLike, accuracies: ArrayLike, wanted: float) -> float:
    """How many labels a curve needs to reach ``wanted``: interpolated over the logarithm of the
    number of labels, the first budget where it starts above, infinity where it never does."""
    x = np.log2(np.asarray(budgets, dtype=np.float64))
    y = np.asarray(accuracies, dtype=np.float64)
    above = np.flatnonzero(y >= wanted)
    if len(above) == 0:
        return float("inf")
    at = int(above[0])
    if at == 0:
        return float(np.asarray(budgets)[0])
    share = (wanted - y[at - 1]) / (y[at] - y[at - 1])
    return float(2 ** (x[at - 1] + share * (x[at] - x[at - 1])))
