"""The neighbours of a pool, kept in the project: a graph of a wide radius serves every smaller one.

It is made once for an embedding set, lies beside the set's radius in ``graphs/``, and goes when the
set's vectors change. An image that has left the pool since is left out of it; one that has come
needs a new graph.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.selection import Pool, RadiusGraph
from coldstart.selection.radius import widest_graph
from coldstart.workflow.pool import ProjectPool, active_set, radius_file

# At 8 bytes a neighbour: 67 million of them, so that a look at any radius takes under a second.
GRAPH_BYTES = 2**29
# Of all embedding sets together; the graphs looked at longest ago go first.
KEPT_BYTES = 2**31
_ROWS = "image_ids.npy"


def kept_graph(project: Project, pool: ProjectPool, every: Pool) -> RadiusGraph | None:
    """The graph kept for this pool, whose vectors are ``every``; None when there is none."""
    folder = graph_folder(project, pool.embedding_set)
    try:
        about = json.loads((folder / "set.json").read_text(encoding="utf-8"))
        image_ids = np.load(folder / _ROWS, allow_pickle=False)
        if about != _set_state(project, pool):
            return None
        graph = RadiusGraph.load(folder / "graph")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if graph.n != len(image_ids):
        return None
    if not np.array_equal(image_ids, pool.image_ids):
        order = np.argsort(image_ids)
        place = np.searchsorted(image_ids, pool.image_ids, sorter=order)
        rows = order[np.minimum(place, len(order) - 1)]
        if not np.array_equal(image_ids[rows], pool.image_ids):
            return None
        graph = graph.part(rows, every.unit)
    try:
        graph.check_belongs_to(every.unit)
    except ValueError:
        return None
    (folder / "set.json").touch()
    return graph


def make_graph(
    project: Project,
    pool: ProjectPool,
    every: Pool,
    *,
    engine: str = "local",
    progress: Progress = silent,
) -> RadiusGraph:
    """Compare every image with every other, and keep who is near whom."""
    made = widest_graph(every, limit_bytes=GRAPH_BYTES, engine=engine, progress=progress)
    progress(1, 1, "keeping who is near whom")
    folder = graph_folder(project, pool.embedding_set)
    unfinished = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    made.save(unfinished / "graph")
    np.save(unfinished / _ROWS, pool.image_ids)
    state = json.dumps(_set_state(project, pool))
    (unfinished / "set.json").write_text(state, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.replace(folder)
    _forget_oldest(project)
    return made


def graph_folder(project: Project, embedding_set: str) -> Path:
    """Where the graph of an embedding set is kept."""
    return radius_file(project, embedding_set).parent / "neighbours"


def _set_state(project: Project, pool: ProjectPool) -> list[object]:
    """What tells one state of an embedding set from another."""
    named = active_set(project)
    created = named.meta.get("created_at") if named and named.name == pool.embedding_set else None
    return [pool.embedding_set, created, int(pool.vectors.shape[1])]


def _forget_oldest(project: Project) -> None:
    """Delete graphs until those of all sets fit, but never the newest."""
    kept = sorted(
        project.graphs.glob("*/neighbours/set.json"),
        key=lambda file: file.stat().st_mtime,
        reverse=True,
    )
    room = KEPT_BYTES
    for number, file in enumerate(kept):
        room -= sum(one.stat().st_size for one in file.parent.rglob("*.npy"))
        if room < 0 and number > 0:
            shutil.rmtree(file.parent, ignore_errors=True)
