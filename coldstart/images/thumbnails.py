"""Thumbnails of many images at once, on all cores, for those that lack one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from coldstart.images.check import usable_cores
from coldstart.images.read import ImageProblem, read_image
from coldstart.images.thumbnail import THUMBNAIL_PIXELS, make_thumbnail
from coldstart.images.workers import map_in_processes

CHUNK_IMAGES = 32

_Pair = tuple[Path, Path]  # image, thumbnail


def make_thumbnails(
    pairs: Iterable[_Pair], *, processes: int | None = None
) -> Iterator[list[bool]]:
    """Make the thumbnail of each image; for each chunk whether it could be made.

    Parameters
    ----------
    pairs : (image, where its thumbnail goes); taken a little ahead, never all at once.
    processes : worker processes, by default one for each usable core.

    Raises
    ------
    OSError : a thumbnail cannot be written.
    """
    rest = iter(pairs)
    chunks = iter(lambda: list(islice(rest, CHUNK_IMAGES)), [])
    processes = usable_cores() if processes is None else processes
    yield from map_in_processes(_make, chunks, processes, _given_up)


def _make(pairs: list[_Pair]) -> list[bool]:
    return [_made(image, target) for image, target in pairs]


def _made(image: Path, target: Path) -> bool:
    try:
        make_thumbnail(read_image(image, at_least=THUMBNAIL_PIXELS), target)
    except ImageProblem:
        return False
    return True


def _given_up(pairs: list[_Pair]) -> list[bool]:
    """After a worker died: what it had not finished is made when somebody looks at it."""
    return [target.exists() for _, target in pairs]
