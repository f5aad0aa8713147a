"""The ways to run a network give the same vectors, and the one that was found is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from coldstart.embeddings.encoders import backends, make_encoder
from coldstart.embeddings.encoders.network import NetworkEncoder
from coldstart.embeddings.engines import ImageToEmbed
from coldstart.embeddings.extract import extract
from coldstart.embeddings.matrix import EmbeddingSet
from coldstart.images.read import read_image


@pytest.fixture
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NetworkEncoder:
    """A tiny network with random weights, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.manual_seed(0)
    file = tmp_path / "tiny.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), file)
    made = make_encoder("timm:test_resnet", weights=file)
    assert isinstance(made, NetworkEncoder)
    return made


@pytest.fixture
def pixels(encoder: NetworkEncoder) -> np.ndarray:
    side = encoder.input_pixels
    return np.random.default_rng(0).integers(0, 256, (5, side, side, 3), np.uint8)


@pytest.mark.parametrize("way", ["eager", "channels_last", "onnxruntime"])
def test_every_way_gives_the_same_vectors(
    encoder: NetworkEncoder, pixels: np.ndarray, way: str
) -> None:
    expected = encoder.encode(pixels)
    assert encoder.use({"backend": way, "batch_images": 3, "device": encoder.device.type})
    assert encoder.batch_images == 3
    for rows in (slice(0, 5), slice(0, 1)):
        cosine = (encoder.encode(pixels[rows]) * expected[rows]).sum(axis=1)
        assert (1 - cosine < backends.LARGEST_DISTANCE).all()


def test_a_way_of_other_vectors_is_not_taken_and_the_choice_is_kept(
    encoder: NetworkEncoder, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = backends.make_backend, []

    def made(name: str, *rest: object) -> backends.Backend:
        asked.append(name)
        if name == "onnxruntime":
            return lambda images: torch.randn(len(images), encoder.dimension)  # quick, and wrong
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(backends, "make_backend", made)
    few = encoder.choose(pixels, images=10, cores=2)
    assert (few["backend"], asked) == ("eager", ["eager"])  # not worth the measurement
    many = encoder.choose(pixels, images=10**9, cores=2)
    assert many["backend"] != "onnxruntime"
    assert asked[1:] == ["eager", "channels_last", "onnxruntime"]
    assert encoder.choose(pixels, images=10**9, cores=2) == many
    assert len(asked) == 4


def test_another_machines_way_is_not_pretended(encoder: NetworkEncoder) -> None:
    assert not encoder.use({"backend": "half", "batch_images": 64, "device": "elsewhere"})
    assert not encoder.use({"backend": "warp", "batch_images": 64, "device": encoder.device.type})


def test_a_set_is_continued_in_the_way_it_was_begun(
    encoder: NetworkEncoder,
    make_images: Callable[[int], list[ImageToEmbed]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = {"backend": "channels_last", "batch_images": 4, "device": encoder.device.type}
    monkeypatch.setattr(encoder, "choose", lambda *_, **__: way)
    images = make_images(10)
    extract(encoder, images[:6], tmp_path / "set")
    assert EmbeddingSet.open(tmp_path / "set").meta["computing"] == way
    used: list[dict[str, object]] = []
    monkeypatch.setattr(encoder, "choose", lambda *_, **__: pytest.fail("measured again"))
    real = encoder.use
    monkeypatch.setattr(encoder, "use", lambda one: used.append(one) or real(one))
    assert extract(encoder, images, tmp_path / "set").computed == 4
    assert used == [way]


def test_jpegs_read_at_reduced_scale_have_the_same_neighbours(
    encoder: NetworkEncoder, tmp_path: Path
) -> None:
    vectors: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for number in range(24):
        # Eight scenes, each photographed three times from a little aside.
        random = np.random.default_rng(number // 3)
        scene = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
        shift = 30 * (number % 3)
        photo = scene.resize((2400, 1800), Image.Resampling.BICUBIC).crop(
            (shift, 0, 2300 + shift, 1780)
        )
        path = tmp_path / f"{number}.jpg"
        photo.save(path, quality=90)
        for reduced in vectors:
            at_least = encoder.read_at_least if reduced else None
            read = read_image(path, at_least=at_least)
            assert (read.size != photo.size) is reduced
            vectors[reduced].append(encoder.encode(encoder.prepare(read)[None])[0])
    nearest = {}
    for reduced, rows in vectors.items():
        similar = np.stack(rows) @ np.stack(rows).T
        np.fill_diagonal(similar, -2)
        nearest[reduced] = np.argsort(-similar, axis=1)[:, :2]
    assert (np.sort(nearest[True]) == np.sort(nearest[False])).mean() > 0.95
    assert (np.sort(nearest[False]) // 3 == np.arange(24)[:, None] // 3).mean() > 0.9


def test_the_gpus_order_of_work_gives_the_same_rows(
    encoder: NetworkEncoder,
    make_images: Callable[[int], list[ImageToEmbed]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = make_images(20)
    images[3] = replace(images[3], path=tmp_path / "gone.png")
    extract(encoder, images, tmp_path / "here")
    # Cores read ahead while one place computes, as with a GPU.
    monkeypatch.setattr(NetworkEncoder, "on_gpu", True)
    report = extract(encoder, images, tmp_path / "gpu")
    assert report.images == 19
    one, other = (EmbeddingSet.open(tmp_path / name) for name in ("here", "gpu"))
    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)
    assert one.content_hashes == other.content_hashes
