"""The one function that reads an image; thumbnails, encoders and training all use it.

Whatever the file is (palette, CMYK, alpha, 16-bit, rotated by its EXIF tag), what comes out is
8-bit RGB, upright, as a person would see it on white paper.
"""

from __future__ import annotations

import os
import struct
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from PIL import AvifImagePlugin, ExifTags, Image, ImageOps, TiffImagePlugin, WebPImagePlugin

from coldstart.errors import ColdstartError
from coldstart.images.formats import HEAD_BYTES, IMAGE_FORMATS, format_of_head

MAX_PIXELS = 250_000_000
"""A picture of more pixels is refused before it is decoded: as RGB it would fill 750 MB."""

# Pillow warns from its own, lower bound on; `MAX_PIXELS` above is the one that counts.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

# Imported for what they register with Pillow, so that it need not load its fifty other formats.
_PLUGINS = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)
_PILLOW_NAMES = tuple(known.name for known in IMAGE_FORMATS if known.name != "HEIF")

# Pillow has no exception of its own for broken content; its plugins raise all of these.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    struct.error,
)

ProblemKind = Literal[
    "empty", "not an image", "truncated", "damaged", "too large", "unreadable", "missing"
]

_REMEDIES: dict[str, str] = {
    "empty": "Copy the file again from where it came from.",
    "not an image": "Convert it to JPEG or PNG, or leave it out.",
    "truncated": "Copy the file again from where it came from.",
    "damaged": "Copy the file again from where it came from.",
    "too large": "Save a smaller copy of it.",
    "unreadable": "Give the account that runs coldstart the right to read it.",
    "missing": "Put the file back, or scan the folder again.",
}


class ImageProblem(ColdstartError):
    """A file that cannot be read as an image.

    ``kind`` is one of `ProblemKind`; ``reason`` is one sentence that does not name the file, for
    lists that already do.
    """

    def __init__(self, kind: ProblemKind, reason: str, path: Path | None = None) -> None:
        self.kind: ProblemKind = kind
        self.reason = reason
        self.path = path
        shown = "" if path is None else os.fsencode(path).decode("utf-8", "replace") + ": "
        super().__init__(shown + reason, _REMEDIES[kind])

    def __reduce__(self) -> tuple[type[ImageProblem], tuple[ProblemKind, str, Path | None]]:
        # So that it survives the way out of a worker process, such as a DataLoader's.
        return ImageProblem, (self.kind, self.reason, self.path)


def read_image(path: Path, at_least: int | None = None) -> Image.Image:
    """Read one image file, upright and in RGB.

    Parameters
    ----------
    path : the file.
    at_least : when given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size (much faster) as
        long as both its sides stay at least this many pixels long.

    Returns
    -------
    A loaded PIL image of mode RGB: first frame of several, EXIF orientation applied, transparency
    over white, 16-bit greyscale divided by 257.

    Raises
    ------
    ImageProblem : with ``kind`` and one sentence; never another exception for a bad file.
    """
    try:
        with open_file(path) as file:
            return decode(file, at_least)
    except ImageProblem as problem:
        raise ImageProblem(problem.kind, problem.reason, path) from problem.__cause__


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading; every way in which that fails becomes an `ImageProblem`."""
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        if path.is_symlink():
            raise ImageProblem("missing", "It is a link to a file that does not exist.") from error
        raise ImageProblem("missing", "The file is no longer there.") from error
    except PermissionError as error:
        raise ImageProblem("unreadable", "There is no permission to read the file.") from error
    except OSError as error:
        raise _os_problem(error) from error


def decode(file: BinaryIO, at_least: int | None = None) -> Image.Image:
    """Decode an open file as `read_image` does.

    The returned image's ``info`` holds ``"full_size"``, its (width, height) upright and before any
    reduced decoding, and ``"file_format"``.
    """
    image = _open(file)
    width, height = image.size
    file_format = "JPEG" if image.format == "MPO" else str(image.format)
    if width * height > MAX_PIXELS:
        raise ImageProblem(
            "too large",
            f"At {width:,} × {height:,} pixels it is larger than the "
            f"{MAX_PIXELS // 1_000_000} megapixels coldstart decodes.",
        )
    reduced = at_least is not None and file_format == "JPEG"
    if at_least is not None and reduced:
        image.draft("RGB", _draft_size(width, height, at_least))
    try:
        image.load()
        upright, turned = _upright(image)
        rgb = _to_rgb(upright)
    except MemoryError as error:
        raise ImageProblem(
            "too large", f"{width:,} × {height:,} pixels do not fit into memory."
        ) from error
    except _BROKEN as error:
        if "truncated" in str(error) or isinstance(error, EOFError):
            raise ImageProblem(
                "truncated", "The file ends too early: part of the picture is missing."
            ) from error
        raise ImageProblem(
            "damaged", "The file's content is damaged and cannot be decoded."
        ) from error
    if reduced:
        rgb.info["full_size"] = (height, width) if turned else (width, height)
    else:
        rgb.info["full_size"] = rgb.size
    rgb.info["file_format"] = file_format
    return rgb


def _open(file: BinaryIO) -> Image.Image:
    """Read the header only."""
    try:
        head = file.read(HEAD_BYTES)
        file.seek(0)
    except OSError as error:
        raise _os_problem(error) from error
    if not head:
        raise ImageProblem("empty", "The file is empty (0 bytes).")
    try:
        return Image.open(file, formats=_names_for(head))
    except Image.DecompressionBombError as error:
        raise ImageProblem(
            "too large",
            f"It has more than twice the {MAX_PIXELS // 1_000_000} megapixels coldstart decodes.",
        ) from error
    except _BROKEN as error:
        known = format_of_head(head)
        if known is None:
            raise ImageProblem(
                "not an image", "Its content is not an image of a kind coldstart reads."
            ) from error
        raise ImageProblem(
            "damaged", f"It begins like a {known.name} file, but the rest is cut off or damaged."
        ) from error


def _names_for(head: bytes) -> tuple[str, ...]:
    """The formats to try, by Pillow's names; the library for HEIC is loaded for HEIC only."""
    known = format_of_head(head)
    if known is None or known.name != "HEIF":
        return _PILLOW_NAMES
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    return ("HEIF",)


def _draft_size(width: int, height: int, at_least: int) -> tuple[int, int]:
    """What to ask of Pillow's draft so that both sides stay >= ``at_least``.

    Pillow decodes at the largest of 1/1, 1/2, 1/4, 1/8 whose result is no smaller than asked.
    """
    factor = max((f for f in (1, 2, 4, 8) if min(width, height) // f >= at_least), default=1)
    return width // factor, height // factor


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """The image after its EXIF orientation, and whether width and height have changed places."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        if orientation not in range(2, 9):
            return image, False  # Pillow would copy it all the same
        return ImageOps.exif_transpose(image), orientation in (5, 6, 7, 8)
    except _BROKEN:
        # A broken EXIF block is not worth losing the picture for.
        return image, False


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(values: np.ndarray) -> np.ndarray:
    """Greyscale of more than 8 bits, (height, width) of integers or floats, to uint8.

    0..65535 divides by 257 (so that a picture looks the same in 8 and in 16 bits), 0..1 floats
    multiply by 255, and what fits neither is stretched from its own least to its greatest value.
    """
    are_shares = values.dtype.kind == "f"
    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    least, greatest = float(values.min()), float(values.max())
    if are_shares and least >= 0.0 and greatest <= 1.0:
        scaled = values * 255.0
    elif least >= 0.0 and greatest <= 65535.0:
        scaled = values / 257.0
    else:
        scaled = (values - least) * (255.0 / max(greatest - least, 1e-300))
    return np.rint(scaled).astype(np.uint8)


def _os_problem(error: OSError) -> ImageProblem:
    return ImageProblem("unreadable", f"The file cannot be read: {error.strerror or error}.")
