"""Random views of an image: what may change while it still shows the same thing."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional

SMALLEST_AREA = 0.4
LARGEST_STRETCH = 4 / 3
SMALLEST_SIDE_PIXELS = 8


def random_views(
    pixels: np.ndarray, views: int, random: np.random.Generator, flip: bool
) -> np.ndarray:
    """Crop, mirror, and change contrast, brightness and colour of an image at random.

    ``pixels`` is (side, side, 3) uint8; returns (views, side, side, 3) uint8. Mirrored half the
    time when ``flip``.
    """
    return np.stack([_view(pixels, random, flip) for _ in range(views)])


def _view(pixels: np.ndarray, random: np.random.Generator, flip: bool) -> np.ndarray:
    side = len(pixels)
    area = random.uniform(SMALLEST_AREA, 1.0)
    stretch = np.exp(random.uniform(-np.log(LARGEST_STRETCH), np.log(LARGEST_STRETCH)))
    height, width = (
        int(np.clip(side * np.sqrt(share), SMALLEST_SIDE_PIXELS, side))
        for share in (area / stretch, area * stretch)
    )
    top, left = random.integers(side - height + 1), random.integers(side - width + 1)
    crop = pixels[top : top + height, left : left + width]
    if flip and random.random() < 0.5:
        crop = crop[:, ::-1]
    image = torch.from_numpy(crop.transpose(2, 0, 1).astype(np.float32))[None]
    image = functional.interpolate(image, (side, side), mode="bilinear", align_corners=False)
    means = image.mean((2, 3), keepdim=True)
    contrast = float(random.uniform(0.75, 1.25))
    brightness = random.uniform(0.8, 1.2) * random.uniform(0.9, 1.1, (1, 3, 1, 1))
    image = ((image - means) * contrast + means) * torch.from_numpy(brightness).float()
    return image[0].clamp(0, 255).permute(1, 2, 0).byte().numpy()
