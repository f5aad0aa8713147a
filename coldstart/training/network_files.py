"""A fine-tuned network on disk: one safetensors file whose header says all that it needs.

The header names the architecture, the preprocessing and the classes: nothing is unpickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from coldstart.embeddings.encoders.adapted import architecture
from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.errors import ColdstartError
from coldstart.training.finetune_network import ClassNetwork

HEADER = "coldstart"
WEIGHTS = "network.safetensors"


@dataclass(frozen=True, eq=False)
class KeptNetwork:
    """A fine-tuned network: images as ``cropping`` cuts and scales them to (m, k) logits.

    encoder, options : what `architecture` builds it from. about : how it was trained.
    """

    network: ClassNetwork
    cropping: Cropping
    class_names: tuple[str, ...]
    encoder: str
    options: dict[str, Any]
    about: dict[str, Any]


def save_network(
    file: Path,
    network: torch.nn.Module,
    encoder: str,
    options: dict[str, Any],
    cropping: Cropping,
    class_names: Sequence[str],
    about: dict[str, Any],
) -> None:
    """Write a network with what `load_network` must know, whole or not at all."""
    import safetensors.torch

    said = {
        "encoder": encoder,
        "options": options,
        "cropping": asdict(cropping),
        "class_names": list(class_names),
        "about": about,
    }
    state = network.state_dict()
    tensors = {key: one.detach().cpu().clone().contiguous() for key, one in state.items()}
    # Not by its `save_file`, whose files only their owner may read.
    content = safetensors.torch.save(tensors, {HEADER: json.dumps(said)})
    replace_file(file, lambda beside: beside.write_bytes(content))


def load_network(file: Path) -> KeptNetwork:
    """What `save_network` wrote, ready to predict; ColdstartError when it is not that."""
    import safetensors.torch

    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            said = json.loads((opened.metadata() or {})[HEADER])
        tensors = safetensors.torch.load_file(file)
        classes, dimension = tensors["last.weight"].shape
        encoder, _ = architecture(said["encoder"], said["options"])
        network = ClassNetwork(encoder, dimension, classes)
        network.load_state_dict(tensors)
    except ColdstartError:
        raise
    except Exception as error:  # a missing file, another kind of file, another header
        raise ColdstartError(
            f"{file} is no network that coldstart has fine-tuned.", "Train again."
        ) from error
    cut = said["cropping"]
    cropping = Cropping(**{**cut, "mean": tuple(cut["mean"]), "deviation": tuple(cut["deviation"])})
    names = tuple(said["class_names"])
    network = network.eval().requires_grad_(False)
    return KeptNetwork(network, cropping, names, said["encoder"], said["options"], said["about"])


def replace_file(file: Path, write: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all."""
    beside = file.with_name(f"{file.name}.new")
    try:
        write(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
