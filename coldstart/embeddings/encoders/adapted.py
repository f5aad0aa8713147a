"""Networks to be trained on the person's own images, and the encoder they become.

The file of weights says in its header which network it belongs to and how images are cut for it, so
that ``--encoder simclr --weights FILE`` needs nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from coldstart.embeddings.encoders import SIMCLR, card_of, make_encoder
from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.embeddings.encoders.network import NetworkEncoder
from coldstart.embeddings.encoders.weights import put_weights, read_weights
from coldstart.errors import ColdstartError

HEADER = "coldstart"


@dataclass(frozen=True)
class Trainable:
    """A network before training.

    ``started_from`` is the file of pretrained weights, or a sentence that says why there is none.
    """

    network: torch.nn.Module
    cropping: Cropping
    options: dict[str, Any]
    pretrained: bool
    started_from: str


def trainable(
    encoder: str,
    weights: Path | None = None,
    options: dict[str, Any] | None = None,
    *,
    pixels: int | None = None,
    from_scratch: bool = False,
) -> Trainable:
    """The network of an encoder, with its pretrained weights where they can be had.

    ``pixels`` is the side of what it sees: by default the encoder's own, and 96 for a network that
    starts from random numbers, as in the tutorial. A network of one fixed size keeps it.

    Raises
    ------
    ColdstartError : no such encoder, one that cannot be trained, or weights that do not fit.
    """
    chosen = dict(options or {})
    if encoder in ("folder", SIMCLR):
        raise ColdstartError(
            f"The encoder {encoder!r} cannot be trained by SimCLR.",
            "Choose a network, such as timm:resnet18 or dinov2_vits14.",
        )
    card = card_of(encoder)
    present = weights or (card.weights.present if card.weights is not None else None)
    started = "random numbers, as asked"
    if not from_scratch:
        try:
            made = make_encoder(encoder, weights=present, **chosen)
        except ColdstartError as error:
            if present is not None:
                raise
            started = f"random numbers, because there are no pretrained weights: {error.problem}"
        else:
            assert isinstance(made, NetworkEncoder)
            network = made.network.requires_grad_(True)
            cropping = _resized(network, made.cropping, pixels or made.cropping.side)
            file = made.weights_file
            return Trainable(network, cropping, chosen, True, file.name if file else encoder)
    network, cropping = architecture(encoder, chosen)
    return Trainable(network, _resized(network, cropping, pixels or 96), chosen, False, started)


def trained_before(weights: Path) -> tuple[str, Trainable]:
    """A network that `save_adapted` wrote, to be trained further, and the name of its encoder."""
    made, said = AdaptedEncoder(weights), _header(weights)
    network = made.network.requires_grad_(True)
    return said["encoder"], Trainable(network, made.cropping, said["options"], True, weights.name)


def resized(start: Trainable, side: int) -> Trainable:
    """The same network for images of another size; of its own size where it takes no other."""
    return replace(start, cropping=_resized(start.network, start.cropping, side))


def architecture(
    encoder: str, options: dict[str, Any], *, empty: bool = False
) -> tuple[torch.nn.Module, Cropping]:
    """The network of an encoder with random numbers (or none, if ``empty``), and its cropping."""
    card = card_of(encoder)
    if card.model:
        from coldstart.embeddings.encoders.timm_models import build

        return build(card, {**card.arguments, **options})
    if encoder == "vgg16":
        from coldstart.embeddings.encoders import torchvision_vgg16 as vgg16

        return vgg16.penultimate_vgg16("meta" if empty else "cpu"), vgg16.CROPPING
    from coldstart.embeddings.encoders import torchvision_resnet50 as resnet50

    return resnet50.headless_resnet50("meta" if empty else "cpu"), resnet50.CROPPING


def save_adapted(
    file: Path,
    network_state: dict[str, torch.Tensor],
    encoder: str,
    start: Trainable,
    about: dict[str, Any],
) -> None:
    """Write trained weights with what `AdaptedEncoder` must know, whole or not at all."""
    import os

    import safetensors.torch

    said = {
        "encoder": encoder,
        "options": start.options,
        "cropping": asdict(start.cropping),
        "about": about,
    }
    beside = file.with_suffix(".tmp")
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in network_state.items()}
    safetensors.torch.save_file(tensors, beside, metadata={HEADER: json.dumps(said)})
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(beside, file)


class AdaptedEncoder(NetworkEncoder):
    """Encoder `simclr`: a network that was trained on the person's own images.

    Parameters
    ----------
    weights : what `save_adapted` wrote.
    """

    def __init__(self, weights: Path) -> None:
        said = _header(weights)
        network, _ = architecture(said["encoder"], said["options"], empty=True)
        put_weights(network, read_weights(weights), weights, unused=())
        cut = said["cropping"]
        cropping = Cropping(
            **{**cut, "mean": tuple(cut["mean"]), "deviation": tuple(cut["deviation"])}
        )
        settings = {"network": said["encoder"], **said["about"]}
        super().__init__(SIMCLR, network, cropping, settings, weights)


def _header(file: Path) -> dict[str, Any]:
    import safetensors

    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            said = json.loads((opened.metadata() or {})[HEADER])
    except Exception as error:  # a missing file, another kind of file, another header
        raise ColdstartError(
            f"{file} is no network that coldstart has trained.",
            "Give the .safetensors file that `coldstart simclr` wrote under models/.",
        ) from error
    found: dict[str, Any] = said
    return found


def _resized(network: torch.nn.Module, cropping: Cropping, side: int) -> Cropping:
    """The same preprocessing at another size, if the network takes it."""
    if side == cropping.side:
        return cropping
    device = next(network.parameters()).device
    was_training = network.training
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, 3, side, side, device=device))
    except (RuntimeError, AssertionError, ValueError):
        return cropping
    finally:
        network.train(was_training)
    # Trained on crops of this size, it sees the whole of an image at this size.
    return Cropping(
        side, side, cropping.interpolation, cropping.mean, cropping.deviation, cropping.mode
    )
