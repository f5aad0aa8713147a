"""The encoder `folder` as a torch module, to be exported together with a classifier."""

from __future__ import annotations

import torch

from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.embeddings.encoders.description import describe
from coldstart.embeddings.encoders.folder import SIDE_PIXELS, WEIGHTS, FolderEncoder
from coldstart.embeddings.encoders.patch_dictionary import PatchDictionary

CROPPING = Cropping(
    SIDE_PIXELS, SIDE_PIXELS, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "squash"
)


class FolderNetwork(torch.nn.Module):
    """(m, 3, 64, 64) float32 from 0 to 1 to (m, dimension): what a fitted encoder computes, but
    for the division by the length."""

    def __init__(self, encoder: FolderEncoder) -> None:
        super().__init__()
        state = encoder.fitted_arrays()
        for name, array in state.items():
            self.register_buffer(name, torch.from_numpy(array))
        self.flip = encoder.flip

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = torch.round(images * 255.0)
        projected = self._project(pixels)
        if self.flip:
            projected = 0.5 * projected + 0.5 * self._project(pixels.flip(3))
        return projected @ self.whitening

    def _project(self, pixels: torch.Tensor) -> torch.Tensor:
        names = PatchDictionary.__dataclass_fields__
        dictionary = PatchDictionary(**{name: getattr(self, f"patch_{name}") for name in names})
        blocks = describe(pixels, dictionary)
        joined = [
            weight * torch.nn.functional.normalize(block - getattr(self, f"mean_{i}"), dim=1)
            for i, (block, weight) in enumerate(zip(blocks, WEIGHTS))
        ]
        return (torch.cat(joined, 1) - self.centre) @ self.projection
