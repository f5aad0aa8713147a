"""Is a model as sure as it is right? Reliability bins of left-out predictions (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coldstart.training.intervals import clopper_pearson

LABELS_TO_SAY = 50
"""With fewer labelled images there are too few in a bin to compare anything."""


@dataclass(frozen=True)
class CalibrationBin:
    """Images about which the model was about as sure: how sure on average, how often right.

    images : the mean over the repeats. interval : exact 95% limits of ``right``.
    """

    confidence: float
    right: float
    images: float
    interval: tuple[float, float]


def calibration_bins(
    confidence: np.ndarray, right: np.ndarray, repeats: int = 1, most: int = 8
) -> tuple[CalibrationBin, ...]:
    """Up to ``most`` bins of equally many predictions, the least sure first.

    confidence : (n,) probability of the predicted class. right : (n,) bool. Both may hold each
    image ``repeats`` times. Bins hold at least ten images, so few images make few bins; below
    `LABELS_TO_SAY` images there are none.
    """
    images = len(confidence) / repeats
    if images < LABELS_TO_SAY:
        return ()
    bins = int(min(most, images // 10))
    order = np.argsort(confidence, kind="stable")
    found = []
    for rows in np.array_split(order, bins):
        n = len(rows) / repeats
        share = float(right[rows].mean())
        found.append(
            CalibrationBin(float(confidence[rows].mean()), share, n, clopper_pearson(share * n, n))
        )
    return tuple(found)


def calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """The mean distance between how sure and how right, weighted by images (ECE)."""
    total = sum(one.images for one in bins)
    if not total:
        return None
    return sum(one.images * abs(one.confidence - one.right) for one in bins) / total
