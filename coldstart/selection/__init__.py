"""Which images to label: strategies that order a pool. Pure arrays; no files, no database.

from coldstart.selection import Pool, ProbCover, strategies

pool = Pool(embeddings=X, labelled=rows, labels=classes)
picks = ProbCover(delta="auto").select(pool, budget=100)
"""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from coldstart.progress import Progress, silent
from coldstart.selection.kmeans import KMeans
from coldstart.selection.maxherding import FacilityLocation, MaxHerding
from coldstart.selection.neighbours import RadiusGraph, radius_graph
from coldstart.selection.policy import Auto
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.preview import CoveragePreview, preview_coverage
from coldstart.selection.probcover import ProbCover
from coldstart.selection.registry import make_strategy, strategies
from coldstart.selection.strategy import Setting, Strategy, settings_of
from coldstart.selection.uherding import UHerding
from coldstart.selection.uniform import Random

__all__ = [
    "Auto",
    "CoveragePreview",
    "FacilityLocation",
    "KMeans",
    "MaxHerding",
    "Pool",
    "ProbCover",
    "RadiusGraph",
    "Random",
    "Selection",
    "Setting",
    "Strategy",
    "UHerding",
    "make_strategy",
    "preview_coverage",
    "radius_graph",
    "select",
    "settings_of",
    "strategies",
]


def select(
    embeddings: ArrayLike | Pool,
    budget: int,
    strategy: str = "probcover",
    *,
    progress: Progress = silent,
    labelled: ArrayLike | None = None,
    labels: Any = None,
    probabilities: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    **settings: Any,
) -> Selection:
    """Which rows to label, for a person with only an array.

    >>> picks = select(X, budget=50, strategy="probcover", delta="auto", seed=0)  # doctest: +SKIP

    ``settings`` are the strategy's fields; see `Pool` for the other arguments.
    """
    given = (labelled, labels, probabilities, weights)
    if isinstance(embeddings, Pool):
        if any(one is not None for one in given):
            raise ValueError("labelled, labels, probabilities and weights belong into the Pool")
        pool = embeddings
    else:
        pool = Pool(embeddings, *given)
    return make_strategy(strategy, **settings).select(pool, budget, progress=progress)
