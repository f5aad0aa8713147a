"""What a network wants to see of an image: how it is resized, cut and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
REDUCED_AT_LEAST = 4
"""How many times the encoder's size a JPEG stays when it is decoded at reduced scale."""

Mode = Literal["center", "squash", "border"]

_METHODS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Cropping:
    """The preprocessing of a network.

    An image is resized to ``resize_pixels`` and a square of ``side`` pixels is cut from its middle;
    then pixels in 0..1 have ``mean`` taken off and are divided by ``deviation``, by colour.
    ``mode`` says what is resized: "center" the shorter side, "squash" both sides, "border" the
    longer side, with the mean colour beside the rest.
    """

    side: int
    resize_pixels: int
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    deviation: tuple[float, float, float] = IMAGENET_DEVIATION
    mode: Mode = "center"

    def described(self) -> dict[str, Any]:
        """For the set's ``meta.json``."""
        resize = {
            "center": f"shorter side to {self.resize_pixels}",
            "squash": f"squash to {self.resize_pixels}",
            "border": f"longer side to {self.resize_pixels}",
        }[self.mode]
        return {
            "resize": f"{resize}, {self.interpolation}",
            "crop": f"centre {self.side}",
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    @property
    def read_at_least(self) -> int:
        """The shorter side, in pixels, below which a JPEG must not be reduced while decoded.

        Reduced down to the encoder's own size, one in ten or twenty of the five nearest neighbours
        is another, down to four times that one in seventy (`benchmarks/embedding.py`).
        """
        return REDUCED_AT_LEAST * self.resize_pixels

    def prepare(self, image: Image.Image) -> np.ndarray:
        """An RGB image as a (side, side, 3) uint8 array."""
        method = _METHODS.get(self.interpolation, Image.Resampling.BICUBIC)
        size = (self.side, self.side)
        if self.mode == "border":
            return self._bordered(image, method)
        if self.mode == "squash":
            width = height = self.resize_pixels
        else:
            scale = self.resize_pixels / min(image.size)
            width, height = (max(self.resize_pixels, int(side * scale)) for side in image.size)
        left, top = round((width - self.side) / 2), round((height - self.side) / 2)
        # Only what the crop keeps is resized: a long panorama would be enlarged for nothing.
        box = (
            left * image.width / width,
            top * image.height / height,
            (left + self.side) * image.width / width,
            (top + self.side) * image.height / height,
        )
        return np.asarray(image.resize(size, method, box=box))

    def _bordered(self, image: Image.Image, method: Image.Resampling) -> np.ndarray:
        scale = self.resize_pixels / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        colour = tuple(round(255 * part) for part in self.mean)
        paper = Image.new("RGB", (self.side, self.side), colour)
        corner = ((self.side - width) // 2, (self.side - height) // 2)
        paper.paste(image.resize((width, height), method), corner)
        return np.asarray(paper)
