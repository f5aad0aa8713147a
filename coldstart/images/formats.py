"""The one list of image formats coldstart reads, by ending and by first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 32
"""How much of a file's beginning `format_of_head` needs."""


@dataclass(frozen=True)
class ImageFormat:
    """One format: Pillow's name for it, the endings it goes by, and how its files begin."""

    name: str
    suffixes: tuple[str, ...]
    magic: re.Pattern[bytes]


def _format(name: str, suffixes: str, magic: bytes) -> ImageFormat:
    return ImageFormat(name, tuple(suffixes.split()), re.compile(magic, re.DOTALL))


IMAGE_FORMATS: tuple[ImageFormat, ...] = (
    _format("JPEG", ".jpg .jpeg .jpe .jfif", rb"\xff\xd8\xff"),
    _format("PNG", ".png", rb"\x89PNG\r\n\x1a\n"),
    _format("WEBP", ".webp", rb"RIFF.{4}WEBP"),
    # "BM" alone begins many texts; the size of the second header makes it sure.
    _format("BMP", ".bmp .dib", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00"),
    _format("TIFF", ".tif .tiff", rb"II[*+]\x00|MM\x00[*+]"),
    _format("GIF", ".gif", rb"GIF8[79]a"),
    _format("AVIF", ".avif .avifs", rb".{4}ftypavi[fs]|.{4}ftypmi[fa]1.{4,20}avif"),
    _format("HEIF", ".heic .heif .hif", rb".{4}ftyp(hei[cxms]|hev[cmxs]|mif1|msf1)"),
)

IMAGE_SUFFIXES: frozenset[str] = frozenset(s for f in IMAGE_FORMATS for s in f.suffixes)


def format_of_head(head: bytes) -> ImageFormat | None:
    """The format whose files begin like ``head`` (at least `HEAD_BYTES` of the file), or None."""
    return next((f for f in IMAGE_FORMATS if f.magic.match(head)), None)


def is_image_candidate(path: Path) -> bool:
    """Whether a file claims to be an image: by its ending, or, lacking a known one, by its content.

    A text file called ``.jpg`` is a candidate (checking it says what is wrong with it); a file
    without an image's ending is one only when its first bytes are an image's. A file that cannot
    be opened and has no image's ending is none.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return format_of_head(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False
