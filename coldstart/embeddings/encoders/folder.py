"""The encoder that needs no download: fitted on the person's own images, without labels.

Textures, edges and colours (`description`) of each image at 64×64, reduced by PCA, then whitened by
how much random views of one and the same image differ (within-class covariance normalisation, Hatch
et al. 2006, with each image as its own class). It knows colour, texture and coarse shape, not
objects; a pretrained network is far better on photos of everyday things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import torch
from PIL import Image

from coldstart.embeddings.encoders.description import describe
from coldstart.embeddings.encoders.parallel import map_on_cores, single_threaded
from coldstart.embeddings.encoders.patch_dictionary import PatchDictionary
from coldstart.embeddings.encoders.random_views import random_views
from coldstart.errors import ColdstartError
from coldstart.images.read import ImageProblem, read_image
from coldstart.progress import Progress, silent

SIDE_PIXELS = 64
DIMENSION = 128
WEIGHTS = (1.0, 1.0, 0.6, 0.5)
"""Of Fisher vector, k-means patches, HOG and colour histogram; chosen on TrashNet and CIFAR-10."""
FIT_IMAGES = 1_000
VIEWED_IMAGES, VIEWS = 200, 4
BATCH_IMAGES = 8
STATE_FILE = "folder.npz"
RECIPE = 1
"""Raised when the arithmetic changes, so that vectors of two recipes are never mixed in one set."""


class FolderEncoder:
    """Encoder `folder`: ``fit`` on image files, then ``encode`` pixels to unit vectors.

    Parameters
    ----------
    seed : of everything random in the fit; the same images and seed give the same vectors.
    flip : whether a mirrored image still shows the same thing (not so for digits or text).
    """

    name = "folder"
    input_pixels = SIDE_PIXELS
    batch_images = BATCH_IMAGES
    read_at_least = 2 * SIDE_PIXELS

    def __init__(self, seed: int = 0, flip: bool = True) -> None:
        self.seed = seed
        self.flip = flip
        self.dimension = DIMENSION
        self.preprocessing: dict[str, Any] = {
            "resize": "squash",
            "pixels": SIDE_PIXELS,
            "colour": "RGB 0..255",
        }
        self.settings: dict[str, Any] = {"seed": seed, "flip": flip, "recipe": RECIPE}
        self._dictionary: PatchDictionary | None = None
        self._means: list[np.ndarray] = []  # of each description
        self._centre = np.empty(0, np.float32)  # of all descriptions put together
        self._projection = np.empty((0, 0), np.float32)
        self._whitening = np.empty((0, 0), np.float32)

    def prepare(self, image: Image.Image) -> np.ndarray:
        """An RGB image as the (64, 64, 3) uint8 array that `encode` takes."""
        # Bilinear leaves creases between the pixels of an enlarged image, which read as edges.
        enlarged = max(image.size) < SIDE_PIXELS
        method = Image.Resampling.BICUBIC if enlarged else Image.Resampling.BILINEAR
        return np.asarray(image.resize((SIDE_PIXELS, SIDE_PIXELS), method))

    def fit(self, paths: Sequence[Path], progress: Progress = silent) -> None:
        """Learn from at most 1,000 of these image files, drawn at random; bad files are passed by.

        Raises `ColdstartError` when fewer than two of them can be read.
        """
        random = np.random.default_rng(self.seed)
        chosen = [paths[i] for i in np.sort(random.permutation(len(paths))[:FIT_IMAGES])]
        viewed = min(VIEWED_IMAGES, len(chosen))
        total = 2 * len(chosen) + viewed * VIEWS
        told = _Teller(progress, total)
        # Read at once: 1,000 images at this size are 12 MB.
        pixels = self._read(chosen, told)
        if len(pixels) < 2:
            raise ColdstartError(
                "The encoder `folder` learns from at least two readable images, "
                f"and of {len(paths):,} files {len(pixels)} can be read.",
                "Add images, or choose another encoder.",
            )
        with single_threaded(), torch.inference_mode():
            told.step("Learning textures", 0)
            self._dictionary = PatchDictionary.fit(pixels, random)
            blocks = self._describe_all(_batches(pixels), told)
            self._means = [block.mean(0) for block in blocks]
            self._fit_projection(self._join(blocks))
            self._fit_whitening(pixels[random.permutation(len(pixels))[:viewed]], random, told)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Vectors of images: (m, 64, 64, 3) uint8 to (m, dimension) float32 of length 1."""
        with torch.inference_mode():
            projected = self._project(self._describe(pixels))
            if self.flip:
                mirrored = self._project(self._describe(pixels[:, :, ::-1]))
                projected = 0.5 * projected + 0.5 * mirrored
        return _unit_rows(projected @ self._whitening)

    def save(self, directory: Path) -> None:
        """Write what `fit` learned to ``directory/folder.npz``."""
        np.savez(directory / STATE_FILE, allow_pickle=False, **self.fitted_arrays())

    def load(self, directory: Path) -> None:
        """Take up what `save` wrote."""
        with np.load(directory / STATE_FILE, allow_pickle=False) as state:
            self._means = [state[f"mean_{i}"] for i in range(len(WEIGHTS))]
            self._centre, self._projection = state["centre"], state["projection"]
            self._whitening = state["whitening"]
            self._dictionary = PatchDictionary(
                **{
                    name: torch.from_numpy(state[f"patch_{name}"])
                    for name in PatchDictionary.__dataclass_fields__
                }
            )
        self.dimension = self._projection.shape[1]

    def fitted_arrays(self) -> dict[str, np.ndarray]:
        """What `fit` learned, by name."""
        patches = {f"patch_{k}": array.numpy() for k, array in vars(self._fitted()).items()}
        means = {f"mean_{i}": mean for i, mean in enumerate(self._means)}
        return {
            "centre": self._centre,
            "projection": self._projection,
            "whitening": self._whitening,
            **means,
            **patches,
        }

    def _fitted(self) -> PatchDictionary:
        if self._dictionary is None:
            raise RuntimeError("FolderEncoder.fit or .load comes first")
        return self._dictionary

    def _read(self, paths: Sequence[Path], told: _Teller) -> np.ndarray:
        read = []
        for pixels in map_on_cores(self._read_one, paths):
            told.step("Reading images to learn from")
            if pixels is not None:
                read.append(pixels)
        return np.stack(read) if read else np.empty((0, SIDE_PIXELS, SIDE_PIXELS, 3), np.uint8)

    def _read_one(self, path: Path) -> np.ndarray | None:
        try:
            return self.prepare(read_image(path, at_least=self.read_at_least))
        except ImageProblem:
            return None

    def _describe(self, pixels: np.ndarray) -> list[np.ndarray]:
        images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        return [block.numpy() for block in describe(images, self._fitted())]

    def _describe_all(self, batches: Iterable[np.ndarray], told: _Teller) -> list[np.ndarray]:
        def one(batch: np.ndarray) -> list[np.ndarray]:
            with torch.inference_mode():
                return [block.astype(np.float16) for block in self._describe(batch)]

        described = []
        for blocks in map_on_cores(one, batches):
            told.step("Learning what the images look like", len(blocks[0]))
            described.append(blocks)
        return [np.concatenate(parts).astype(np.float32) for parts in zip(*described)]

    def _join(self, blocks: Sequence[np.ndarray]) -> np.ndarray:
        """The descriptions side by side, each centred, of length 1 and weighted."""
        return np.hstack(
            [
                weight * _unit_rows(block - mean)
                for block, mean, weight in zip(blocks, self._means, WEIGHTS)
            ]
        )

    def _project(self, blocks: Sequence[np.ndarray]) -> np.ndarray:
        return (self._join(blocks) - self._centre) @ self._projection

    def _fit_projection(self, joined: np.ndarray) -> None:
        """PCA by the (n, n) matrix of products, n being smaller than the descriptions are long."""
        self._centre = joined.mean(0)
        joined = joined - self._centre
        count = len(joined)
        self.dimension = min(DIMENSION, count - 1)
        products = (joined @ joined.T / count).astype(np.float64)
        eigenvalues, vectors = scipy.linalg.eigh(
            products, subset_by_index=(count - self.dimension, count - 1)
        )
        eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
        eigenvalues = np.maximum(eigenvalues, max(eigenvalues[0], 1e-12) * 1e-7)
        # Half-whitened: each component times eigenvalue^-1/4, between none and full.
        scales = eigenvalues**-0.25 / np.sqrt(eigenvalues * count)
        self._projection = (joined.T @ (vectors * scales)).astype(np.float32)

    def _fit_whitening(
        self, pixels: np.ndarray, random: np.random.Generator, told: _Teller
    ) -> None:
        """Shrink the directions in which views of one and the same image differ."""
        viewed = (random_views(image, VIEWS, random, self.flip) for image in pixels)
        projected = self._project(self._describe_all(viewed, told))
        by_image = projected.reshape(len(pixels), VIEWS, self.dimension)
        differences = (by_image - by_image.mean(1, keepdims=True)).reshape(-1, self.dimension)
        covariance = (differences.T @ differences / len(differences)).astype(np.float64)
        eigenvalues, vectors = np.linalg.eigh(covariance)
        scales = 1.0 / np.sqrt(eigenvalues + max(eigenvalues.mean(), 1e-12))
        self._whitening = (vectors * scales @ vectors.T).astype(np.float32)


class _Teller:
    """Counts steps for a `Progress`."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def step(self, message: str, steps: int = 1) -> None:
        self._done += steps
        self._progress(self._done, self._total, message)


def _batches(pixels: np.ndarray) -> Iterator[np.ndarray]:
    rows = range(0, len(pixels), BATCH_IMAGES)
    yield from (pixels[row : row + BATCH_IMAGES] for row in rows)


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
