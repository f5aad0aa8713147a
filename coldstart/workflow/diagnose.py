"""Diagnose: how much of the pool the labels cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.pool import coverage_radius, in_order_of_labelling, load_pool


@dataclass(frozen=True)
class CoverageHistory:
    """Labels spent against share of the pool covered, all for one radius.

    Attributes
    ----------
    labels : (m + 1,) 0 … m labels, in the order they were given.
    coverage : (m + 1,) share of the pool within delta of one of the first labels.
    random_mean, random_low, random_high : (m + 1,) the same for images drawn at random, with the
        band that holds nine of ten draws.
    next_labels, next_coverage : (k + 1,) what the next labels add: those queued, then the best
        there are (greedy cover).
    delta, delta_words : the radius, and where it comes from.
    measured_on : on how many images a large pool's coverage was estimated; empty where on all.
    """

    labels: NDArray[np.int64]
    coverage: NDArray[np.float64]
    random_mean: NDArray[np.float64]
    random_low: NDArray[np.float64]
    random_high: NDArray[np.float64]
    next_labels: NDArray[np.int64]
    next_coverage: NDArray[np.float64]
    delta: float
    delta_words: str
    measured_on: str = ""


def coverage_history(project: Project, *, next_labels: int = 50) -> CoverageHistory:
    """How coverage grew label by label, beside random, and what the next labels would add.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    from coldstart.selection import ProbCover
    from coldstart.selection.coverage import coverage_curve, random_coverage_curve

    whole = load_pool(project)
    radius = coverage_radius(project, whole)
    pool = whole.sampled()
    arrays = pool.for_selection(with_labels=False)
    order = in_order_of_labelling(project, pool, pool.labelled)
    coverage = coverage_curve(arrays, order, radius.delta)
    band = random_coverage_curve(arrays, max(1, len(order)), radius.delta)
    # What is queued will be labelled first; after it, the greedy cover is the most that can be had.
    more = min(max(0, next_labels - len(pool.waiting)), int(arrays.candidates.sum()))
    coming = pool.waiting
    if more:
        picks = ProbCover(delta=radius.delta).select(arrays, more)
        coming = np.concatenate([pool.waiting, picks.indices])
    after = coverage_curve(arrays, coming, radius.delta, labelled=pool.labelled)
    return CoverageHistory(
        labels=np.arange(len(order) + 1),
        coverage=coverage,
        random_mean=band.mean[: len(order) + 1],
        random_low=band.low[: len(order) + 1],
        random_high=band.high[: len(order) + 1],
        next_labels=len(order) + np.arange(len(after)),
        next_coverage=after,
        delta=radius.delta,
        delta_words=radius.words,
        measured_on=pool.measured_on,
    )


@dataclass(frozen=True)
class Coverage:
    """The share of the pool that is covered, and on how many images it was estimated if not on all
    of them (`ProjectPool.measured_on`)."""

    share: float
    measured_on: str = ""


_coverage_of: dict[str, tuple[tuple[object, ...], Coverage]] = {}


def current_coverage(project: Project) -> Coverage | None:
    """Share of the pool within the project's radius of a labelled image; None if not measured.

    Kept for the labels it was measured with, so that a page pays for it once.
    """
    from coldstart.selection.coverage import covered_mask
    from coldstart.workflow.pool import active_set

    embedding_set = active_set(project)
    if embedding_set is None:
        return None
    key = str(project.directory)
    state = (
        embedding_set.name,
        embedding_set.meta.get("created_at"),
        len(embedding_set.image_ids),
        project.store.labels.last_event_id(),
        project.store.images.count("usable"),
    )
    kept = _coverage_of.get(key)
    if kept is not None and kept[0] == state:
        return kept[1]
    try:
        pool = load_pool(project)
    except ColdstartError:
        return None
    covered = Coverage(0.0)
    if len(pool.labelled):
        radius = coverage_radius(project, pool)
        pool = pool.sampled()
        mask = covered_mask(pool.vectors, pool.labelled, radius.delta)
        share = float(np.average(mask, weights=pool.weights()))
        covered = Coverage(share, pool.measured_on)
    _coverage_of[key] = (state, covered)
    return covered
