"""ResNet-50 (He et al. 2016) from torchvision with DINO's weights (Caron et al. 2021)."""

from __future__ import annotations

from pathlib import Path

import torch

from coldstart.embeddings.encoders.cards import ENCODERS
from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.embeddings.encoders.network import NetworkEncoder
from coldstart.embeddings.encoders.weights import (
    download_weights,
    put_weights,
    read_weights,
)

CROPPING = Cropping(side=224, resize_pixels=256, interpolation="bicubic")


class DinoResnet50Encoder(NetworkEncoder):
    """Encoder `dino_resnet50`: the averaged last maps, which DINO learned without labels.

    Parameters
    ----------
    weights : a local file of weights for torchvision's ResNet-50; by default DINO's, downloaded
        once.
    """

    def __init__(self, weights: Path | None = None) -> None:
        file = download_weights(ENCODERS["dino_resnet50"]) if weights is None else weights
        network = headless_resnet50()
        put_weights(network, read_weights(file), file, unused=("fc.",))
        super().__init__("dino_resnet50", network, CROPPING, {}, file)


def headless_resnet50(device: str = "meta") -> torch.nn.Module:
    """Up to the averaged maps; on the device "meta" it has no numbers until weights are put in."""
    import torchvision

    with torch.device(device):
        network = torchvision.models.resnet50(weights=None)
    network.fc = torch.nn.Identity()
    return network
