"""Small images and a quick `folder` encoder for the tests of this package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.embeddings.extract import ImageToEmbed


@pytest.fixture
def make_images(tmp_path: Path) -> Callable[[int], list[ImageToEmbed]]:
    """Writes that many different small PNGs, in colours that go with their number modulo 3."""

    def make(count: int) -> list[ImageToEmbed]:
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        images = []
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 120, (24, 24, 3), np.uint8)
            pixels[..., number % 3] += 120
            path = folder / f"{number:03}.png"
            Image.fromarray(pixels).save(path)
            images.append(ImageToEmbed(number, _hash_of(path), path))
        return images

    return make


@pytest.fixture
def quick_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `folder` learn from fewer patches: a second instead of several."""
    from coldstart.embeddings.encoders import folder, patch_dictionary

    monkeypatch.setattr(patch_dictionary, "FIT_PATCHES", 4_000)
    monkeypatch.setattr(patch_dictionary, "FIT_CENTROID_PATCHES", 2_000)
    monkeypatch.setattr(folder, "VIEWED_IMAGES", 20)


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
