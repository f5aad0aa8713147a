"""Map: the pool laid out in two dimensions, so that a person can see what is covered.

A layout stands until the embedding changes. Images that come later are placed among it, and nothing
that was on the map moves.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.pool import ProjectPool, load_pool

# Neighbour preservation is measured on this many images: exact enough, and quick at any size.
TRUST_IMAGES = 5_000
# By the vectors of so many images one tells whether the embedding is still the same.
_WITNESSES = 32
KEPT_FROM_IMAGES = 20_000
"""The first layout of so many images is kept in a file; fewer are laid out in no time."""


@dataclass(frozen=True)
class MapReport:
    """A finished layout; ``placed`` images came later and were placed among those laid out."""

    embedding_set: str
    images: int
    method: str
    trust: float  # share of the 15 nearest neighbours that are neighbours on the map too
    placed: int = 0
    computed: bool = True  # False: the layout stood already


@dataclass(frozen=True)
class MapView:
    """A layout to draw.

    Attributes
    ----------
    layout : (n, 2) float32.
    image_ids : (n,) int64.
    method : "umap", or "pca" while no UMAP layout has been computed.
    trust : share of the 15 nearest neighbours that are neighbours on the map too.
    stale : whether the embedding has changed since the layout was computed.
    placed : images that came later and were placed among the others.
    """

    layout: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    method: str
    trust: float | None
    stale: bool
    placed: int = 0

    @cached_property
    def packed(self) -> NDArray[np.uint16]:
        """(n, 2) little-endian, the places as `pack_layout` hands them to a browser."""
        from coldstart.embeddings.lasso import pack_layout

        return pack_layout(self.layout).astype("<u2")

    @cached_property
    def digest(self) -> str:
        """A name for the places and what lies there."""
        ids = np.asarray(self.image_ids, dtype=np.int64)
        return hashlib.sha256(self.packed.tobytes() + ids.tobytes()).hexdigest()[:32]


@dataclass(frozen=True)
class _Kept:
    """A layout as it lies on disk."""

    layout: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    witness_ids: NDArray[np.int64]
    witness_vectors: NDArray[np.float32]
    report: dict[str, Any]

    def fits(self, pool: ProjectPool) -> bool:
        """Whether it is a layout of this embedding: its witnesses still have the same vectors."""
        row_of = pool.rows_of(self.witness_ids.tolist())
        rows = [row_of.get(image_id) for image_id in self.witness_ids.tolist()]
        pairs = [(place, row) for place, row in enumerate(rows) if row is not None]
        if not pairs or self.witness_vectors.shape[1] != pool.vectors.shape[1]:
            return False
        places, known = (list(one) for one in zip(*pairs, strict=True))
        return bool(np.array_equal(pool.vectors[known], self.witness_vectors[places]))


def compute_map(
    project: Project, *, seed: int = 0, anew: bool = False, progress: Progress = silent
) -> MapReport:
    """Lay the pool out with UMAP and keep the layout.

    A layout of the same embedding stands: images that came since are placed among it, and nothing
    is computed. anew : compute it all the same.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    from coldstart.embeddings.layout import umap_layout

    pool = load_pool(project)
    kept = None if anew else _read(map_file(project, pool.embedding_set))
    if kept is not None and kept.fits(pool):
        layout, placed = _with_newcomers(kept, pool)
        if not placed:
            return MapReport(**{**kept.report, "images": len(layout), "computed": False})
        trust = _trust(pool, layout, seed)
        placed += int(kept.report.get("placed", 0))
        report = MapReport(pool.embedding_set, len(layout), "umap", trust, placed, computed=False)
    else:
        layout = umap_layout(pool.vectors, seed=seed, progress=progress)
        report = MapReport(pool.embedding_set, len(layout), "umap", _trust(pool, layout, seed))
    _write(map_file(project, pool.embedding_set), pool, layout, report)
    return report


def map_view(project: Project) -> MapView:
    """The layout of the active embedding set: UMAP if it has been computed, PCA until then.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    pool = load_pool(project)
    kept = _read(map_file(project, pool.embedding_set))
    if kept is None or not kept.fits(pool):
        layout, trust = _directions(project, pool)
        return MapView(layout, pool.image_ids, "pca", trust, kept is not None)
    layout, placed = _with_newcomers(kept, pool)
    placed += int(kept.report.get("placed", 0))
    return MapView(layout, pool.image_ids, "umap", float(kept.report["trust"]), False, placed)


def _directions(project: Project, pool: ProjectPool) -> tuple[NDArray[np.float32], float]:
    """The pool along its two main directions, and how far neighbours stay together; of a large pool
    it is kept in a file until the pool changes."""
    from coldstart.embeddings.layout import pca_layout

    file = project.maps / f"{pool.embedding_set}.pca.npz"
    kept = _read(file)
    if kept is not None and kept.fits(pool) and np.array_equal(kept.image_ids, pool.image_ids):
        return kept.layout, float(kept.report["trust"])
    layout = pca_layout(pool.vectors)
    trust = _trust(pool, layout, 0)
    if len(layout) >= KEPT_FROM_IMAGES:
        with suppress(OSError):  # a full disk: then the next process lays it out too
            _write(file, pool, layout, MapReport(pool.embedding_set, len(layout), "pca", trust))
    return layout, trust


def map_file(project: Project, embedding_set: str) -> Path:
    """Where the layout of an embedding set is kept."""
    return project.maps / f"{embedding_set}.npz"


def _with_newcomers(kept: _Kept, pool: ProjectPool) -> tuple[NDArray[np.float32], int]:
    """The places of the pool's images, in its order, and how many of them the layout lacked."""
    from coldstart.embeddings.layout import place_new

    order = np.argsort(kept.image_ids, kind="stable")
    place = np.searchsorted(kept.image_ids, pool.image_ids, sorter=order)
    places = order[np.minimum(place, len(order) - 1)]
    is_known = kept.image_ids[places] == pool.image_ids
    known, new = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    layout = np.empty((len(places), 2), dtype=np.float32)
    layout[known] = kept.layout[places[known]]
    if len(new):
        layout[new] = place_new(pool.vectors[known], pool.vectors[new], layout[known])
    return layout, len(new)


def _trust(pool: ProjectPool, layout: NDArray[np.float32], seed: int) -> float:
    from coldstart.embeddings.layout import neighbour_preservation

    part = np.sort(np.random.default_rng(seed).permutation(len(layout))[:TRUST_IMAGES])
    return float(neighbour_preservation(pool.vectors[part], layout[part]))


def _write(file: Path, pool: ProjectPool, layout: NDArray[np.float32], report: MapReport) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    witnesses = np.random.default_rng(1).permutation(len(layout))[:_WITNESSES]
    beside = file.with_name(f"{file.stem}.tmp.npz")
    np.savez(
        beside,
        layout=layout.astype(np.float32),
        image_ids=pool.image_ids,
        witness_ids=pool.image_ids[witnesses],
        witness_vectors=np.asarray(pool.vectors[witnesses], dtype=np.float32),
        report=np.array(json.dumps(asdict(report))),
    )
    beside.replace(file)


def _read(file: Path) -> _Kept | None:
    """What `_write` wrote; None when there is nothing, or nothing that can be read."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            return _Kept(
                kept["layout"],
                kept["image_ids"],
                kept["witness_ids"],
                kept["witness_vectors"],
                json.loads(str(kept["report"])),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
