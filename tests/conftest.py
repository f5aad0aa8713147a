"""Fixtures that several test folders share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from coldstart.project import Project

# On a server a test must say the same of the same code; at home it may look further each time.
# How long an example takes says how busy the machine is, nothing about the code.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ImageMaker = Callable[..., Path]


@pytest.fixture
def make_image(tmp_path: Path) -> ImageMaker:
    """make_image("a/b.png", color=…, size=…): a real image file below ``tmp_path / "images"``."""

    def make(
        name: str, color: tuple[int, int, int] | None = None, size: tuple[int, int] = (40, 30)
    ) -> Path:
        file = tmp_path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if color is None:
            seed = abs(hash(name)) % 2**32
            pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3))
            Image.fromarray(pixels.astype(np.uint8)).save(file)
        else:
            Image.new("RGB", size, color).save(file)
        return file

    return make


@pytest.fixture
def project(tmp_path: Path, make_image: ImageMaker) -> Iterator[Project]:
    """A project over six images in nested folders, not scanned yet."""
    for name in ("a.png", "b.jpg", "deep/er/c.png", "deep/d.bmp", "deep/e f.webp", "g.PNG"):
        make_image(name)
    made = Project.create(tmp_path / "project", [tmp_path / "images"], name="six images")
    yield made
    made.store.close()
