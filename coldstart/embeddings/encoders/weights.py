"""Weights from a file or a download into a network, with a sentence when they do not fit."""

from __future__ import annotations

import hashlib
import pickle
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from coldstart.embeddings.encoders import ENCODERS, EncoderCard
from coldstart.errors import ColdstartError

DOWNLOAD_TIMEOUT_S = 30.0
Weights = dict[str, torch.Tensor]


def read_weights(file: Path) -> Weights:
    """The tensors of a ``.safetensors`` file or a weights-only ``.pth``/``.pt`` file, by name.

    A dict that holds them under "state_dict" or "model" is opened, and "module." before every name
    (left by DataParallel) is taken off. Nothing is unpickled but tensors.
    """
    if not file.is_file():
        raise ColdstartError(f"The weights file {file} does not exist.", "Check the path.")
    try:
        if file.suffix == ".safetensors":
            import safetensors.torch

            content: Any = safetensors.torch.load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ColdstartError(
            f"{file} holds more than weights, and coldstart does not run code from a file.",
            "Save only the tensors: torch.save(model.state_dict(), FILE), or use safetensors.",
        ) from error
    except Exception as error:  # torch and safetensors raise many kinds for a broken file
        raise ColdstartError(
            f"{file} cannot be read as weights: it is damaged or of another kind.",
            "Give a .safetensors file or what torch.save(model.state_dict(), FILE) wrote.",
        ) from error
    for nested in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(nested), dict):
            content = content[nested]
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ColdstartError(
            f"{file} does not hold weights by name.",
            "Give what torch.save(model.state_dict(), FILE) wrote.",
        )
    tensors = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)}
    return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}


def download_weights(card: EncoderCard) -> Path:
    """The file of an encoder's published weights, downloaded into torch's cache if not there yet.

    Raises `ColdstartError` that names the way round: the encoder `folder`, or the file by hand.
    """
    assert card.weights is not None
    target = card.weights.cached_file
    if target.is_file():
        return target
    expected_hash_start = target.stem.rsplit("-", 1)[1]  # torch's names end in it
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _network_timeout(DOWNLOAD_TIMEOUT_S):
            torch.hub.download_url_to_file(
                card.weights.url, str(target), expected_hash_start, progress=False
            )
    except (OSError, RuntimeError) as error:
        alternative = next(c.name for c in ENCODERS.values() if c.weights is None)
        raise ColdstartError(
            f"The weights of {card.name!r} ({card.weights.megabytes} MB) cannot be downloaded "
            f"here: {getattr(error, 'reason', error)}.",
            f"Choose the encoder {alternative!r}, which needs no download; or run "
            f"`{card.weights.command}` on a connected machine and put the file at {target}, "
            "or name it with --weights.",
        ) from error
    return target


def put_weights(
    network: torch.nn.Module, weights: Weights, file: Path, unused: Sequence[str]
) -> None:
    """Load ``weights`` into ``network`` (which may be on the meta device).

    ``unused`` are beginnings of names that the network does not need. Raises `ColdstartError` that
    names the first key that is missing, of another shape, or unknown.
    """
    weights = {k: v for k, v in weights.items() if not k.startswith(tuple(unused))}
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    remedy = "Give a checkpoint of the same architecture, or choose another encoder."
    for key, shape in wanted.items():
        if key not in weights:
            raise ColdstartError(f"The weights in {file} lack {key!r}, of shape {shape}.", remedy)
        found = tuple(weights[key].shape)
        if found != shape:
            raise ColdstartError(
                f"In {file}, {key!r} has shape {found} where the network has {shape}.", remedy
            )
    for key in weights:
        if key not in wanted:
            raise ColdstartError(f"The weights in {file} have {key!r} too many.", remedy)
    network.load_state_dict({k: v.float() for k, v in weights.items()}, assign=True)


def file_hash(file: Path) -> str:
    """Hex SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """A network that swallows packets must end in a sentence, not in silence."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
