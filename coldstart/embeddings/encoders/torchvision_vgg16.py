"""VGG16 (Simonyan & Zisserman 2015) from torchvision, without the layer that names classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from coldstart.embeddings.encoders import ENCODERS
from coldstart.embeddings.encoders.weights import (
    download_weights,
    file_hash,
    put_weights,
    read_weights,
)
from coldstart.progress import Progress, silent

RESIZE_PIXELS = 256
CROP_PIXELS = 224
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Vgg16Encoder:
    """Encoder `vgg16`: the second hidden layer of the classifier, after its ReLU.

    Parameters
    ----------
    weights : a local file; by default torchvision's ImageNet weights, downloaded once.
    """

    name = "vgg16"
    dimension = 4096
    input_pixels = CROP_PIXELS
    batch_images = 8
    read_at_least = RESIZE_PIXELS

    def __init__(self, weights: Path | None = None) -> None:
        file = download_weights(ENCODERS[self.name]) if weights is None else weights
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = penultimate_vgg16()
        # classifier.6 makes the 1,000 classes, which are not asked for here.
        put_weights(self._network, read_weights(file), file, unused=("classifier.6.",))
        self._network.eval().requires_grad_(False).to(self._device)
        self.settings: dict[str, Any] = {"weights": file.name, "weights_hash": file_hash(file)}
        self.preprocessing: dict[str, Any] = {
            "resize": f"shorter side to {RESIZE_PIXELS}, bilinear",
            "crop": f"centre {CROP_PIXELS}",
            "mean": list(IMAGENET_MEAN),
            "deviation": list(IMAGENET_DEVIATION),
        }

    def prepare(self, image: Image.Image) -> np.ndarray:
        """The middle of an RGB image as a (224, 224, 3) uint8 array."""
        scale = RESIZE_PIXELS / min(image.size)
        width, height = (max(RESIZE_PIXELS, int(side * scale)) for side in image.size)
        left, top = round((width - CROP_PIXELS) / 2), round((height - CROP_PIXELS) / 2)
        # Only what the crop keeps is resized: a long panorama would be enlarged for nothing.
        box = (
            left * image.width / width,
            top * image.height / height,
            (left + CROP_PIXELS) * image.width / width,
            (top + CROP_PIXELS) * image.height / height,
        )
        size = (CROP_PIXELS, CROP_PIXELS)
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))

    def fit(self, paths: Sequence[Path], progress: Progress = silent) -> None:
        """Nothing: the weights are ImageNet's."""

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Vectors of images: (m, 224, 224, 3) uint8 to (m, 4096) float32 of length 1."""
        with torch.inference_mode():
            images = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float() / 255.0
            mean = torch.tensor(IMAGENET_MEAN, device=self._device)[:, None, None]
            deviation = torch.tensor(IMAGENET_DEVIATION, device=self._device)[:, None, None]
            vectors = self._network((images - mean) / deviation)
            return torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()

    def save(self, directory: Path) -> None:
        """Nothing: the weights are not the project's to keep."""

    def load(self, directory: Path) -> None:
        """Nothing was saved."""


def penultimate_vgg16() -> torch.nn.Module:
    """The network without its last layers and, until weights are put in, without any numbers."""
    import torchvision

    with torch.device("meta"):
        network = torchvision.models.vgg16(weights=None)
    network.classifier = network.classifier[:5]  # linear, ReLU, dropout, linear, ReLU
    return network
