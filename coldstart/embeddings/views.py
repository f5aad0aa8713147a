"""The random views SimCLR learns from: the same for the same seed, epoch and image.

So that a run that was stopped and goes on sees what it would have seen, whoever makes the views:
one process, or one on every core.
"""

from __future__ import annotations

import os
import random
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from coldstart.errors import ColdstartError
from coldstart.images.read import ImageProblem, read_image
from coldstart.images.workers import map_in_processes

CHUNK_IMAGES = 16
PROCESSES_FROM_IMAGES = 1_000
"""Fewer images are prepared before worker processes have started."""
_STAND_INS = 8


@dataclass(frozen=True)
class ViewRecipe:
    """How views are made: of ``side`` pixels, normalised, with ``seed`` for the draws."""

    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    mirror: bool
    seed: int


@dataclass(frozen=True)
class Views:
    """Two views of each of m images: (m, 3, side, side) float32; how many files were unreadable."""

    first: torch.Tensor
    second: torch.Tensor
    unreadable: int


_Work = tuple[ViewRecipe, int, tuple[tuple[int, tuple[Path, ...]], ...]]  # recipe, epoch, images


def batches_of_views(
    recipe: ViewRecipe,
    paths: Sequence[Path],
    batches: Iterable[tuple[int, Sequence[int] | NDArray[np.int64]]],
    *,
    processes: int | None = None,
) -> Generator[Views]:
    """For each (epoch, rows) the two views of each image, in order; made ahead on other cores.

    A file that cannot be read lends its place to one after it. Close the generator to stop the
    work. Raises `ColdstartError` when eight files in a row cannot be read.
    """
    if processes is None:
        cores = os.cpu_count() or 1
        processes = cores if len(paths) >= PROCESSES_FROM_IMAGES else 1
    sizes: list[int] = []

    def work() -> Iterator[_Work]:
        for epoch, rows in batches:
            starts = range(0, len(rows), CHUNK_IMAGES)
            sizes.append(len(starts))
            for start in starts:
                part = [int(row) for row in rows[start : start + CHUNK_IMAGES]]
                yield recipe, epoch, tuple((row, _candidates(paths, row)) for row in part)

    if processes > 1:
        made = map_in_processes(_in_a_worker, work(), processes, make_views)
    else:
        made = map(make_views, work())
    parts: list[Views] = []
    for views in made:
        parts.append(views)
        if len(parts) == sizes[0]:
            del sizes[0]
            yield Views(
                torch.cat([one.first for one in parts]),
                torch.cat([one.second for one in parts]),
                sum(one.unreadable for one in parts),
            )
            parts = []


def make_views(work: _Work) -> Views:
    """The views of some images of one epoch."""
    recipe, epoch, images = work
    transform = _transform(recipe)
    first, second, unreadable = [], [], 0
    for row, candidates in images:
        image, failed = _read(candidates, recipe.side)
        unreadable += failed
        with _seeded(recipe.seed, epoch, row):
            one, two = transform(image)
        first.append(one)
        second.append(two)
    return Views(torch.stack(first), torch.stack(second), unreadable)


def _in_a_worker(work: _Work) -> Views:
    torch.set_num_threads(1)  # every core has a worker
    return make_views(work)


@contextmanager
def _seeded(*numbers: int) -> Iterator[None]:
    """Draws that depend on these numbers only; what was drawn from before goes on afterwards."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    seeds = np.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(seeds[0]))
    np.random.seed(seeds[1])  # noqa: NPY002  (lightly draws from it)
    torch.manual_seed(int(seeds[2]))
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        torch.set_rng_state(kept[2])


@lru_cache(maxsize=4)
def _transform(recipe: ViewRecipe) -> Any:
    from lightly.transforms import SimCLRTransform

    return SimCLRTransform(
        input_size=recipe.side,
        cj_bright=0.5,
        cj_contrast=0.5,
        cj_sat=0.5,
        cj_hue=0.1,
        gaussian_blur=1.0,
        hf_prob=0.5 if recipe.mirror else 0.0,
        normalize={"mean": list(recipe.mean), "std": list(recipe.deviation)},
    )


def _candidates(paths: Sequence[Path], row: int) -> tuple[Path, ...]:
    return tuple(paths[(row + step) % len(paths)] for step in range(min(_STAND_INS, len(paths))))


def _read(candidates: Sequence[Path], side: int) -> tuple[Image.Image, int]:
    for failed, path in enumerate(candidates):
        try:
            return _smaller(read_image(path, at_least=2 * side), side), failed
        except ImageProblem:
            continue
    raise ColdstartError(
        f"{candidates[0]} and the images after it cannot be read.", "Scan the folder again."
    )


def _smaller(image: Image.Image, side: int) -> Image.Image:
    """Random crops of a large photo cost much more than of one that is large enough."""
    shorter = min(image.size)
    if shorter <= 2 * side:
        return image
    scale = 2 * side / shorter
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR)
