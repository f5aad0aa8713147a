"""A small project that is ready to label: scanned, with vectors, a class or two, and a queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from coldstart.project import Project
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.scan import scan


def labellable(
    folder: Path,
    images: int,
    *,
    classes: tuple[str, ...] = ("cat", "dog"),
    database: str | None = None,
    settings: dict[str, Any] | None = None,
) -> Project:
    """``folder/projects/team`` over this many images of noise in ``folder/images``."""
    (folder / "images").mkdir()
    draw = np.random.default_rng(0)
    for number in range(images):
        pixels = draw.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number:02}.png")
    project = Project.create(
        folder / "projects" / "team", [folder / "images"], database=database, settings=settings
    )
    scan(project)
    np.save(folder / "vectors.npy", draw.normal(size=(images, 16)).astype(np.float32))
    import_vectors(project, folder / "vectors.npy")
    for name in classes:
        project.store.classes.add(name)
    return Project.open(project.directory)
