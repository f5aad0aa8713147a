"""UHerding: MaxHerding in which an image counts as much as the model is unsure of it.

Bae, Noh, Sutherland: Uncertainty Herding, ICLR 2025 (arXiv 2412.20644). Written from the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.selection.doubt import calibrated, doubt_of, knows_two_classes
from coldstart.selection.exact import Rows, Unit, row_blocks
from coldstart.selection.kernels import Gaussian, Kernel
from coldstart.selection.maxherding import Herding
from coldstart.selection.pool import Pool
from coldstart.selection.sparsity import sparsity
from coldstart.selection.strategy import option

_NARROWEST = 0.1


@dataclass(frozen=True, kw_only=True)
class UHerding(Herding):
    """Greedily maximises the mean, over the images the model is unsure of, of the similarity to the
    nearest labelled image.

    Each image weighs 1 - (p1 - p2); labelled ones weigh nothing. Without labels or probabilities it
    is MaxHerding. With ``flatten`` the weight is also multiplied by a power of `sparsity`, which is
    not in the paper. Gain: what each pick adds to the weighted mean.
    """

    name = "uherding"
    title = "UHerding"
    summary = "Picks images that stand for many others of which the model is unsure."
    paper = "Bae et al., ICLR 2025, arXiv 2412.20644"

    width: float | str = option(
        "auto",
        "How far a labelled image reaches; 'auto' is the smallest distance of two labelled images.",
        minimum=0.01,
        maximum=10.0,
        choices=("auto",),
    )
    calibrate: bool = option(
        True, "Soften the probabilities so that they are right as often as they say."
    )
    flatten: float = option(
        0.0,
        "How strongly images that lie apart count for more: the power of the distance to their "
        "neighbours. 0 for all alike; rare classes often lie apart.",
        minimum=0.0,
        maximum=20.0,
    )

    def _kernel(self, pool: Pool) -> Kernel:
        if not isinstance(self.width, str):
            return Gaussian(float(self.width))
        return Gaussian(smallest_distance(pool.unit, pool.labelled))

    def _mass(self, pool: Pool) -> tuple[NDArray[np.float64], list[str]]:
        if not knows_two_classes(pool):
            note = "No two classes are labelled yet, so every image counts the same."
            return pool.mass, [note]
        doubt, notes = doubt_of(pool, self.name), []
        if self.calibrate:
            doubt, note = calibrated(pool, doubt)
            notes.append(note)
        mass = pool.mass * doubt.margin
        if self.flatten:
            mass *= sparsity(pool) ** self.flatten
            notes.append("Images that lie apart from others count for more.")
        mass[pool.labelled] = 0
        if mass.sum() <= 1e-9 * pool.mass.sum():
            return pool.mass, [
                *notes,
                "The model is sure of everything; all images count the same.",
            ]
        return mass, notes

    def _reasons(
        self, pool: Pool, rows: NDArray[np.int64], share: NDArray[np.float64]
    ) -> list[str]:
        reasons = super()._reasons(pool, rows, share)
        if not knows_two_classes(pool):
            return reasons
        doubt = doubt_of(pool, self.name)
        return [
            f"{doubt.in_words(row)}; it stands for {gain:.2%} of what is unsure"
            for row, gain in zip(rows.tolist(), share, strict=True)
        ]


def smallest_distance(unit: Unit, rows: Rows) -> float:
    """The smallest distance of two of ``rows`` that is not (nearly) zero; 1 where there is none."""
    closest = np.inf
    for part in row_blocks(len(rows), 1024):
        similarity = unit[rows[part]] @ unit[rows].T
        distance = np.sqrt(np.maximum(0, 2 - 2 * similarity))
        closest = min(closest, float(distance[distance > _NARROWEST].min(initial=np.inf)))
    return closest if np.isfinite(closest) else 1.0
