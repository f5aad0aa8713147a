"""MaxHerding and facility location: the picks that stand best for the whole pool.

MaxHerding: Bae, Noh, Sutherland: Generalized Coverage for More Robust Low-Budget Active Learning,
ECCV 2024 (arXiv 2407.12212). Written from the paper; ProbCover is the case of a top-hat kernel.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.greedy_herding import greedy_herding
from coldstart.selection.kernels import Gaussian, Kernel, Nearness
from coldstart.selection.picks import distances_to_earlier
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import ENGINE_HELP, ONE_MACHINE, REFINE_HELP, Strategy, option
from coldstart.selection.swaps import improve_by_swaps


@dataclass(frozen=True, kw_only=True)
class Herding(Strategy):
    """What MaxHerding, UHerding and facility location share: greedy on a kernel, then swaps."""

    covers = True

    refine: str = option("none", REFINE_HELP, choices=("none", "swaps"))
    engine: str = option("local", ENGINE_HELP, choices=ONE_MACHINE)

    @property
    def nested(self) -> bool:
        return self.refine == "none"

    def quick(self, pool: Pool) -> Strategy:
        return replace(self, engine="local")

    @abstractmethod
    def _kernel(self, pool: Pool) -> Kernel: ...

    def _mass(self, pool: Pool) -> tuple[NDArray[np.float64], list[str]]:
        """How much each image counts, and what to tell about it."""
        return pool.mass, []

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        kernel = self._kernel(pool)
        mass, notes = self._mass(pool)
        herd = greedy_herding(
            pool.unit,
            kernel,
            budget,
            candidates=pool.candidates,
            chosen=pool.labelled,
            mass=mass,
            engine=self.engine,
            progress=progress,
        )
        rows, gains = np.array(herd.rows, dtype=np.int64), herd.gains
        if self.refine == "swaps":
            rows, gains, swaps = improve_by_swaps(
                pool.unit,
                kernel,
                rows,
                fixed=pool.labelled,
                candidates=pool.candidates,
                mass=mass,
                seed=self.seed,
                progress=progress,
            )
            notes.append(f"The greedy picks were improved by {swaps} swaps.")
        share = np.array(gains) / mass.sum()
        reasons = self._reasons(pool, rows, share)
        return self._selection(rows, share, reasons, notes=notes)

    def _reasons(
        self, pool: Pool, rows: NDArray[np.int64], share: NDArray[np.float64]
    ) -> list[str]:
        reasons = []
        for gain, distance in zip(share, distances_to_earlier(pool, rows), strict=True):
            reason = f"brings the pool {gain:.2%} closer to a labelled image"
            if np.isfinite(distance):
                reason += f"; nearest labelled image is {distance:.2f} away"
            reasons.append(reason)
        return reasons


@dataclass(frozen=True, kw_only=True)
class MaxHerding(Herding):
    """Greedily maximises the mean, over the pool, of the similarity to the nearest labelled image.

    Similarity is exp(-d² / width²) on unit vectors. Gain: what each pick adds to that mean. Exact,
    without storing the kernel matrix. Ties go to the lowest row.
    """

    name = "maxherding"
    title = "MaxHerding"
    summary = "Picks images so that every image of the pool is similar to a labelled one."
    paper = "Bae et al., ECCV 2024, arXiv 2407.12212"

    width: float = option(
        1.0,
        "How far a labelled image reaches: distance at which similarity has fallen to 0.37.",
        minimum=0.01,
        maximum=10.0,
    )

    def _kernel(self, pool: Pool) -> Kernel:
        return Gaussian(self.width)


@dataclass(frozen=True, kw_only=True)
class FacilityLocation(Herding):
    """Greedily minimises the summed distance from the pool to its nearest labelled image.

    With ``refine="swaps"`` this is k-medoids. Gain: the fall of the mean distance as a share of the
    largest possible one.
    """

    name = "facility_location"
    title = "Facility location (k-medoids)"
    summary = "Picks images so that the distance from the pool to a labelled image is smallest."
    paper = "Nemhauser et al. 1978; Schubert & Rousseeuw 2021 (FasterPAM)"

    squared: bool = option(True, "Count squared distances, as k-means does.")

    def _kernel(self, pool: Pool) -> Kernel:
        return Nearness(self.squared)
