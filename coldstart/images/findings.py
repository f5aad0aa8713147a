"""The one list of what the folder doctor can find: words, bounds, and what happens with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TINY_PIXELS = 32
"""A shorter side below this is tiny, where it also is less than half of the folder's median."""
EXTREME_ASPECT = 5.0
NEARLY_BLACK = 24.0
"""98% of the pixels are at most this bright, of 255."""
NEARLY_WHITE = 231.0
ONE_COLOUR = 4.0
"""The grey levels of all but 4% of the pixels lie this close together."""
BLURRED = 6.0
"""Variance of the Laplacian at 256 pixels, set by eye on photos: the least sharp of a quarter of
TrashNet has 16; blurred by a Gaussian of a 64th of the longer side, half of them fall below 4.3."""
BLURRED_SMALLEST_PIXELS = 64
FLAT = 24.0
"""A picture whose grey levels lie closer together has no look and no sharpness to speak of."""


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding.

    name : its key in the store.
    title : what a person reads.
    means : what was found, in one sentence.
    happens : what coldstart does with it, in one sentence.
    scope : ``file`` cannot be used at all; ``image`` can, and is judged alone; ``group`` belongs to
        others that look the same, of which one is kept.
    """

    name: str
    title: str
    means: str
    happens: str
    scope: Literal["file", "image", "group"]


_LEFT_OUT = "Left out of the pool. Mend or remove the file, then scan again."
_IN_POOL = "Stays in the pool unless you leave it out."

FINDINGS: dict[str, FindingKind] = {
    kind.name: kind
    for kind in (
        FindingKind(
            "exact copies",
            "Exact copies",
            "Files with the very same bytes as another one.",
            "Embedded and labelled once: all copies share the label, count as so many images, and "
            "never lie on both sides of a test.",
            "group",
        ),
        FindingKind(
            "near copies",
            "Near copies",
            "Pictures that look the same: re-saved, resized, or taken a moment later.",
            "Stay in the pool unless you leave them out; then the largest of each group is kept.",
            "group",
        ),
        FindingKind(
            "alike in the embeddings",
            "Alike in the embeddings",
            "Images that lie less than a quarter as far apart as an image and its nearest usually "
            "do: other light, another crop, the next frame. Known once embeddings are computed.",
            "Stay in the pool unless you leave them out; then the largest of each group is kept.",
            "group",
        ),
        FindingKind(
            "tiny",
            "Tiny",
            f"The shorter side is below {TINY_PIXELS} pixels and less than half of what is usual "
            "here.",
            _IN_POOL,
            "image",
        ),
        FindingKind(
            "extreme shape",
            "Extreme shape",
            f"One side is more than {EXTREME_ASPECT:.0f} times the other: encoders see it squeezed "
            "or cropped.",
            _IN_POOL,
            "image",
        ),
        FindingKind(
            "nearly black", "Nearly black", "Almost every pixel is black.", _IN_POOL, "image"
        ),
        FindingKind(
            "nearly white", "Nearly white", "Almost every pixel is white.", _IN_POOL, "image"
        ),
        FindingKind(
            "one colour", "One colour", "Almost every pixel has the same grey.", _IN_POOL, "image"
        ),
        FindingKind(
            "blurred",
            "Blurred",
            "No edge in it is sharp, even at thumbnail size.",
            _IN_POOL,
            "image",
        ),
        FindingKind("empty", "Empty files", "Files of 0 bytes.", _LEFT_OUT, "file"),
        FindingKind(
            "truncated",
            "Cut off",
            "The file ends too early: part of the picture is missing.",
            _LEFT_OUT,
            "file",
        ),
        FindingKind(
            "damaged", "Damaged", "The content cannot be decoded as an image.", _LEFT_OUT, "file"
        ),
        FindingKind(
            "not an image",
            "Not an image",
            "Named like an image, but something else inside.",
            _LEFT_OUT,
            "file",
        ),
        FindingKind(
            "too large",
            "Decompression bombs",
            "So many pixels that decoding them could fill the memory.",
            "Never decoded, left out of the pool. Save a smaller copy, then scan again.",
            "file",
        ),
        FindingKind(
            "unreadable",
            "Unreadable",
            "The system does not let coldstart read the file.",
            "Left out of the pool until it can be read; its labels are kept.",
            "file",
        ),
        FindingKind(
            "missing",
            "Dead links",
            "Links to files that do not exist.",
            "Left out of the pool until the file is there.",
            "file",
        ),
    )
}
