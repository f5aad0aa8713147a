"""VGG16 (Simonyan & Zisserman 2015) from torchvision, without the layer that names classes."""

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

CROPPING = Cropping(side=224, resize_pixels=256, interpolation="bilinear")


class Vgg16Encoder(NetworkEncoder):
    """Encoder `vgg16`: the second hidden layer of the classifier, after its ReLU.

    Parameters
    ----------
    weights : a local file; by default torchvision's ImageNet weights, downloaded once.
    """

    def __init__(self, weights: Path | None = None) -> None:
        file = download_weights(ENCODERS["vgg16"]) if weights is None else weights
        network = penultimate_vgg16()
        # classifier.6 makes the 1,000 classes, which are not asked for here.
        put_weights(network, read_weights(file), file, unused=("classifier.6.",))
        super().__init__("vgg16", network, CROPPING, {}, file)


def penultimate_vgg16(device: str = "meta") -> torch.nn.Module:
    """The network without its last layers; on "meta" it has no numbers until weights are put in."""
    import torchvision

    with torch.device(device):
        network = torchvision.models.vgg16(weights=None)
    network.classifier = network.classifier[:5]  # linear, ReLU, dropout, linear, ReLU
    return network
