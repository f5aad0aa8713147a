"""Small JPEG copies of images, kept by content hash so that each picture has one for ever."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from PIL import Image

THUMBNAIL_PIXELS = 256
SMALLEST_PIXELS = 128
JPEG_QUALITY = 82


def thumbnail_path(directory: Path, content_hash: str) -> Path:
    """Where the thumbnail of the image with this hash lies: ``directory/ab/abcd….jpg``."""
    return directory / content_hash[:2] / f"{content_hash}.jpg"


def make_thumbnail(image: Image.Image, target: Path) -> None:
    """Write a thumbnail of an RGB image to ``target``, whole or not at all.

    The longer side becomes 256 pixels. A tiny picture is enlarged by a whole factor instead, pixel
    by pixel, because JPEG would smear it at its own size.
    """
    longest = max(image.size)
    if longest * 2 <= SMALLEST_PIXELS:
        factor = SMALLEST_PIXELS // longest
        size = (image.width * factor, image.height * factor)
        small = image.resize(size, Image.Resampling.NEAREST)
    else:
        small = shrink(image)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.stem}.{os.getpid()}.{threading.get_ident()}")
    try:
        # exif and icc_profile are left behind: the pixels are upright already, the file is small.
        small.save(unfinished, "JPEG", quality=JPEG_QUALITY, exif=b"", icc_profile=None)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def shrink(image: Image.Image) -> Image.Image:
    """The picture with its longer side at 256 pixels, or as it is if that is smaller."""
    longest = max(image.size)
    if longest <= THUMBNAIL_PIXELS:
        return image
    size = (_scaled(image.width, longest), _scaled(image.height, longest))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _scaled(side: int, longest: int) -> int:
    return max(1, round(side * THUMBNAIL_PIXELS / longest))
