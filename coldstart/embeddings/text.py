"""Words in the space of the images: the text towers of CLIP and SigLIP, through open_clip.

Radford et al. 2021 and Zhai et al. 2023: one network for pictures and one for sentences, trained so
that a picture lies near the sentence that describes it. The picture's side is an ordinary encoder;
this is the sentence's, from the same file of weights.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coldstart.embeddings.encoders.cards import ENCODERS
from coldstart.errors import ColdstartError

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet

_LOADING = threading.Lock()


def why_no_text(one: EmbeddingSet) -> str:
    """Why the images of a set cannot be searched by words, in one sentence; empty if they can."""
    card = ENCODERS.get(str(one.meta.get("encoder")))
    if card is None or not card.open_clip:
        speaking = " or ".join(c.name for c in ENCODERS.values() if c.open_clip)
        return (
            f"The embedding set “{one.name}” knows no words: only sets of the encoders {speaking} "
            "can be searched by text."
        )
    if _weights_of(one) is None:
        return f"The weights that “{one.name}” was made with are no longer on this machine."
    try:
        import open_clip
    except ImportError:
        return "Searching by text needs the package open_clip_torch: pip install 'coldstart[text]'."
    try:
        open_clip.get_tokenizer(card.open_clip)
    except ImportError:
        return f"The words of {card.title} need the package transformers: pip install transformers."
    except Exception:  # the hub's client raises many kinds
        return f"The vocabulary of {card.title} cannot be downloaded here."
    return ""


def can_encode_text(one: EmbeddingSet) -> bool:
    """Whether `encode_text` works for a set."""
    return not why_no_text(one)


def encode_text(one: EmbeddingSet, texts: Sequence[str]) -> np.ndarray:
    """Sentences as vectors of the set's space: (k, d) float32, every row of length 1.

    The cosine of a sentence and an image says how well the one describes the other; sentences
    like "a photo of a dog" work better than bare words.

    Raises
    ------
    ColdstartError : the set's encoder knows no words, or its weights or open_clip are not here.
    """
    why_not = why_no_text(one)
    if why_not:
        raise ColdstartError(why_not, "Compute a set with an encoder that knows words.")
    dimension = int(one.vectors.shape[1])
    if not texts:
        return np.empty((0, dimension), np.float32)
    import torch

    file = _weights_of(one)
    assert file is not None
    with _LOADING:
        tokenizer, model = _tower(ENCODERS[one.meta["encoder"]].open_clip, file)
    with torch.inference_mode():
        vectors = model.encode_text(tokenizer(list(texts)), normalize=True)
    encoded: np.ndarray = vectors.float().numpy()
    if encoded.shape[1] != dimension:
        raise ColdstartError(
            f"The text tower gives vectors of {encoded.shape[1]} dimensions, and the set "
            f"“{one.name}” has {dimension}.",
            "Compute the set again with the encoder's own weights.",
        )
    return encoded


def _weights_of(one: EmbeddingSet) -> Path | None:
    """The file the set was made with, if it is still there."""
    kept = one.meta.get("weights_file")
    if kept and Path(kept).is_file():
        return Path(kept)
    source = ENCODERS[one.meta["encoder"]].weights
    return source.present if source is not None else None


@lru_cache(maxsize=1)
def _tower(name: str, file: Path) -> tuple[Any, Any]:
    """The tokenizer and the text tower, with weights."""
    import open_clip

    from coldstart.embeddings.encoders.weights import put_weights, read_weights

    weights = {k: v for k, v in read_weights(file).items() if not k.startswith("visual.")}
    with _quiet():
        model = open_clip.create_model(name, pretrained=None, pretrained_hf=False)
    model.visual = None  # the pictures' side is not needed here
    put_weights(model, weights, file, unused=())
    return open_clip.get_tokenizer(name), model.eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip warns of a model without weights; they follow."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
