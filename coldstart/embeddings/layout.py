"""The map: vectors laid out on a plane, neighbours near each other.

UMAP (McInnes, Healy & Melville 2018) with exact neighbours from faiss, or, at once, PCA.
"""

from __future__ import annotations

import io
import re
import warnings

import numpy as np

from coldstart.progress import Progress, silent

NEIGHBOURS = 15
MINIMUM_DISTANCE = 0.1
EXACT_UP_TO_IMAGES = 50_000
"""From here on exact neighbours cost more than UMAP's own approximate search."""
SMALLEST_FOR_UMAP = 10
PLACED_BY = 5
"""So many of its nearest images say where a new one is placed."""


def umap_layout(vectors: np.ndarray, seed: int = 0, progress: Progress = silent) -> np.ndarray:
    """Lay out vectors (n, d) with UMAP; returns (n, 2) float32, the same for the same seed.

    Too few vectors for a neighbourhood graph (under 10) are laid out by PCA.
    """
    if len(vectors) < SMALLEST_FOR_UMAP:
        return pca_layout(vectors)
    progress(0, None, "Starting UMAP (the first time on this machine it compiles: a minute or two)")
    import umap
    import umap.layouts

    # The rest of UMAP keeps on disk what it has compiled; this part would compile at every start.
    umap.layouts._nb_optimize_layout_euclidean_single_epoch.enable_caching()
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    neighbours = min(NEIGHBOURS, len(vectors) - 1)
    progress(0, None, "Finding each image's neighbours")
    known: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    if len(vectors) <= EXACT_UP_TO_IMAGES:
        known = nearest_neighbours(vectors, neighbours)
    mapper = umap.UMAP(
        n_neighbors=neighbours,
        min_dist=MINIMUM_DISTANCE,
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(*known, None),
        # From PCA: the spectral start takes longer and differs between machines.
        init="pca",
        tqdm_kwds={"file": _Epochs(progress), "disable": False, "mininterval": 0.5, "miniters": 1},
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*precomputed_knn.*")
        layout: np.ndarray = mapper.fit_transform(vectors)
    return layout.astype(np.float32)


class _Epochs(io.StringIO):
    """Where UMAP's progress bar is written to: the epochs it counts become the job's progress."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def write(self, text: str) -> int:
        counted = re.search(r"(\d+)/(\d+)", text)
        if counted is not None:
            self.progress(int(counted[1]), int(counted[2]), "Laying out the map")
        return len(text)


def place_new(
    vectors: np.ndarray, new: np.ndarray, layout: np.ndarray, neighbours: int = PLACED_BY
) -> np.ndarray:
    """Where new images belong on a map that is not to move: (m, 2) float32.

    Each comes to lie at the mean of its nearest images on the map, the nearer the heavier, as UMAP
    itself begins when it places new points. vectors : (n, d) of the images on the map, whose places
    are ``layout`` (n, 2). new : (m, d). Raises ValueError when nothing is on the map.
    """
    import faiss

    if len(vectors) == 0 or len(vectors) != len(layout):
        raise ValueError(f"{len(vectors)} vectors and {len(layout)} places do not make a map")
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    wanted = np.ascontiguousarray(new, dtype=np.float32)
    squares, near = index.search(wanted, min(neighbours, len(vectors)))
    weights = 1 / (np.sqrt(np.maximum(squares, 0)) + 1e-6)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkc->mc", weights, layout[near]).astype(np.float32)


def pca_layout(vectors: np.ndarray) -> np.ndarray:
    """Lay out vectors (n, d) along their two directions of greatest variance: (n, 2) float32."""
    centred = np.asarray(vectors, dtype=np.float32) - np.mean(vectors, axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, ::-1][:, :2]
    # An eigenvector's sign is arbitrary: its largest entry shall be positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    layout = np.zeros((len(vectors), 2), np.float32)
    layout[:, : axes.shape[1]] = centred @ axes
    return layout


def neighbour_preservation(vectors: np.ndarray, layout: np.ndarray, k: int = 15) -> float:
    """The share, 0..1, of each image's k nearest vectors that are among its k nearest on the map.

    ``vectors`` is (n, d), ``layout`` (n, 2). NaN when there are fewer than two images.
    """
    k = min(k, len(vectors) - 1)
    if k < 1:
        return float("nan")
    before = nearest_neighbours(vectors, k + 1)[0]
    after = nearest_neighbours(layout, k + 1)[0]
    kept = 0
    for row, (near, near_on_map) in enumerate(zip(before, after)):
        kept += len((set(near.tolist()) & set(near_on_map.tolist())) - {row})
    return kept / (len(vectors) * k)


def nearest_neighbours(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Each row's k nearest rows by Euclidean distance, itself first, exact.

    Returns indices (n, k) int64 and distances (n, k) float32.
    """
    import faiss

    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    squares, indices = index.search(vectors, k)
    return _itself_first(indices, np.sqrt(np.maximum(squares, 0.0)))


def _itself_first(indices: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put each row first among its own neighbours, where doubles or rounding put another."""
    rows = np.arange(len(indices))
    found = indices == rows[:, None]
    place = np.where(found.any(1), found.argmax(1), indices.shape[1] - 1)
    for row in np.flatnonzero(place > 0):
        indices[row, 1 : place[row] + 1] = indices[row, : place[row]].copy()
        distances[row, 1 : place[row] + 1] = distances[row, : place[row]].copy()
    indices[rows, 0], distances[rows, 0] = rows, 0.0
    return indices, distances
