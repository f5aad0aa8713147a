"""k-means on unit vectors, and the strategy that takes the image nearest to each centre.

Started by k-means++ (Arthur & Vassilvitskii, 2007); the best of ten starts counts, because at one
label a class a single start loses up to five points of accuracy.

Groups and picks do not depend on threads, cores or a graphics processor: between centres that are
about equally near the distance in float64 decides, and new centres are summed here, in one order.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import (
    Rows,
    Unit,
    one_blas_thread,
    over_blocks,
    rounding_band,
    row_blocks,
    squared_distances,
)
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import ENGINE_HELP, ONE_MACHINE, Strategy, option

if TYPE_CHECKING:
    from coldstart.selection.device import Vectors

_START_ROWS = 20_000
_SEED_ROWS = 5_000
_MOST_ITERATIONS = 100
# Similarities of rows to centres that are worked out at a time.
_BLOCK_ENTRIES = 1_000_000
# Starts are compared when no more than this share of rows still changes, and the best one goes on
# to the next share: under 2,000 rows, until none changes.
_SETTLED = 0.005
_ENDED = 0.0005


@dataclass(frozen=True, kw_only=True)
class KMeans(Strategy):
    """One group for each pick, found by k-means; the image nearest to each group's centre.

    Labelled images are centres that stay where they are, so new groups form where there is no
    label. Gain: the share of the pool (by weight) in the pick's group.
    """

    name = "kmeans"
    title = "k-means centres"
    summary = "Splits the pool into as many groups as you will label and takes the middle of each."
    paper = "Arthur & Vassilvitskii 2007 (k-means++); nearest image to each centre"
    starts: int = option(
        10, "How many random starts to try; the tightest grouping counts.", minimum=1, maximum=100
    )
    engine: str = option("local", ENGINE_HELP, choices=ONE_MACHINE)

    @property
    def nested(self) -> bool:
        return False

    def quick(self, pool: Pool) -> Strategy:
        return replace(self, starts=1, engine="local")

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        groups = kmeans(
            pool.unit,
            budget,
            fixed=pool.unit[pool.labelled],
            mass=pool.mass,
            starts=self.starts,
            seed=self.seed,
            engine=self.engine,
            progress=progress,
        )
        rows = nearest_to_centres(pool.unit, groups, pool.candidates)
        share = groups.sizes[len(pool.labelled) :] / pool.mass.sum()
        order = np.argsort(-share, kind="stable")
        reasons = [
            f"the image nearest to the middle of a group that makes up {share[one]:.1%} of the pool"
            if share[one] > 0
            else "no group of its own is left to find; the next image nearest to a centre"
            for one in order
        ]
        return self._selection(rows[order], share[order], reasons)


@dataclass(frozen=True)
class Groups:
    """A grouping: ``centres`` (k, d) float32, fixed ones first; ``of_row`` (n,) the group of each
    row; ``distances`` (n,) float64, squared, to its centre; ``sizes`` (k,) mass; ``inertia``."""

    centres: NDArray[np.float32]
    fixed: int
    of_row: NDArray[np.int64]
    distances: NDArray[np.float64]
    sizes: NDArray[np.float64]
    inertia: float


def kmeans(
    unit: Unit,
    count: int,
    *,
    fixed: NDArray[np.float32] | None = None,
    mass: NDArray[np.float64] | None = None,
    starts: int = 10,
    seed: int = 0,
    iterations: int = _MOST_ITERATIONS,
    engine: str = "local",
    progress: Progress = silent,
) -> Groups:
    """``count`` moving centres beside the ``fixed`` ones; the best of ``starts`` by inertia.

    engine : "gpu" has torch compare rows with centres on a graphics processor; groups are the same.

    First centres are drawn by k-means++ among 5,000 random rows (more for many centres).
    Beyond 20,000 rows the starts are compared on a random 20,000 of them; the best one is then run
    to the end on all rows.
    """
    n, d = unit.shape
    fixed = np.empty((0, d), dtype=np.float32) if fixed is None else fixed
    mass = np.ones(n) if mass is None else mass
    generator = np.random.default_rng(seed)
    some, some_mass = unit, mass
    if n > max(_START_ROWS, 20 * count):
        part_rows = np.sort(generator.permutation(n)[: max(_START_ROWS, 20 * count)])
        some, some_mass = unit[part_rows], mass[part_rows]
    best: Groups | None = None
    for start in range(starts):
        progress(start, starts + 1, "finding groups")
        seeds = np.arange(len(some))
        if len(some) > max(_SEED_ROWS, 20 * count):
            seeds = generator.permutation(len(some))[: max(_SEED_ROWS, 20 * count)]
        with one_blas_thread():
            centres = _plus_plus(some[seeds], count, fixed, some_mass[seeds], generator)
        groups = lloyd(
            some, centres, len(fixed), some_mass, iterations, settled=_SETTLED, engine=engine
        )
        if best is None or groups.inertia < best.inertia:
            best = groups
    assert best is not None
    progress(starts, starts + 1, "finding groups")
    return lloyd(unit, best.centres, len(fixed), mass, iterations, settled=_ENDED, engine=engine)


def nearest_to_centres(
    unit: Unit, groups: Groups, candidates: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """For each moving centre a candidate row, no row twice: the nearest one in the centre's own
    group, or (where the group has no candidate) the nearest one left. Ties go to the lowest row."""
    free = candidates.copy()
    count = len(groups.centres) - groups.fixed
    picks = np.full(count, -1, dtype=np.int64)
    own = np.lexsort((np.arange(len(unit)), groups.distances, groups.of_row))
    own = own[candidates[own] & (groups.of_row[own] >= groups.fixed)]
    found, first = np.unique(groups.of_row[own], return_index=True)
    picks[found - groups.fixed] = own[first]
    free[own[first]] = False
    for one in np.flatnonzero(picks < 0):
        with one_blas_thread():
            closeness = unit @ groups.centres[groups.fixed + one]
        closeness[~free] = -np.inf
        picks[one] = int(np.argmax(closeness))
        free[picks[one]] = False
    return picks


def _plus_plus(
    unit: Unit,
    count: int,
    fixed: NDArray[np.float32],
    mass: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Fixed centres, then rows drawn in proportion to mass times squared distance to the nearest
    centre so far, the best of a few draws each time."""
    n = len(unit)
    trials = 2 + int(np.log(max(1, count)))
    centres = np.empty((len(fixed) + count, unit.shape[1]), dtype=np.float32)
    centres[: len(fixed)] = fixed
    nearest = np.full(n, np.inf, dtype=np.float32)
    for part in row_blocks(len(fixed), 1024):
        np.minimum(nearest, 2 - 2 * (unit @ fixed[part].T).max(axis=1), out=nearest)
    for one in range(len(fixed), len(centres)):
        weight = mass * np.clip(nearest, 1e-6 if one == 0 else 0, 4)
        weight[nearest < 1e-6] = 0
        total = np.cumsum(weight)
        if total[-1] <= 0:
            # Every row coincides with a centre already: any row will do.
            centres[one:] = unit[generator.integers(0, n, len(centres) - one)]
            break
        drawn = np.searchsorted(total, generator.random(trials) * total[-1], side="right")
        drawn = np.minimum(drawn, n - 1)
        after = np.minimum(nearest[:, None], 2 - 2 * (unit @ unit[drawn].T))
        best = int(np.argmin(mass @ after))
        centres[one] = unit[drawn[best]]
        nearest = np.maximum(after[:, best], 0)
    return centres


def lloyd(
    unit: Unit,
    centres: NDArray[np.float32],
    fixed: int,
    mass: NDArray[np.float64],
    iterations: int,
    *,
    settled: float = 0.0,
    engine: str = "local",
) -> Groups:
    """Lloyd's iterations from the given ``centres``, the first ``fixed`` of which stay, until no
    more than a share ``settled`` of the rows changes its centre."""
    from scipy.sparse import csr_matrix

    n, k = len(unit), len(centres)
    centres = centres.copy()
    with _vectors(unit, engine) as vectors:
        of_row = assign(unit, centres, vectors)
        for _ in range(iterations):
            onto = csr_matrix((mass.astype(np.float32), of_row, np.arange(n + 1)), shape=(n, k))
            sums = onto.T @ unit
            sizes = np.bincount(of_row, weights=mass, minlength=k)
            moving = np.arange(k) >= fixed
            filled = moving & (sizes > 0)
            empty = np.flatnonzero(moving & (sizes <= 0))
            loss = mass * squared_distances(unit, of_row, centres) if len(empty) else mass
            centres[filled] = sums[filled] / sizes[filled, None]
            _refill_empty(unit, centres, empty, loss)
            before = of_row
            of_row = assign(unit, centres, vectors)
            if np.count_nonzero(before != of_row) <= settled * n:
                break
    held = np.bincount(of_row, weights=mass, minlength=k).astype(np.float64)
    distances = squared_distances(unit, of_row, centres)
    return Groups(centres, fixed, of_row, distances, held, float(np.sum(distances * mass)))


def assign(
    unit: Unit, centres: NDArray[np.float32], vectors: Vectors | None = None
) -> NDArray[np.int64]:
    """(n,) the nearest centre of each row, the lowest where several are.

    vectors : the rows on a graphics processor, which then does the multiplying.
    """
    of_row = np.empty(len(unit), dtype=np.int64)
    half = (np.einsum("ij,ij->i", centres, centres, dtype=np.float64) / 2).astype(np.float32)
    # Two closenesses each this far from the true ones may change places.
    slack = np.float32(2 * rounding_band(unit.shape[1]))

    def assign_block(part: slice) -> None:
        if vectors is None:
            closeness = unit[part] @ centres.T
            closeness -= half
            nearest = np.argmax(closeness, axis=1)
            best = closeness[np.arange(len(closeness)), nearest]
            near = np.flatnonzero(closeness >= (best - slack)[:, None])
            row, column = np.divmod(near, len(centres))
            unsure = np.bincount(row)[row] > 1
            row, column = row[unsure], column[unsure]
        else:
            nearest, row, column = vectors.nearest(part, centres, half, float(slack))
        if len(row):
            measured = squared_distances(unit[part][row], column, centres)
            # By row, distance and number of the centre: the first of each row is its nearest.
            order = np.lexsort((column, measured, row))
            rows, first = np.unique(row[order], return_index=True)
            nearest[rows] = column[order][first]
        of_row[part] = nearest

    if vectors is None:
        blocks = row_blocks(len(unit), max(64, _BLOCK_ENTRIES // len(centres)))
        over_blocks(assign_block, blocks)
    else:
        for part in row_blocks(len(unit), vectors.rows_a_tile(len(centres))):
            assign_block(part)
    return of_row


def _vectors(unit: Unit, engine: str) -> AbstractContextManager[Vectors | None]:
    if engine == "local":
        return nullcontext()
    from coldstart.selection.device import vectors_on_device

    return vectors_on_device(unit)


def _refill_empty(
    unit: Unit, centres: NDArray[np.float32], empty: Rows, loss: NDArray[np.float64]
) -> None:
    """Move centres without a row to the rows that are worst served."""
    if len(empty):
        worst = np.argsort(-loss, kind="stable")[: len(empty)]
        centres[empty[: len(worst)]] = unit[worst]
