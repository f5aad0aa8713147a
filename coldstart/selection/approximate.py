"""Nearly all close pairs of a large pool, for a small part of the work, with the share found.

The pool is split into lists by k-means; a list is compared with the lists nearest to it. How many
lists that takes is read off a random sample of images whose neighbours are found exactly, and the
share of pairs found ("recall") is measured on another such sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import (
    Unit,
    one_blas_thread,
    over_blocks,
    row_blocks,
    similarity_threshold,
)
from coldstart.selection.kmeans import assign, lloyd
from coldstart.selection.neighbours import RadiusGraph, fingerprint, radius_graph
from coldstart.selection.pairs import (
    Pairs,
    assemble_unordered,
    check_engine,
    in_threads,
    pairs_of_list,
)

_SAMPLE_ROWS = 400
# At a million images recall is measured on so many, a hundredth of the pool; on fewer at fewer,
# so that measuring stays a small part of the work.
_MOST_CHECKED, _CHECKED_AT = 10_000, 1_000_000
# Similarities worked out at a time while pairs are counted.
_BLOCK_ENTRIES = 8_000_000
_ROWS_PER_LIST = 32
_ITERATIONS = 4
_FEWEST_ROWS = 20_000
# Lists compared where the radius is so small that no image asked has a neighbour.
_PROBES_UNASKED = 16


@dataclass(frozen=True)
class ApproximateGraph:
    """A graph (its rows in no particular order), the share of true pairs it holds, and on how many
    random images that was measured."""

    graph: RadiusGraph
    recall: float  # NaN where none of the images checked has a neighbour
    checked: int


def approximate_graph(
    unit: Unit,
    delta: float,
    *,
    recall: float = 0.99,
    seed: int = 0,
    threads: int | None = None,
    engine: str = "local",
    progress: Progress = silent,
) -> ApproximateGraph:
    """Pairs closer than ``delta``, about a share ``recall`` of them; none that is farther.

    Pools under 20,000 rows, and those where most lists would have to be compared, are done exactly.
    ``threads`` and ``engine`` as in `radius_graph`; the lists are made on this machine.
    """
    check_engine(engine)
    n = len(unit)

    def exact() -> ApproximateGraph:
        graph = radius_graph(unit, delta, threads=threads, engine=engine, progress=progress)
        return ApproximateGraph(graph, 1.0, n)

    if n < _FEWEST_ROWS:
        return exact()
    generator = np.random.default_rng(seed)
    lists, near_lists = _split(unit, generator, progress)
    count = len(near_lists)
    rank = np.empty((count, count), dtype=np.int32)
    rank[np.arange(count)[:, None], near_lists] = np.arange(count)
    checked = int(np.clip(_MOST_CHECKED * (n / _CHECKED_AT) ** 2, _SAMPLE_ROWS, _MOST_CHECKED))
    asked = generator.permutation(n)[: _SAMPLE_ROWS + checked]
    needed = _lists_needed(unit, delta, asked[:_SAMPLE_ROWS], lists, rank)
    probes = _PROBES_UNASKED
    if len(needed):
        probes = int(np.quantile(needed, min(1.0, recall + (1 - recall) / 3), method="higher"))
    if probes > count // 3:
        return exact()
    members = np.split(np.argsort(lists, kind="stable"), np.cumsum(np.bincount(lists))[:-1])
    compared = (rank <= probes) | (probes >= rank.T)

    if engine == "ray":
        from coldstart.selection.cluster import pairs_of_lists_on_ray

        found = pairs_of_lists_on_ray(unit, members, compared, delta, progress)
    elif engine == "gpu":
        from coldstart.selection.device import pairs_of_lists_on_device

        found = pairs_of_lists_on_device(unit, members, compared, delta, progress)
    else:
        found = _pairs_of_lists(unit, members, compared, delta, threads, progress)
    edges = assemble_unordered(found, n)
    graph = RadiusGraph(delta, edges.indptr, edges.indices, edges.similarities, fingerprint(unit))
    check = _lists_needed(unit, delta, asked[_SAMPLE_ROWS:], lists, rank)
    found_share = float(np.mean(check <= probes)) if len(check) else float("nan")
    return ApproximateGraph(graph, found_share, len(asked) - _SAMPLE_ROWS)


def _split(
    unit: Unit, generator: np.random.Generator, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) the list of each row, and (lists, lists) all lists by nearness to each."""
    n = len(unit)
    count = int(np.clip(2 * np.sqrt(n), 16, 4096))
    progress(0, 2, "splitting the pool into lists")
    sample = unit[np.sort(generator.permutation(n)[: _ROWS_PER_LIST * count])]
    start = sample[generator.permutation(len(sample))[:count]]
    centres = lloyd(sample, start, 0, np.ones(len(sample)), _ITERATIONS).centres
    progress(1, 2, "splitting the pool into lists")
    lists = assign(unit, centres)
    used = np.unique(lists)
    centres, lists = centres[used], np.searchsorted(used, lists)
    squared = np.einsum("ij,ij->i", centres, centres)
    with one_blas_thread():
        distance = squared[:, None] + squared[None, :] - 2 * (centres @ centres.T)
    np.fill_diagonal(distance, -1)
    return lists, np.argsort(distance, axis=1, kind="stable")


def _lists_needed(
    unit: Unit,
    delta: float,
    asked: NDArray[np.int64],
    lists: NDArray[np.int64],
    rank: NDArray[np.int32],
) -> NDArray[np.int32]:
    """For every true pair of an asked row and another, how many lists must be compared for it to be
    found."""

    def needed_in_block(part: slice) -> NDArray[np.int32]:
        similarity = unit[asked] @ unit[part].T
        row, column = np.nonzero(similarity > similarity_threshold(delta))
        others = asked[row] != part.start + column
        row, column = row[others], column[others]
        first, second = lists[asked[row]], lists[part.start + column]
        return np.minimum(rank[first, second], rank[second, first])

    rows = min(16_384, max(256, _BLOCK_ENTRIES // len(asked)))
    return np.concatenate(over_blocks(needed_in_block, row_blocks(len(unit), rows)))


def _pairs_of_lists(
    unit: Unit,
    members: list[NDArray[np.int64]],
    compared: NDArray[np.bool_],
    delta: float,
    threads: int | None,
    progress: Progress,
) -> list[Pairs]:
    """For every list its close pairs inside, and with the later lists it is compared with."""

    def pairs_of_one(task: tuple[int, int]) -> Pairs:
        one = task[0]
        later = one + 1 + np.flatnonzero(compared[one, one + 1 :])
        columns = np.concatenate([members[one], *[members[other] for other in later]])
        return pairs_of_list(unit, members[one], columns, delta)

    found = []
    tasks = [(one, one) for one in range(len(members))]
    for number, (_, pairs) in enumerate(in_threads(pairs_of_one, tasks, threads)):
        progress(number, len(tasks), "comparing images")
        found.append(pairs)
    return found
