"""The comparisons of a graph as tasks on a Ray cluster: the same pairs, by more than one machine.

The vectors lie in the cluster's object store in parts, and a machine fetches only those its tasks
compare. Every task multiplies the very tiles that one machine alone would, so nothing differs.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress
from coldstart.selection.exact import Unit, one_blas_thread, row_blocks
from coldstart.selection.pairs import Pairs, pairs_of_list, pairs_of_tile
from coldstart.selection.pruning import Bounds

# A task takes this many tiles by as many: about a second of work at 512 columns.
_STRIP_TILES = 8
# Tasks handed out for each core of the cluster; what is finished waits in its memory.
_TASKS_PER_CORE = 3


def pairs_of_tiles_on_ray(
    unit: Unit, bounds: Bounds | None, delta: float, blocks: list[slice], progress: Progress
) -> dict[tuple[int, int], Pairs]:
    """The close pairs of every tile (i, j), i <= j, of ``blocks`` by ``blocks``.

    Uses the cluster this process is connected to; else that of ``RAY_ADDRESS`` or one running on
    this machine; else starts one here for the time being.

    Raises ColdstartError where ray is not installed or the cluster cannot be reached.
    """
    parts = row_blocks(len(blocks), _STRIP_TILES)
    tasks = [(i, j) for i in range(len(parts)) for j in range(i, len(parts))]
    results: dict[tuple[int, int], Pairs] = {}
    with _cluster() as ray:
        strips = [ray.put(_strip(unit, bounds, blocks[part], part.start)) for part in parts]
        arguments = ((delta, strips[i], *([] if i == j else [strips[j]])) for i, j in tasks)
        with closing(_finished(ray, compare_strips, arguments)) as finished:
            for number, (_, found) in enumerate(finished):
                progress(number, len(tasks), "comparing images")
                results.update((tile, _copied(pairs)) for tile, pairs in found)
    return results


def pairs_of_lists_on_ray(
    unit: Unit,
    members: list[NDArray[np.int64]],
    compared: NDArray[np.bool_],
    delta: float,
    progress: Progress,
) -> list[Pairs]:
    """For every list its close pairs inside, and with the later lists it is ``compared`` with.

    The cluster is found, and errors are raised, as in `pairs_of_tiles_on_ray`.
    """
    count = len(members)
    results: dict[int, Pairs] = {}
    with _cluster() as ray:
        lists = [ray.put((rows, unit[rows])) for rows in members]
        arguments = (
            (delta, lists[one], *[lists[one + 1 + at] for at in np.flatnonzero(later)])
            for one, later in enumerate(compared[one, one + 1 :] for one in range(count))
        )
        with closing(_finished(ray, compare_lists, arguments)) as finished:
            for number, (one, pairs) in enumerate(finished):
                progress(number, count, "comparing images")
                results[one] = _copied(pairs)
    return [results[one] for one in range(count)]


@dataclass(frozen=True)
class Strip:
    """Some rows of the pool in a row: their vectors, their bounds where there are any, and the
    blocks they fall into, of which the first is number ``first_block`` of the pool."""

    vectors: Unit
    bounds: Bounds | None
    blocks: list[slice]
    first_block: int


def _strip(unit: Unit, bounds: Bounds | None, blocks: list[slice], first_block: int) -> Strip:
    rows = slice(blocks[0].start, blocks[-1].stop)
    part = None if bounds is None else Bounds(bounds.rows[rows], bounds.slack)
    return Strip(unit[rows], part, blocks, first_block)


def compare_strips(delta: float, *strips: Strip) -> list[tuple[tuple[int, int], Pairs]]:
    """The close pairs of every tile of one strip with itself, or of one with a later one."""
    # A copy also where it is only one, because what Ray hands over cannot be written to.
    vectors = np.concatenate([strip.vectors for strip in strips])
    bounds = None
    if strips[0].bounds is not None:
        rows = np.concatenate([strip.bounds.rows for strip in strips if strip.bounds is not None])
        bounds = Bounds(rows, strips[0].bounds.slack)
    first, second = strips[0], strips[-1]
    here = -first.blocks[0].start
    there = here if first is second else len(first.vectors) - second.blocks[0].start
    found = []
    with one_blas_thread():
        for i, rows_block in enumerate(first.blocks, first.first_block):
            for j, columns_block in enumerate(second.blocks, second.first_block):
                if j < i:
                    continue
                pairs = pairs_of_tile(
                    vectors, bounds, _moved(rows_block, here), _moved(columns_block, there), delta
                )
                row, column = pairs.row - np.int32(here), pairs.column - np.int32(there)
                found.append(((i, j), Pairs(row, column, pairs.similarity)))
    return found


def compare_lists(delta: float, *lists: tuple[NDArray[np.int64], Unit]) -> Pairs:
    """The close pairs inside the first of some lists, and between it and the others."""
    rows = np.concatenate([rows for rows, _ in lists])
    vectors = np.concatenate([vectors for _, vectors in lists])
    with one_blas_thread():
        pairs = pairs_of_list(vectors, np.arange(len(lists[0][0])), np.arange(len(rows)), delta)
    numbers = rows.astype(np.int32)
    return Pairs(numbers[pairs.row], numbers[pairs.column], pairs.similarity)


def _moved(block: slice, by: int) -> slice:
    return slice(block.start + by, block.stop + by)


def _copied(pairs: Pairs) -> Pairs:
    """The same pairs outside of the object store, which can then forget them."""
    return Pairs(pairs.row.copy(), pairs.column.copy(), pairs.similarity.copy())


def _finished(
    ray: ModuleType, work: Callable[..., Any], arguments: Iterator[tuple[Any, ...]]
) -> Generator[tuple[int, Any]]:
    """What ``work`` gives for each of the ``arguments``, and the number of those, as it comes.

    Close it, also after an error, so that tasks nobody waits for any longer are called off.
    """
    task = ray.remote(num_cpus=1)(work)
    most = _TASKS_PER_CORE * max(1, int(ray.cluster_resources().get("CPU", 1)))
    left = enumerate(arguments)
    under_way = {task.remote(*one): number for number, one in islice(left, most)}
    try:
        while under_way:
            (done,), _ = ray.wait(list(under_way), num_returns=1)
            number = under_way.pop(done)
            under_way |= {task.remote(*one): following for following, one in islice(left, 1)}
            yield number, ray.get(done)
    finally:
        for unfinished in under_way:
            ray.cancel(unfinished)


@contextmanager
def _cluster() -> Iterator[ModuleType]:
    """The module ray, connected; what was connected or started here is let go at the end."""
    try:
        import ray
    except ImportError:
        raise ColdstartError(
            "The engine 'ray' needs the package ray, which is not installed.",
            "Install it with: pip install 'coldstart[ray]'",
        ) from None
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _knock(os.environ.get("RAY_ADDRESS", ""))
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    except OSError as problem:
        raise ColdstartError(
            f"The Ray cluster cannot be reached: {problem}.",
            "Check RAY_ADDRESS and that the cluster runs, or choose the engine 'local'.",
        ) from problem
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens, because Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
