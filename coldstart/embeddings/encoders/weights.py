"""Weights from a file or a download into a network, with a sentence when they do not fit."""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from coldstart.embeddings.encoders.cards import ENCODERS, EncoderCard, WeightsSource
from coldstart.errors import ColdstartError

DOWNLOAD_TIMEOUT_S = 30.0
REMEDY = "Give a checkpoint of the same architecture, or choose another encoder."
Weights = dict[str, torch.Tensor]

# By a part of a name that only this kind of network has; the first that is found counts.
_KINDS = (
    ("visual.", "a CLIP model"),
    ("text_model.", "a CLIP or SigLIP model of the library transformers"),
    ("encoder.layer.", "a model of the library transformers"),
    ("attn.relative_position_bias_table", "a Swin Transformer"),
    ("blocks.0.attn", "a Vision Transformer"),
    ("stages.0.blocks", "a ConvNeXt or another model of four stages"),
    ("conv_stem", "an EfficientNet or MobileNet"),
    ("layer4.0.conv3", "a ResNet of 50 layers or more"),
    ("layer4.0.conv2", "a ResNet of 18 or 34 layers"),
    ("features.denseblock1", "a DenseNet"),
    ("classifier.6.", "a VGG or AlexNet"),
)


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


def read_checkpoint(file: Path, device: torch.device) -> dict[str, Any]:
    """What a training kept after its last epoch; nothing is unpickled but tensors.

    Raises `ColdstartError` when the file is damaged.
    """
    try:
        kept = torch.load(file, map_location=device, weights_only=True)
        if isinstance(kept, dict):
            return kept
    except OSError:
        raise
    except Exception:  # torch raises many kinds for a broken file
        pass
    raise ColdstartError(
        f"The checkpoint {file} is damaged, so the training cannot go on from it.",
        "Delete that file and train again: it begins anew.",
    )


def download_weights(card: EncoderCard) -> Path:
    """The file of an encoder's published weights, downloaded if it is not on this machine yet.

    Raises `ColdstartError` that names the way round: the encoder `folder`, or the file by hand.
    """
    alternative = next(c.name for c in ENCODERS.values() if c.weights is None)
    if card.weights is None:
        raise ColdstartError(
            f"{card.name!r} has no published weights.",
            f"Name a file of your own with --weights, or choose the encoder {alternative!r}.",
        )
    present = card.weights.present
    if present is not None:
        return present
    try:
        return _download(card.weights)
    except Exception as error:  # the hub's client and urllib raise many kinds
        raise ColdstartError(
            f"The weights of {card.name!r} ({card.weights.size}) cannot be downloaded "
            f"here: {_reason(error)}.",
            f"Choose the encoder {alternative!r}, which needs no download; or run "
            f"`{card.weights.command}` on a connected machine and put the file at "
            f"{card.weights.cached_file}, or name it under Weights on its card (--weights).",
        ) from error


def _download(source: WeightsSource) -> Path:
    if source.repository:
        import huggingface_hub

        _look_up(source.url)
        huggingface_hub.utils.logging.set_verbosity_error()
        return Path(huggingface_hub.hf_hub_download(source.repository, source.file_in_repository))
    target = source.cached_file
    target.parent.mkdir(parents=True, exist_ok=True)
    # torch's own names end in the beginning of the file's hash; others' do not.
    ending = target.stem.rpartition("-")[2]
    hashed = len(ending) == 8 and all(letter in "0123456789abcdef" for letter in ending)
    with _network_timeout(DOWNLOAD_TIMEOUT_S):
        torch.hub.download_url_to_file(
            source.url, str(target), ending if hashed else None, progress=False
        )
    return target


def _look_up(url: str) -> None:
    """Fail at once where there is no network: the hub's client would try for half a minute."""
    if urllib.request.getproxies() or os.environ.get("HF_ENDPOINT"):
        return
    with _network_timeout(DOWNLOAD_TIMEOUT_S):
        socket.getaddrinfo(urllib.parse.urlsplit(url).hostname, 443)


def _reason(error: Exception) -> str:
    """Why a download failed, in a few words on one line."""
    if type(error).__name__ in ("LocalEntryNotFoundError", "ConnectError", "OfflineModeIsEnabled"):
        return "the Hugging Face hub cannot be reached"
    if type(error).__name__ == "GatedRepoError":
        return "its owner gives access on request only (log in with `hf auth login`)"
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, socket.gaierror):
        return "the address cannot be resolved"
    return " ".join(str(reason).split())[:200].rstrip(".") or type(error).__name__


def put_weights(
    network: torch.nn.Module, weights: Weights, file: Path, unused: Sequence[str]
) -> None:
    """Load ``weights`` into ``network`` (which may be on the meta device).

    ``unused`` are beginnings of names that the network does not need. Raises `ColdstartError` that
    says so when the file is of another architecture, and else names the first key that is missing,
    of another shape, or unknown.
    """
    weights = {k: v for k, v in weights.items() if not (unused and k.startswith(tuple(unused)))}
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    for key in wanted:
        # Written by torch before 0.4.1, and needed for training only.
        if key.endswith("num_batches_tracked") and key not in weights:
            weights[key] = torch.tensor(0)
    fitting = sum(k in weights and tuple(weights[k].shape) == s for k, s in wanted.items())
    if fitting < len(wanted) / 2:
        raise ColdstartError(
            f"The weights in {file} are of another architecture: of the {len(wanted)} tensors "
            f"the network needs, {fitting} are there and of the right shape"
            f"{_first_difference(wanted, weights)}.{_looks_like(weights)}",
            REMEDY,
        )
    for key, shape in wanted.items():
        if key not in weights:
            raise ColdstartError(f"The weights in {file} lack {key!r}, of shape {shape}.", REMEDY)
        found = tuple(weights[key].shape)
        if found != shape:
            raise ColdstartError(
                f"In {file}, {key!r} has shape {found} where the network has {shape}.", REMEDY
            )
    for key in weights:
        if key not in wanted:
            raise ColdstartError(f"The weights in {file} have {key!r} too many.", REMEDY)
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}, assign=True
    )


def _first_difference(wanted: dict[str, tuple[int, ...]], weights: Weights) -> str:
    """The first key of the same name and another shape, else the first that is lacking."""
    for key, shape in wanted.items():
        if key in weights and tuple(weights[key].shape) != shape:
            return f" ({key!r} has shape {tuple(weights[key].shape)}, not {shape})"
    lacking = next((key for key in wanted if key not in weights), None)
    return "" if lacking is None else f" ({lacking!r} is not)"


def _looks_like(weights: Weights) -> str:
    """What the names in a checkpoint look like, as a sentence; empty when nobody knows."""
    for part, kind in _KINDS:
        if any(part in key for key in weights):
            return f" It looks like {kind}."
    return ""


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
