"""What the folder doctor measures of one picture: how dark, how bright, how sharp, and its look.

The look is the 64-bit perceptual hash by the discrete cosine transform (pHash: Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010): one bit for each of
the 8 × 8 lowest frequencies of the grey picture at 32 × 32, set where it is above their median.
Pictures that differ by little (re-saved, resized, brightened) differ in few bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_HASH_SIDE = 32
_FREQUENCIES = 8
_TAIL = 0.02


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one picture.

    perceptual_hash : 64 bits as a signed integer, as databases keep them.
    dark_level, bright_level : grey levels, 0 to 255, below and above which 2% of the pixels lie.
    sharpness : variance of the Laplacian of the grey picture, at 256 pixels at most.
    """

    perceptual_hash: int
    dark_level: float
    bright_level: float
    sharpness: float


def measure(image: Image.Image) -> Measures:
    """Measure an RGB picture that was shrunk (`thumbnail.shrink`).

    At one size for all, so that sharpness means the same for all of them.
    """
    grey = image.convert("L")
    counts = np.cumsum(grey.histogram())
    total = counts[-1]
    return Measures(
        perceptual_hash=_perceptual_hash(grey),
        dark_level=float(np.searchsorted(counts, _TAIL * total)),
        bright_level=float(np.searchsorted(counts, (1 - _TAIL) * total)),
        sharpness=_sharpness(np.asarray(grey, dtype=np.int16)),
    )


def _perceptual_hash(grey: Image.Image) -> int:
    small = grey.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BILINEAR)
    transform = _cosines()
    low = transform @ np.asarray(small, dtype=np.float64) @ transform.T  # (8, 8)
    bits = (low > np.median(low)).ravel()
    return int(np.packbits(bits).view(">i8")[0])


def _sharpness(grey: NDArray[np.int16]) -> float:
    if min(grey.shape) < 3:
        return 0.0
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    steps = laplacian.ravel().astype(np.float32)
    mean = float(steps.mean())
    return float(steps @ steps) / steps.size - mean * mean


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """(8, 32) the lowest rows of the DCT-II matrix, without the constant one."""
    frequency = np.arange(1, _FREQUENCIES + 1)[:, None]
    place = np.arange(_HASH_SIDE)[None, :] + 0.5
    return np.cos(np.pi * frequency * place / _HASH_SIDE)
