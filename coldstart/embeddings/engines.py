"""How batches of images become batches of vectors: on this machine's cores, or on its GPU.

On a CPU one thread reads, resizes and computes a whole batch, and every core has such a thread. A
GPU computes while the cores read ahead. Batches come out in the order they go in, whoever computes
them, so that the matrix does not depend on it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from coldstart.embeddings.encoders import Encoder
from coldstart.images.read import ImageProblem, read_image


@dataclass(frozen=True, slots=True)
class ImageToEmbed:
    """One image of the pool; ``content_hash`` says whether its vector is known already."""

    image_id: int
    content_hash: str
    path: Path


@dataclass(frozen=True)
class PreparedBatch:
    """Images as the encoder takes them: (m, side, side, 3) uint8, blank where one is unreadable."""

    pixels: np.ndarray
    readable: np.ndarray  # (m,) bool
    hashes: list[str]  # (m,) of all
    unreadable: dict[str, str]  # content hash -> reason


@dataclass(frozen=True)
class EncodedBatch:
    """Vectors of the images that could be read, and why the others could not."""

    vectors: np.ndarray  # (k, d) float32
    hashes: list[str]  # (k,)
    unreadable: dict[str, str]  # content hash -> reason

    def __len__(self) -> int:
        return len(self.hashes) + len(self.unreadable)


def encode_here(
    encoder: Encoder, batches: Iterable[Sequence[ImageToEmbed]]
) -> Generator[EncodedBatch]:
    """Encode batches on this machine, in order; closing the iterator stops the work."""
    from coldstart.embeddings.encoders.parallel import map_on_cores

    if getattr(encoder, "on_gpu", False):
        for prepared in map_on_cores(partial(prepare_batch, encoder), batches):
            yield encode_prepared(encoder, prepared)
    else:
        yield from map_on_cores(partial(encode_batch, encoder), batches)


def encode_batch(encoder: Encoder, batch: Sequence[ImageToEmbed]) -> EncodedBatch:
    """Read and encode one batch."""
    return encode_prepared(encoder, prepare_batch(encoder, batch))


def prepare_batch(encoder: Encoder, batch: Sequence[ImageToEmbed]) -> PreparedBatch:
    """Read, crop and resize one batch."""
    side = encoder.input_pixels
    # An unreadable image keeps its place in the batch, so that the others keep theirs.
    pixels = np.zeros((len(batch), side, side, 3), np.uint8)
    readable = np.ones(len(batch), bool)
    unreadable: dict[str, str] = {}
    for row, image in enumerate(batch):
        try:
            read = read_image(image.path, at_least=encoder.read_at_least)
            pixels[row] = encoder.prepare(read)
        except ImageProblem as problem:
            readable[row] = False
            unreadable[image.content_hash] = problem.reason
    return PreparedBatch(pixels, readable, [i.content_hash for i in batch], unreadable)


def encode_prepared(encoder: Encoder, prepared: PreparedBatch) -> EncodedBatch:
    """Vectors of a prepared batch."""
    vectors = encoder.encode(prepared.pixels)
    rows = np.flatnonzero(prepared.readable)
    hashes = [prepared.hashes[row] for row in rows.tolist()]
    return EncodedBatch(vectors[rows], hashes, prepared.unreadable)
