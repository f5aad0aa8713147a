"""The encoder `folder`: its parts against slow references, and what it promises as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits

from coldstart.embeddings.encoders import make_encoder
from coldstart.embeddings.encoders.description import (
    colour_histogram,
    kmeans_patches,
    oriented_gradients,
)
from coldstart.embeddings.encoders.folder import FolderEncoder
from coldstart.embeddings.encoders.patch_dictionary import (
    PatchDictionary,
    all_patches,
    responsibilities,
)
from coldstart.embeddings.encoders.random_views import random_views
from coldstart.embeddings.extract import ImageToEmbed
from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled

MakeImages = Callable[[int], list[ImageToEmbed]]


def _pixels(count: int, side: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def _tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def test_patches_are_cut_and_normalised() -> None:
    image = _pixels(1, side=12)
    patches, places = all_patches(_tensor(image))
    assert places == 3
    assert patches.shape == (9, 192)
    cut = image[0, 2:10, 4:12].astype(np.float64).transpose(2, 0, 1).ravel()  # row 1, column 2
    expected = (cut - cut.mean()) / np.sqrt(cut.var(ddof=1) + 10.0)
    np.testing.assert_allclose(patches[1 * 3 + 2], expected, atol=1e-5)


def test_responsibilities_are_those_of_the_gaussians() -> None:
    random = np.random.default_rng(0)
    means, variances = random.normal(size=(3, 4)), random.uniform(0.5, 2.0, (3, 4))
    weights, points = np.array([0.2, 0.3, 0.5]), random.normal(size=(10, 4))
    densities = np.stack(
        [
            w * multivariate_normal(m, np.diag(v)).pdf(points)
            for m, v, w in zip(means, variances, weights)
        ],
        axis=1,
    )
    found = responsibilities(
        *(
            torch.from_numpy(array).float()
            for array in (np.hstack([points**2, points]), means, variances, weights)
        )
    )
    np.testing.assert_allclose(found, densities / densities.sum(1, keepdims=True), atol=1e-5)


def test_nearness_to_centroids_by_quarter() -> None:
    random = np.random.default_rng(0)
    places, dimension = 5, 6
    points = random.normal(size=(places * places, dimension)).astype(np.float32)
    centroids = random.normal(size=(4, dimension)).astype(np.float32)
    empty = torch.empty(0)
    dictionary = PatchDictionary(empty, empty, empty, empty, empty, torch.from_numpy(centroids))
    distances = np.linalg.norm(points[:, None] - centroids[None], axis=2)
    nearness = np.maximum(distances.mean(1, keepdims=True) - distances, 0).reshape(5, 5, 4)
    quarters = [
        nearness[r, c].mean((0, 1))
        for r in (slice(2), slice(2, 5))
        for c in (slice(2), slice(2, 5))
    ]
    expected = np.sqrt(np.concatenate(quarters))
    expected /= np.linalg.norm(expected)
    found = kmeans_patches(torch.from_numpy(points.copy()), 1, places, dictionary)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_colours_are_counted_in_their_bins() -> None:
    pixels = np.zeros((1, 64, 64, 3), np.uint8)
    pixels[0, :16] = (255, 0, 0)  # a quarter pure red, the rest black
    squared = (colour_histogram(_tensor(pixels)) ** 2)[0].reshape(12, 4, 4)
    assert squared[0, 3, 3] == pytest.approx(0.25)
    assert squared[0, 0, 0] == pytest.approx(0.75)


def test_gradients_tell_upright_from_level_stripes_but_not_bright_from_dark() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = 255
    both = np.stack([stripes, stripes.transpose(1, 0, 2), stripes // 2])
    upright, level, dim = oriented_gradients(_tensor(both)).numpy()
    assert upright @ level < 0.1
    assert upright @ dim > 0.95


def test_views_stay_images_and_obey_flip_and_seed() -> None:
    image = _pixels(1)[0]
    views = random_views(image, 4, np.random.default_rng(0), flip=True)
    assert views.shape == (4, 64, 64, 3)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(
        views, random_views(image, 4, np.random.default_rng(0), flip=True)
    )
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 64, 0).repeat(3, 2)
    for view in random_views(ramp, 20, np.random.default_rng(1), flip=False):
        assert view[:, -1].mean() > view[:, 0].mean()  # left stays left


@pytest.mark.usefixtures("quick_fit")
def test_same_seed_same_vectors_saved_and_loaded(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(24)
    paths = [image.path for image in images]
    told: list[tuple[int, int | None]] = []
    encoder = FolderEncoder(seed=3)
    encoder.fit(paths, lambda done, total, message="": told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    again = FolderEncoder(seed=3)
    again.fit(paths)
    pixels = np.stack([encoder.prepare(Image.open(path)) for path in paths])
    vectors = encoder.encode(pixels)
    assert vectors.shape == (24, encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(again.encode(pixels), vectors, atol=1e-4)
    # A mirrored image is the same to an encoder that may flip.
    np.testing.assert_allclose(encoder.encode(pixels[:, :, ::-1].copy()), vectors, atol=1e-4)
    encoder.save(tmp_path)
    loaded = FolderEncoder(seed=3)
    loaded.load(tmp_path)
    np.testing.assert_array_equal(loaded.encode(pixels), vectors)


@pytest.mark.usefixtures("quick_fit")
def test_neighbours_are_of_the_same_class_on_digits_it_never_saw_labels_of(tmp_path: Path) -> None:
    digits = load_digits()
    chosen = np.random.default_rng(0).permutation(len(digits.target))[:300]
    paths = [tmp_path / f"{number}.png" for number in range(300)]
    for path, image in zip(paths, digits.images[chosen]):
        Image.fromarray((image * 15).astype(np.uint8)).save(path)
    encoder = make_encoder("folder", flip=False)
    encoder.fit(paths)
    vectors = encoder.encode(
        np.stack([encoder.prepare(Image.open(p).convert("RGB")) for p in paths])
    )
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -1)
    classes = digits.target[chosen]
    assert (classes[similarities.argmax(1)] == classes).mean() > 0.92


@pytest.mark.usefixtures("quick_fit")
@pytest.mark.parametrize("step", [90, 0])
def test_plain_doubled_and_all_alike_images_give_finite_vectors(tmp_path: Path, step: int) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (30, 20), (number // 2 * step,) * 3).save(path)
    encoder = FolderEncoder()
    encoder.fit(paths)
    vectors = encoder.encode(np.stack([encoder.prepare(Image.open(path)) for path in paths]))
    assert np.isfinite(vectors).all()


@pytest.mark.usefixtures("quick_fit")
def test_unreadable_images_are_passed_by_and_too_few_refused(make_images: MakeImages) -> None:
    paths = [image.path for image in make_images(12)]
    paths[5].write_bytes(b"")
    FolderEncoder().fit(paths)
    with pytest.raises(ColdstartError, match="at least two readable images"):
        FolderEncoder().fit(paths[5:7])


def test_the_fit_can_be_cancelled(make_images: MakeImages) -> None:
    def cancel(done: int, total: int | None, message: str = "") -> None:
        if done >= 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        FolderEncoder().fit([image.path for image in make_images(12)], cancel)
