"""Near copies that only an embedding shows: other light, another crop, the next frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.pool import active_set

ALIKE = "alike in the embeddings"
SHARE_OF_USUAL = 0.25
"""Nearer than this share of the usual distance between an image and its nearest: a near copy."""

_ASKED = 256
_EXACT_UP_TO_IMAGES = 50_000
_BLOCK_ROWS = 65_536


def find_alike(project: Project, *, progress: Progress = silent) -> int:
    """Look for near copies in the set in use, and note them as a finding; how many groups.

    Images are in one group when a chain leads from one to the other, each step nearer than
    `near_copy_distance`. Of each group the largest picture is kept. Of more than 50,000 images
    about one pair in a hundred is overlooked (`selection.approximate`).
    """
    embedding_set = active_set(project)
    if embedding_set is None:
        return 0
    from coldstart.embeddings.matrix import unit_rows

    progress(0, None, "Looking for near copies in the embeddings")
    # Those that are left out already too, or they would come back.
    ids, _, pixels, sharpness = project.store.findings.looks(0.0)
    order = np.argsort(embedding_set.image_ids, kind="stable")
    ordered = embedding_set.image_ids[order]
    place = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
    known = ordered[place] == ids
    ids, pixels, sharpness = ids[known], pixels[known], sharpness[known]
    unit = unit_rows(np.asarray(embedding_set.vectors[order[place[known]]]))
    group = groups_within(unit, near_copy_distance(unit))
    rows = np.flatnonzero(np.bincount(group, minlength=len(group))[group] > 1)
    # Of each group the largest picture is kept, of equally large ones the sharpest.
    rows = rows[np.lexsort((ids[rows], -sharpness[rows], -pixels[rows], group[rows]))]
    starts = np.diff(group[rows], prepend=-1) != 0
    kept = ids[rows][np.flatnonzero(starts)][np.cumsum(starts) - 1]
    project.store.findings.replace_groups(ALIKE, ids[rows], kept)
    return int(starts.sum())


def near_copy_distance(unit: NDArray[np.float32], seed: int = 0) -> float:
    """How near two images (n, d) must lie to count as near copies; 0 for fewer than three.

    A quarter of the median distance between an image and its nearest, so that it fits any encoder.
    """
    if len(unit) < 3:
        return 0.0
    asked = np.sort(np.random.default_rng(seed).permutation(len(unit))[:_ASKED])
    nearest = np.full(len(asked), -1.0, dtype=np.float32)
    for start in range(0, len(unit), _BLOCK_ROWS):
        similar = unit[asked] @ unit[start : start + _BLOCK_ROWS].T
        own = (asked >= start) & (asked < start + similar.shape[1])
        similar[own, asked[own] - start] = -1.0
        np.maximum(nearest, similar.max(axis=1), out=nearest)
    usual = np.median(np.sqrt(np.maximum(2.0 - 2.0 * nearest.astype(np.float64), 0.0)))
    return SHARE_OF_USUAL * float(usual)


def groups_within(unit: NDArray[np.float32], distance: float) -> NDArray[np.int64]:
    """(n,) the group of each row of (n, d): rows nearer than ``distance`` are in the same."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    if distance <= 0:
        return np.arange(len(unit), dtype=np.int64)
    if len(unit) > _EXACT_UP_TO_IMAGES:
        from coldstart.selection.approximate import approximate_graph

        graph = approximate_graph(unit, distance).graph
    else:
        from coldstart.selection.neighbours import radius_graph

        graph = radius_graph(unit, distance)
    links = np.ones(len(graph.indices), dtype=bool)
    joined = csr_matrix((links, graph.indices, graph.indptr), shape=(len(unit), len(unit)))
    group: NDArray[np.int64] = connected_components(joined, directed=False)[1].astype(np.int64)
    return group
