"""Map: the pool laid out in two dimensions, so that a person can see what is covered."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.pool import load_pool

# Neighbour preservation is measured on this many images: exact enough, and quick at any size.
_TRUST_IMAGES = 5_000


@dataclass(frozen=True)
class MapReport:
    """A finished layout."""

    embedding_set: str
    images: int
    method: str
    trust: float  # share of the 15 nearest neighbours that are neighbours on the map too


@dataclass(frozen=True)
class MapView:
    """A layout to draw.

    Attributes
    ----------
    layout : (n, 2) float32.
    image_ids : (n,) int64.
    method : "umap", or "pca" while no UMAP layout has been computed.
    trust : share of the 15 nearest neighbours that are neighbours on the map too.
    stale : whether the pool has images the layout lacks, or the embedding set is another.
    """

    layout: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    method: str
    trust: float | None
    stale: bool


def compute_map(project: Project, *, seed: int = 0, progress: Progress = silent) -> MapReport:
    """Lay the pool out with UMAP and keep the layout.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    from coldstart.embeddings.layout import neighbour_preservation, umap_layout

    pool = load_pool(project)
    layout = umap_layout(pool.vectors, seed=seed, progress=progress)
    part = np.sort(np.random.default_rng(seed).permutation(len(layout))[:_TRUST_IMAGES])
    trust = neighbour_preservation(pool.vectors[part], layout[part])
    report = MapReport(pool.embedding_set, len(layout), "umap", float(trust))
    file = map_file(project, pool.embedding_set)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.stem}.tmp.npz")
    np.savez(
        beside,
        layout=layout.astype(np.float32),
        image_ids=pool.image_ids,
        report=np.array(json.dumps(asdict(report))),
    )
    beside.replace(file)
    return report


def map_view(project: Project) -> MapView:
    """The layout of the active embedding set: UMAP if it has been computed, PCA until then.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    pool = load_pool(project)
    try:
        with np.load(map_file(project, pool.embedding_set), allow_pickle=False) as kept:
            layout, image_ids = kept["layout"], kept["image_ids"]
            report = json.loads(str(kept["report"]))
    except (OSError, ValueError, KeyError):
        from coldstart.embeddings.layout import pca_layout

        return MapView(pca_layout(pool.vectors), pool.image_ids, "pca", None, True)
    stale = bool(np.setdiff1d(pool.image_ids, image_ids).size)
    known = np.isin(image_ids, pool.image_ids)
    return MapView(layout[known], image_ids[known], "umap", float(report["trust"]), stale)


def map_file(project: Project, embedding_set: str) -> Path:
    """Where the layout of an embedding set is kept."""
    return project.maps / f"{embedding_set}.npz"
