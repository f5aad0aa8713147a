"""The images a network is fine-tuned on: changed at random, a class as often as another.

RandAugment (Cubuk et al. 2020) is the augmentation under which Munjal et al. (CVPR 2022) compare.
What is drawn depends on the seed, the epoch and the place in it alone, not on who reads the image:
so a run that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.images.read import read_image

_KEPT_BYTES = 512 * 2**20
"""Decoded images up to so much are kept, because reading a photo costs more than changing it."""

Draw = tuple[int, int]
"""The row of an image, and the seed of what happens to it."""


class AugmentedImages(Dataset[tuple[torch.Tensor, int]]):
    """Labelled images by `Draw`: (3, side, side) float32, scaled for the network, and the class."""

    def __init__(
        self, files: Sequence[Path], classes: np.ndarray, cropping: Cropping, mirror: bool
    ) -> None:
        from torchvision.transforms import InterpolationMode, v2

        self.files, self.classes, self.cropping = list(files), classes, cropping
        side = cropping.side
        paper = tuple(round(255 * part) for part in cropping.mean)
        bilinear = InterpolationMode.BILINEAR
        self.change = v2.Compose(
            [
                v2.RandomResizedCrop(side, scale=(0.4, 1.0), interpolation=bilinear),
                v2.RandomHorizontalFlip(0.5 if mirror else 0.0),
                v2.RandAugment(num_ops=2, magnitude=9, interpolation=bilinear, fill=paper),
            ]
        )
        self._kept: dict[int, Image.Image] = {}
        self._kept_bytes = 0

    def __getitem__(self, draw: Draw) -> tuple[torch.Tensor, int]:
        row, seed = draw
        image = self._image(row)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            changed = self.change(image)
        pixels = torch.from_numpy(np.array(changed)).permute(2, 0, 1)
        return scaled(pixels, self.cropping), int(self.classes[row])

    def _image(self, row: int) -> Image.Image:
        found = self._kept.get(row)
        if found is not None:
            return found
        side = 2 * self.cropping.side
        image = _no_larger(read_image(self.files[row], at_least=side), side)
        if self._kept_bytes < _KEPT_BYTES:
            self._kept[row] = image
            self._kept_bytes += 3 * image.width * image.height
        return image


class DrawnBatches:
    """The batches of one epoch, for a DataLoader: every class is drawn equally often."""

    def __init__(self, classes: np.ndarray, draws: int, size: int, seed: int, epoch: int) -> None:
        random = np.random.default_rng([seed, epoch])
        rows = balanced_draw(classes, draws, random)
        seeds = random.integers(2**31, size=len(rows))
        self.draws: list[Draw] = list(zip(rows.tolist(), seeds.tolist(), strict=True))
        self.size = size

    def __len__(self) -> int:
        return -(-len(self.draws) // self.size)

    def __iter__(self) -> Iterator[list[Draw]]:
        for start in range(0, len(self.draws), self.size):
            yield self.draws[start : start + self.size]


def balanced_draw(classes: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    """(draws,) int64 rows in a random order: classes come equally often, to within one, and so do
    the images of a class."""
    present = np.unique(classes)
    share, rest = divmod(draws, len(present))
    extra = set(random.permutation(present)[:rest].tolist())
    rows = []
    for which in present.tolist():
        mine = np.flatnonzero(classes == which)
        wanted = share + (which in extra)
        whole = np.tile(mine, wanted // len(mine))
        rows.append(np.concatenate([whole, random.permutation(mine)[: wanted % len(mine)]]))
    return random.permutation(np.concatenate(rows)).astype(np.int64)


def loader(images: AugmentedImages, batches: DrawnBatches, workers: int) -> DataLoader[Any]:
    """Batches of ((m, 3, side, side), (m,)) in the drawn order, read by so many processes."""
    return DataLoader(images, batch_sampler=batches, num_workers=workers)


def scaled(pixels: torch.Tensor, cropping: Cropping) -> torch.Tensor:
    """(..., 3, side, side) uint8 as the float32 the network takes."""
    mean = torch.tensor(cropping.mean, device=pixels.device)[:, None, None]
    deviation = torch.tensor(cropping.deviation, device=pixels.device)[:, None, None]
    return (pixels.float() / 255.0 - mean) / deviation


def _no_larger(image: Image.Image, side: int) -> Image.Image:
    """Random crops of a large photo cost much more than of one that is large enough."""
    shorter = min(image.size)
    if shorter <= side:
        return image
    scale = side / shorter
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR)
