"""The one list of encoders: what each knows, what it costs, and where its weights come from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class Encoder(Protocol):
    """Turns images into vectors.

    ``settings`` and ``preprocessing`` are what the vectors depend on, ready for JSON; they are
    recorded beside the matrix, and two encoders that agree in them give the same vectors.
    ``batch_images`` is how many images `encode` takes best; ``read_at_least`` is the shorter side,
    in pixels, below which a JPEG must not be reduced while it is decoded.
    """

    name: str
    dimension: int
    input_pixels: int
    batch_images: int
    read_at_least: int
    preprocessing: dict[str, Any]
    settings: dict[str, Any]

    def prepare(self, image: Image.Image) -> np.ndarray:
        """An RGB image as the (side, side, 3) uint8 array that `encode` takes."""
        ...

    def fit(self, paths: Sequence[Path], progress: Progress = silent) -> None:
        """Learn from image files; does nothing in an encoder that comes with its weights."""
        ...

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """(m, side, side, 3) uint8 to (m, dimension) float32, every row of length 1."""
        ...

    def save(self, directory: Path) -> None:
        """Write what `fit` learned into an existing directory (nothing, if nothing is fitted)."""
        ...

    def load(self, directory: Path) -> None:
        """Take up what `save` wrote, in place of `fit`."""
        ...


@dataclass(frozen=True)
class WeightsSource:
    """Where pretrained weights come from, and where torch looks for them on this machine."""

    url: str
    megabytes: int

    @property
    def cached_file(self) -> Path:
        """Where torch keeps the file once it is downloaded, and finds it when it is put there."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
        return Path(home).expanduser() / "hub" / "checkpoints" / self.url.rsplit("/", 1)[1]

    @property
    def command(self) -> str:
        """What fetches the file, to be typed on a connected machine."""
        return f"curl -LO {self.url}"


@dataclass(frozen=True)
class EncoderCard:
    """What a person should know before choosing an encoder.

    ``options`` are the keyword arguments `make_encoder` takes for it, with their defaults;
    ``weights`` is None for an encoder that needs none.
    """

    name: str
    title: str
    knows: str
    dimension: int
    input_pixels: int
    paper: str
    licence: str
    weights: WeightsSource | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


_CARDS = (
    EncoderCard(
        name="folder",
        title="Learned from this folder",
        knows="colour, texture and coarse shape, not objects; needs no download",
        dimension=128,
        input_pixels=64,
        paper="Fisher vector (Perronnin & Dance 2007), k-means patches (Coates, Lee & Ng 2011), "
        "HOG (Dalal & Triggs 2005), colour histogram",
        licence="Apache-2.0, as coldstart itself",
        options={"flip": True},
    ),
    EncoderCard(
        name="vgg16",
        title="VGG16, ImageNet",
        knows="the things on everyday photos: 1,000 kinds of objects and animals",
        dimension=4096,
        input_pixels=224,
        paper="Simonyan & Zisserman 2015, Very Deep Convolutional Networks",
        licence="BSD-3-Clause (torchvision); trained on ImageNet, for non-commercial research",
        weights=WeightsSource("https://download.pytorch.org/models/vgg16-397923af.pth", 528),
    ),
)

ENCODERS: dict[str, EncoderCard] = {card.name: card for card in _CARDS}


def make_encoder(name: str, weights: Path | None = None, seed: int = 0, **options: Any) -> Encoder:
    """The encoder of that name, ready to fit or (with pretrained weights) to encode.

    Parameters
    ----------
    name : a key of `ENCODERS`.
    weights : a local file of weights, ``.safetensors`` or a weights-only ``.pth``; by default they
        are downloaded once, into torch's cache.
    seed : of what is random in fitting; encoders that are not fitted ignore it.
    options : see `EncoderCard.options`.

    Raises
    ------
    ColdstartError : the name or an option is unknown, or the weights cannot be had or do not fit.
    """
    card = ENCODERS.get(name)
    if card is None:
        raise ColdstartError(
            f"There is no encoder called {name!r}.", f"Choose one of {', '.join(ENCODERS)}."
        )
    for option in options:
        if option not in card.options:
            known = ", ".join(card.options) or "none"
            raise ColdstartError(
                f"The encoder {name!r} has no option {option!r}.", f"It has: {known}."
            )
    if name == "folder":
        if weights is not None:
            raise ColdstartError(
                "The encoder `folder` takes no weights: it learns from the images.",
                "Leave out --weights, or choose another encoder.",
            )
        from coldstart.embeddings.encoders.folder import FolderEncoder

        return FolderEncoder(seed=seed, **options)
    from coldstart.embeddings.encoders.torchvision_vgg16 import Vgg16Encoder

    return Vgg16Encoder(weights)
