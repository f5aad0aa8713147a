"""What turns images into vectors: the contract, the list of them, and how one is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from coldstart.embeddings.encoders.cards import (
    ENCODERS,
    TIMM_PREFIX,
    EncoderCard,
    WeightsSource,
    card_of,
)
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


@runtime_checkable
class Tunable(Protocol):
    """An encoder that can compute the same vectors in several ways, some quicker than others.

    The way is measured once and recorded with the set, so that a resumed run takes the same one.
    """

    def choose(self, pixels: np.ndarray, images: int, cores: int) -> dict[str, Any]:
        """The way worth taking for so many images, measured on ``pixels``, ready for JSON."""
        ...

    def use(self, way: dict[str, Any]) -> bool:
        """Compute in this way from now on; False if this machine cannot."""
        ...


SIMCLR = "simclr"
"""The encoder that `coldstart simclr` trains; its file of weights says what it is."""


def make_encoder(name: str, weights: Path | None = None, seed: int = 0, **options: Any) -> Encoder:
    """The encoder of that name, ready to fit or (with pretrained weights) to encode.

    Parameters
    ----------
    name : a key of `ENCODERS`, or ``timm:<name>`` for any model of timm.
    weights : a local file of weights, ``.safetensors`` or a weights-only ``.pth``; by default they
        are downloaded once.
    seed : of what is random in fitting; encoders that are not fitted ignore it.
    options : see `EncoderCard.options`; models of timm also take what timm's own constructor does,
        and ``mean``, ``std``, ``crop_pct``, ``interpolation``, ``crop_mode`` and ``input_size``.

    Raises
    ------
    ColdstartError : the name or an option is unknown, or the weights cannot be had or do not fit.
    """
    if name == SIMCLR:
        if weights is None or options:
            raise ColdstartError(
                "The encoder `simclr` is what `coldstart simclr` has trained, and nothing else.",
                "Name its file with --weights.",
            )
        from coldstart.embeddings.encoders.adapted import AdaptedEncoder

        return AdaptedEncoder(weights)
    card = card_of(name)
    if not card.model:
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
    if name == "vgg16":
        from coldstart.embeddings.encoders.torchvision_vgg16 import Vgg16Encoder

        return Vgg16Encoder(weights)
    if name == "dino_resnet50":
        from coldstart.embeddings.encoders.torchvision_resnet50 import DinoResnet50Encoder

        return DinoResnet50Encoder(weights)
    from coldstart.embeddings.encoders.timm_models import TimmEncoder

    return TimmEncoder(card, weights, options)


__all__ = [
    "ENCODERS",
    "SIMCLR",
    "TIMM_PREFIX",
    "Encoder",
    "EncoderCard",
    "Tunable",
    "WeightsSource",
    "card_of",
    "make_encoder",
]
