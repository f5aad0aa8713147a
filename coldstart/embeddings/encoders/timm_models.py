"""Any model of timm as an encoder: its own preprocessing, and its own reading of checkpoints.

What a checkpoint needs beyond its model's name (say ``pad_type="same"``) stands in the
``config.json`` that timm and the Hugging Face hub put beside weights, or in a ``.json`` of the
weights' own name; what is given by hand counts more.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from coldstart.embeddings.encoders.cards import EncoderCard
from coldstart.embeddings.encoders.cropping import Cropping, Mode
from coldstart.embeddings.encoders.network import NetworkEncoder
from coldstart.embeddings.encoders.weights import (
    Weights,
    download_weights,
    put_weights,
    read_weights,
)
from coldstart.errors import ColdstartError

PREPROCESSING = ("mean", "std", "crop_pct", "interpolation", "crop_mode", "input_size")


class TimmEncoder(NetworkEncoder):
    """A model of timm without the layer that names classes.

    Parameters
    ----------
    card : see `card_of`.
    weights : a local file; by default timm's own, downloaded once.
    options : keyword arguments of timm's model, and the names in `PREPROCESSING`.
    """

    def __init__(
        self,
        card: EncoderCard,
        weights: Path | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        file = download_weights(card) if weights is None else weights
        chosen = {**card.arguments, **beside_weights(file, card), **(options or {})}
        network, cropping = build(card, chosen)
        tensors = _in_timms_words(network, read_weights(file), file)
        put_weights(network, tensors, file, unused=_unused(network))
        settings = {"arguments": {key: chosen[key] for key in sorted(chosen)}} if chosen else {}
        super().__init__(card.name, network, cropping, settings, file)


def build(card: EncoderCard, options: Mapping[str, Any]) -> tuple[torch.nn.Module, Cropping]:
    """The network of a card with random weights, and its preprocessing.

    Raises
    ------
    ColdstartError : timm does not know an option, or cannot make sense of it.
    """
    import timm

    arguments = {key: value for key, value in options.items() if key not in PREPROCESSING}
    arguments.pop("num_classes", None)  # the classes are not asked for, however many there are
    resized = isinstance(options.get("input_size"), int) and "img_size" not in arguments
    if resized and _published(card).fixed_input_size:
        arguments["img_size"] = options["input_size"]
    try:
        network = timm.create_model(card.model, **_head(card), **arguments)
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        shown = ", ".join(f"{key}={value}" for key, value in arguments.items()) or "no options"
        raise ColdstartError(
            f"timm cannot build {card.model!r} with {shown}: {error}.",
            "Check what was given with --set, or stands in the .json beside the weights.",
        ) from error
    return network, _cropping(network, options)


def beside_weights(file: Path, card: EncoderCard) -> dict[str, Any]:
    """What the ``.json`` beside a checkpoint says of it: model arguments and preprocessing.

    It is timm's and the Hugging Face hub's ``config.json``: "architecture", "model_args" and
    "pretrained_cfg". Empty when there is none; raises `ColdstartError` when it names another model.
    """
    for beside in (file.with_suffix(".json"), file.with_name("config.json")):
        try:
            said = json.loads(beside.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if not isinstance(said, dict) or "architecture" not in said:
            continue
        architecture = card.model.partition(".")[0]
        if said["architecture"] != architecture:
            raise ColdstartError(
                f"{beside} says that {file.name} holds weights of {said['architecture']!r}, "
                f"not of {architecture!r}.",
                f"Use the encoder timm:{said['architecture']}.",
            )
        described = said.get("pretrained_cfg") or {}
        found = {key: described[key] for key in PREPROCESSING if key in described}
        return {**found, **(said.get("model_args") or {})}
    return {}


def _published(card: EncoderCard) -> Any:
    """What timm says of the model's published weights."""
    import timm

    cfg = timm.models.get_pretrained_cfg(card.model)
    assert cfg is not None  # `card_of` has looked
    return cfg


def _head(card: EncoderCard) -> dict[str, Any]:
    """CLIP's last layer leads into the space it shares with words; any other names classes."""
    cfg = _published(card)
    tag = str(cfg.tag or "")
    speaks = "clip" in card.model.partition(".")[0] and "_ft_" not in tag
    return {} if speaks and cfg.num_classes else {"num_classes": 0}


def _cropping(network: torch.nn.Module, options: Mapping[str, Any]) -> Cropping:
    import timm

    given = {key: options[key] for key in PREPROCESSING if key in options}
    for key in ("mean", "std"):
        if key in given:
            given[key] = _by_colour(key, given[key])
    if isinstance(given.get("input_size"), int):
        given["input_size"] = (3, given["input_size"], given["input_size"])
    if "img_size" in options:
        given["input_size"] = (3, int(options["img_size"]), int(options["img_size"]))
    config = timm.data.resolve_data_config(given, model=network)
    side = int(config["input_size"][-1])
    return Cropping(
        side=side,
        resize_pixels=math.floor(side / float(config["crop_pct"])),
        interpolation=str(config["interpolation"]),
        mean=config["mean"],
        deviation=config["std"],
        mode=cast(Mode, config["crop_mode"]),
    )


def _by_colour(key: str, value: Any) -> tuple[float, float, float]:
    """0.5, "0.5,0.4,0.3" or [0.5, 0.4, 0.3] as three numbers."""
    parts = value.split(",") if isinstance(value, str) else value
    parts = parts if isinstance(parts, list | tuple) else [parts] * 3
    try:
        red, green, blue = (float(part) for part in parts)
    except (TypeError, ValueError):
        raise ColdstartError(
            f"{key}={value!r} is not three numbers.", f"Write, say, --set {key}=0.5,0.5,0.5."
        ) from None
    return red, green, blue


def _in_timms_words(network: torch.nn.Module, weights: Weights, file: Path) -> Weights:
    """The tensors by timm's names: it reads the original authors' files of many models."""
    rename = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if rename is None:
        return weights
    try:
        renamed: Weights = rename(dict(weights), network)
    except Exception:  # a checkpoint of another architecture may break it in any way
        return weights
    return renamed


def _unused(network: Any) -> tuple[str, ...]:
    """Beginnings of the names that only serve to name classes."""
    kept = {key.rpartition(".")[0] for key in network.state_dict()}
    named = network.pretrained_cfg.get("classifier") or ()
    heads = (named,) if isinstance(named, str) else tuple(named)
    return tuple(f"{head}." for head in heads if head not in kept)
