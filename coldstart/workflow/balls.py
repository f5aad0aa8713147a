"""Balls: what one radius or another covers, how pure its balls are, and how coverage came about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.pool import ProjectPool, coverage_radius, in_order_of_labelling, load_pool

AROUND = (0.7, 0.85, 1.0, 1.15, 1.3)
"""Radii beside the chosen one, as multiples of it."""

_MOST_STEPS = 400
# Of a pool too large to be measured whole; every image is compared with every other.
_PURITY_IMAGES = 5_000
_NOT_IN_A_BATCH = "labelled without a batch"


@dataclass(frozen=True)
class RadiusCurves:
    """Coverage label by label, for several radii.

    Attributes
    ----------
    labels : (m + 1,) 0 … m labels, in the order they were given.
    deltas : (r,) ascending. coverage : (r, m + 1). chosen : place of the project's radius.
    """

    labels: NDArray[np.int64]
    deltas: NDArray[np.float64]
    coverage: NDArray[np.float64]
    chosen: int


@dataclass(frozen=True)
class BatchGrowth:
    """What one batch brought.

    Attributes
    ----------
    batch : what it is called. labels : labels after it. coverage : share covered after it, of its
    images that have a label. random : what as many images drawn at random would have covered (mean,
    and the band of nine in ten draws).
    """

    batch: str
    labels: int
    coverage: float
    random: float
    random_low: float
    random_high: float


@dataclass(frozen=True)
class PurityReport:
    """Share of balls that hold one group only, by radius: exact, and what it is worth.

    Attributes
    ----------
    deltas : (k,) ascending radii at which the curve steps (thinned out to 400). purity : (k,).
    chosen_delta : the project's radius. at_chosen : the purity there. words : what this says.
    """

    deltas: NDArray[np.float64]
    purity: NDArray[np.float64]
    chosen_delta: float
    at_chosen: float
    words: str


def coverage_by_radius(project: Project, *, progress: Progress = silent) -> RadiusCurves:
    """How coverage grew with the labels, for the project's radius and for others around it.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    from coldstart.selection import Pool
    from coldstart.selection.coverage import coverage_curve

    whole = load_pool(project)
    radius = coverage_radius(project, whole, progress=progress)
    pool = whole.sampled()
    order = in_order_of_labelling(project, pool, pool.labelled)
    arrays = Pool(pool.vectors, weights=pool.weights())
    deltas = radius.delta * np.array(AROUND)
    return RadiusCurves(
        labels=np.arange(len(order) + 1),
        deltas=deltas,
        coverage=np.stack([coverage_curve(arrays, order, delta) for delta in deltas.tolist()]),
        chosen=AROUND.index(1.0),
    )


def batch_growth(project: Project) -> list[BatchGrowth]:
    """What each batch added to the coverage, in the order of the batches; labels that came without
    one are counted where they came.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    from coldstart.selection import Pool
    from coldstart.selection.coverage import coverage_curve, random_coverage_curve

    pool = load_pool(project)
    if not len(pool.labelled):
        return []
    radius = coverage_radius(project, pool)
    pool = pool.sampled()
    order, names = _by_batch(project, pool)
    arrays = Pool(pool.vectors, weights=pool.weights())
    curve = coverage_curve(arrays, order, radius.delta)
    band = random_coverage_curve(arrays, len(order), radius.delta)
    ends = [
        place + 1
        for place in range(len(names))
        if place + 1 == len(names) or names[place + 1] != names[place]
    ]
    return [
        BatchGrowth(
            batch=names[end - 1],
            labels=end,
            coverage=float(curve[end]),
            random=float(band.mean[end]),
            random_low=float(band.low[end]),
            random_high=float(band.high[end]),
        )
        for end in ends
    ]


def purity(project: Project) -> PurityReport:
    """How the share of pure balls falls with the radius, and where the project's radius lies.

    A ball is pure exactly while its radius is at most the distance to the nearest image of another
    group, so the curve is that of these distances, without a grid.

    Raises
    ------
    ColdstartError : nothing is embedded yet, or there are fewer than three images.
    """
    from coldstart.selection.coverage import nearest_enemy_distances
    from coldstart.selection.kmeans import kmeans
    from coldstart.selection.neighbours import knn
    from coldstart.selection.radius import estimate_classes

    pool = load_pool(project)
    if len(pool.image_ids) < 3:
        raise ColdstartError("Three images at least are needed for this.", "Add more images.")
    radius = coverage_radius(project, pool)
    pool = pool.sampled()
    arrays = pool.for_selection(with_labels=True)
    count = estimate_classes(arrays)
    unit, sampled = arrays.unit, ""
    if pool.stands_for is not None:
        unit = unit[pool.stands_for > 1][:_PURITY_IMAGES]  # which were drawn at random
        sampled = (
            f" Measured among {len(unit):,} images drawn at random: among all of them balls hold "
            "more, and fewer are pure."
        )
    groups = kmeans(unit, count, seed=0, starts=3).of_row
    enemies = np.sort(nearest_enemy_distances(unit, groups))
    nearest = knn(unit, 2)[0].max(axis=1)  # of the image itself and its nearest neighbour
    alone = float(np.mean(nearest >= radius.delta))
    deltas, shares = purity_steps(enemies, 1.5 * radius.delta)
    at_chosen = float(np.mean(enemies >= radius.delta))
    source = (
        f"the {count} classes labelled so far"
        if len(set(pool.class_names)) > 1
        else f"an estimate of {count} groups"
    )
    return PurityReport(
        deltas=deltas,
        purity=shares,
        chosen_delta=radius.delta,
        at_chosen=at_chosen,
        words=(
            f"At the radius in use {at_chosen:.0%} of the balls hold one group only. The classes "
            f"of images without a label are not known, so {count} groups of alike images stand in "
            f"for them ({source}). {alone:.0%} of the balls hold their own image only, which "
            f"counts as pure.{sampled}"
        ),
    )


def purity_steps(
    enemies: NDArray[np.float64], at_least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii (k,) and the share of pure balls (k,) at each, from the sorted distances (n,) to the
    nearest enemy; up to the largest of them that is finite, and to ``at_least``."""
    finite = enemies[np.isfinite(enemies)]
    steps = np.unique(np.concatenate([[0.0, at_least], finite]))
    if len(steps) > _MOST_STEPS:
        kept = np.linspace(0, len(steps) - 1, _MOST_STEPS).round().astype(int)
        steps = np.unique(np.append(steps[kept], at_least))
    pure = 1 - np.searchsorted(enemies, steps, side="left") / len(enemies)
    return steps, pure


def _by_batch(project: Project, pool: ProjectPool) -> tuple[NDArray[np.int64], list[str]]:
    """Labelled rows in the order of their labels, and the batch that asked for each."""
    order = in_order_of_labelling(project, pool, pool.labelled)
    ids = pool.image_ids[order].tolist()
    picks = project.store.batches.last_picks(ids)
    titles = _titles(project)
    names = [
        titles.get(picks[one].batch_id, _NOT_IN_A_BATCH) if one in picks else _NOT_IN_A_BATCH
        for one in ids
    ]
    return order, names


def _titles(project: Project) -> dict[int, str]:
    from coldstart.selection import strategies

    offered = strategies()
    return {
        batch.batch_id: f"batch {batch.batch_id}, "
        + (offered[batch.strategy].title if batch.strategy in offered else batch.strategy)
        for batch in project.store.batches.all()
    }
