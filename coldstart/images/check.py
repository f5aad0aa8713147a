"""Check image files by really decoding them: hash, size, thumbnail and problem in one pass."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from coldstart.images.measure import Measures, measure
from coldstart.images.read import ImageProblem, ProblemKind, decode, open_file
from coldstart.images.thumbnail import THUMBNAIL_PIXELS, make_thumbnail, shrink, thumbnail_path
from coldstart.images.workers import WorkerDied, call_in_process, map_in_processes
from coldstart.progress import Progress, silent

CHUNK_IMAGES = 16
PROCESSES_PAY_AFTER_S = 1.5
"""Work left, in seconds, from which starting worker processes is worth their start."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of one file.

    ``content_hash`` is the hex SHA-256 of the file's bytes ("" when they could not be read);
    ``width`` and ``height`` are in pixels, upright, 0 when unknown; ``format`` is Pillow's name,
    "" when unknown. ``problem`` is one sentence, and ``problem_kind`` one of `ProblemKind`, or both
    None for an image that can be used.
    """

    content_hash: str
    width: int
    height: int
    format: str
    problem: str | None = None
    problem_kind: ProblemKind | None = None
    measures: Measures | None = None  # None for an image that cannot be used


def check_image(path: Path, thumbnail_directory: Path | None = None) -> ImageFacts:
    """Hash and decode one file, and write its thumbnail unless it is there already.

    Never raises for a bad file: the facts say what is wrong with it. An `OSError` while writing
    the thumbnail (a full disk) does pass through.
    """
    content_hash = ""
    try:
        with open_file(path) as file:
            try:
                content_hash = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
            except OSError as error:
                raise ImageProblem(
                    "unreadable", f"The file cannot be read: {error.strerror or error}."
                ) from error
            image = decode(file, at_least=THUMBNAIL_PIXELS)
    except ImageProblem as problem:
        return ImageFacts(content_hash, 0, 0, "", problem.reason, problem.kind)
    width, height = image.info["full_size"]
    file_format = image.info["file_format"]
    small = shrink(image)
    if thumbnail_directory is not None:
        target = thumbnail_path(thumbnail_directory, content_hash)
        if not target.exists():
            make_thumbnail(small, target)
    return ImageFacts(content_hash, width, height, file_format, measures=measure(small))


def check_images(
    paths: Iterable[Path],
    thumbnail_directory: Path | None = None,
    *,
    total: int | None = None,
    processes: int | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[int, ImageFacts]]:
    """Check many files on all cores; yields (index into ``paths``, facts) in order.

    The first files are checked in this process; worker processes start only when what is left
    would take longer than starting them. An image that crashes the decoder's C code costs its
    worker, not the scan.

    Parameters
    ----------
    paths : the files; taken a little ahead of the results, never all at once.
    thumbnail_directory : where thumbnails go (`thumbnail_path`), or None for none.
    total : how many there are, for ``progress``; needed where ``paths`` has no length.
    processes : worker processes, by default one for each usable core; 1 stays in this process.
    progress : called after every chunk with (done, total, message).
    """
    processes = usable_cores() if processes is None else processes
    if total is None:
        total = len(paths) if isinstance(paths, Sized) else 0
    done = 0
    for facts in _in_chunks(paths, total, thumbnail_directory, processes):
        for one in facts:
            yield done, one
            done += 1
        progress(done, total, "Checking images")


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_Work = tuple[Path | None, tuple[Path, ...]]  # thumbnail directory, files


def _in_chunks(
    paths: Iterable[Path], total: int, thumbnail_directory: Path | None, processes: int
) -> Iterator[list[ImageFacts]]:
    rest = iter(paths)
    chunks = iter(lambda: tuple(islice(rest, CHUNK_IMAGES)), ())
    left = total
    started = time.perf_counter()
    for chunk in chunks:
        yield _check_chunk((thumbnail_directory, chunk))
        left -= len(chunk)
        per_image_s = (time.perf_counter() - started) / (total - left)
        if processes > 1 and left * per_image_s > PROCESSES_PAY_AFTER_S:
            break
    work: Iterable[_Work] = ((thumbnail_directory, chunk) for chunk in chunks)
    yield from map_in_processes(_check_chunk, work, processes, _check_one_by_one)


def _check_chunk(work: _Work) -> list[ImageFacts]:
    thumbnail_directory, paths = work
    return [check_image(path, thumbnail_directory) for path in paths]


def _check_one_by_one(work: _Work) -> list[ImageFacts]:
    """After a worker died: each file of its chunk alone, so that only the guilty one is blamed."""
    thumbnail_directory, paths = work
    facts = []
    for path in paths:
        try:
            facts += call_in_process(_check_chunk, (thumbnail_directory, (path,)))
        except WorkerDied:
            reason = "The decoder crashed on it, or ran out of memory."
            facts.append(ImageFacts("", 0, 0, "", reason, "damaged"))
    return facts
