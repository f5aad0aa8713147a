"""An encoder that is a trained network: what VGG16, ResNet-50 and timm's models share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from coldstart.embeddings.encoders.backends import Backend, choose_backend, make_backend
from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.embeddings.encoders.weights import file_hash
from coldstart.progress import Progress, silent

BATCH_IMAGES = 8


class NetworkEncoder:
    """Images through a network, each vector divided by its length.

    Parameters
    ----------
    name : the encoder's name.
    network : (m, 3, side, side) float32, scaled as ``cropping`` says, to (m, d).
    cropping : the preprocessing.
    settings : what else the vectors depend on.
    weights : the file of weights, whose name and hash are added to the settings.
    """

    def __init__(
        self,
        name: str,
        network: torch.nn.Module,
        cropping: Cropping,
        settings: dict[str, Any],
        weights: Path | None = None,
    ) -> None:
        self.name = name
        self.weights_file = weights
        if weights is not None:
            known = {"weights": weights.name, "weights_hash": file_hash(weights)}
            settings = {**known, **settings}
        self.cropping = cropping
        self.settings = settings
        self.preprocessing: dict[str, Any] = cropping.described()
        self.input_pixels = cropping.side
        self.read_at_least = cropping.read_at_least
        self.batch_images = BATCH_IMAGES
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.eval().requires_grad_(False).to(self.device)
        self.dimension = self._measure_dimension()
        self._mean = torch.tensor(cropping.mean, device=self.device)[:, None, None]
        self._deviation = torch.tensor(cropping.deviation, device=self.device)[:, None, None]
        self._backend: Backend = make_backend("eager", self.network, self.device)
        self._way: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A running way cannot travel to another machine; what it is called can.
        return {key: value for key, value in vars(self).items() if key != "_backend"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._backend = make_backend("eager", self.network, self.device)
        if self._way and not self.use(self._way):
            raise RuntimeError(f"this machine cannot compute as the others do: {self._way}")

    @property
    def on_gpu(self) -> bool:
        """Whether reading images and computing vectors happen in different places."""
        return self.device.type == "cuda"

    def prepare(self, image: Image.Image) -> np.ndarray:
        """The middle of an RGB image as a (side, side, 3) uint8 array."""
        return self.cropping.prepare(image)

    def fit(self, paths: Sequence[Path], progress: Progress = silent) -> None:
        """Nothing: the network comes trained."""

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Vectors of images: (m, side, side, 3) uint8 to (m, d) float32 of length 1."""
        with torch.inference_mode():
            vectors = self._backend(self.scaled(pixels)).float()
            return torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()

    def scaled(self, pixels: np.ndarray) -> torch.Tensor:
        """(m, side, side, 3) uint8 as the (m, 3, side, side) float32 the network takes."""
        writable = np.require(pixels, requirements=["C", "W"])
        images = torch.from_numpy(writable).to(self.device, non_blocking=True)
        return (images.permute(0, 3, 1, 2).float() / 255.0 - self._mean) / self._deviation

    def choose(self, pixels: np.ndarray, images: int, cores: int) -> dict[str, Any]:
        """The quickest way to compute, measured if so many images are worth the measurement.

        Returns {"backend", "batch_images", "device", "precision"}; see `backends`.
        """
        with torch.inference_mode():
            return choose_backend(
                self.network, self.device, self.scaled(pixels), images, cores, self._key()
            )

    def use(self, way: dict[str, Any]) -> bool:
        """Compute as `choose` said from now on; False if this machine cannot."""
        if way.get("device") != self.device.type:
            return False
        example = torch.zeros(2, 3, self.input_pixels, self.input_pixels, device=self.device)
        try:
            backend = make_backend(
                str(way["backend"]), self.network, self.device, example, self._key()
            )
        except (ImportError, RuntimeError, OSError, KeyError):
            return False
        self._backend, self.batch_images, self._way = backend, int(way["batch_images"]), way
        return True

    def save(self, directory: Path) -> None:
        """Nothing: the weights are not the project's to keep."""

    def load(self, directory: Path) -> None:
        """Nothing was saved."""

    def _measure_dimension(self) -> int:
        blank = torch.zeros(1, 3, self.input_pixels, self.input_pixels, device=self.device)
        with torch.inference_mode():
            return int(self.network(blank).shape[1])

    def _key(self) -> str:
        """Names the network, for what is kept about it on this machine."""
        shown = {k: v for k, v in self.settings.items() if k != "weights"}
        return f"{self.name} {self.input_pixels} {sorted(shown.items())}"
