"""A network that names classes: an encoder's network, and the probe as its last layer.

Its outputs are logits of unit vectors, so that before any training it says what the probe says.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.errors import ColdstartError
from coldstart.images.read import ImageProblem, read_image
from coldstart.training.augment import scaled
from coldstart.training.probe import Probe
from coldstart.training.scorers import LinearScorer

ALL_BLOCKS = 0
BATCH_IMAGES = 8


class ClassNetwork(torch.nn.Module):
    """(m, 3, side, side) float32, scaled as the encoder wants it, to (m, k) logits."""

    def __init__(
        self, encoder: torch.nn.Module, dimension: int, classes: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = torch.nn.Dropout(dropout)
        self.last = torch.nn.Linear(dimension, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.dropout(self.vectors(images)))  # (m, k)

    def vectors(self, images: torch.Tensor) -> torch.Tensor:
        """(m, dimension) of length 1."""
        return torch.nn.functional.normalize(self.encoder(images).float(), dim=1)


def put_probe(network: ClassNetwork, probe: Probe) -> None:
    """Make the last layer say what a linear probe says; its temperature becomes part of it."""
    scorer = probe.scorer
    if not isinstance(scorer, LinearScorer):
        raise ValueError(f"a probe of kind {scorer.kind} is no layer")
    with torch.no_grad():
        weight = torch.from_numpy(np.asarray(scorer.coefficients, dtype=np.float32))
        bias = torch.from_numpy(np.asarray(scorer.intercepts, dtype=np.float32))
        network.last.weight.copy_(weight / probe.temperature)
        network.last.bias.copy_(bias / probe.temperature)


def divide_logits(network: ClassNetwork, temperature: float) -> None:
    """Make the network less sure by this factor, without changing what it predicts."""
    with torch.no_grad():
        network.last.weight.div_(temperature)
        network.last.bias.div_(temperature)


def blocks_of(encoder: torch.nn.Module) -> list[list[str]]:
    """Names of the encoder's parameters by block, from the image upwards.

    timm says for its models what a block is; elsewhere it is a child, or a child's child where
    that is a sequence.
    """
    matcher = getattr(encoder, "group_matcher", None)
    if matcher is not None:
        from timm.models import group_parameters

        groups: dict[Any, list[str]] = group_parameters(encoder, matcher(coarse=False))
        return [groups[key] for key in sorted(groups)]
    blocks = []
    for name, child in encoder.named_children():
        inside = list(child.named_children()) if isinstance(child, torch.nn.Sequential) else []
        for prefix, block in [(f"{name}.{n}", b) for n, b in inside] or [(name, child)]:
            blocks.append([f"{prefix}.{key}" for key, _ in block.named_parameters()])
    return [block for block in blocks if block]


def train_only(network: ClassNetwork, blocks: int) -> list[torch.nn.Parameter]:
    """Freeze all but the last ``blocks`` blocks (`ALL_BLOCKS`: none); the parameters that learn."""
    learns = {name for block in blocks_of(network.encoder)[-blocks:] for name in block}
    for name, parameter in network.encoder.named_parameters():
        parameter.requires_grad_(blocks == ALL_BLOCKS or name in learns)
    network.last.requires_grad_(True)
    return [one for one in network.parameters() if one.requires_grad]


def training_mode(network: ClassNetwork) -> None:
    """Train, but with the batch statistics of the pretrained network: small batches have none."""
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()


Compute = Callable[[torch.Tensor], torch.Tensor]


def run_on_files(
    compute: Compute, files: Sequence[Path], cropping: Cropping, device: torch.device
) -> Generator[tuple[np.ndarray, np.ndarray]]:
    """What ``compute`` makes of the middle of each image, a batch of 8 at a time, in order.

    Yields ((m, …) float32, (m,) bool readable); an unreadable image has numbers of a blank one.
    """
    from coldstart.embeddings.encoders.parallel import map_on_cores

    batches = [files[at : at + BATCH_IMAGES] for at in range(0, len(files), BATCH_IMAGES)]
    yield from map_on_cores(partial(_run_batch, compute, cropping, device), batches)


def _run_batch(
    compute: Compute, cropping: Cropping, device: torch.device, files: Sequence[Path]
) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.zeros((len(files), cropping.side, cropping.side, 3), np.uint8)
    readable = np.ones(len(files), bool)
    for row, file in enumerate(files):
        try:
            pixels[row] = cropping.prepare(read_image(file, at_least=cropping.read_at_least))
        except ImageProblem:
            readable[row] = False
    with torch.inference_mode():
        images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
        return compute(scaled(images, cropping)).float().cpu().numpy(), readable


def check_blocks(encoder: torch.nn.Module, blocks: int) -> None:
    """Raises ColdstartError when the network has not so many blocks."""
    most = len(blocks_of(encoder))
    if not 0 <= blocks <= most:
        raise ColdstartError(
            f"The network has {most} blocks, and {blocks} shall be trained.",
            f"Give a number from 1 to {most}, or 0 for the whole network.",
        )
