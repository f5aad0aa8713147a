"""Thumbnails: made by the scan; this makes those that are missing, as a job on all cores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.images.fetched import prefetched
from coldstart.images.thumbnail import thumbnail_path
from coldstart.images.thumbnails import make_thumbnails
from coldstart.progress import Progress, silent
from coldstart.project import Project

_ROWS_AT_ONCE = 2_000


@dataclass
class ThumbnailReport:
    """What `complete_thumbnails` did; the counts are of images, exact copies once."""

    made: int = 0
    there: int = 0
    failed: int = 0
    seconds: float = 0.0


def complete_thumbnails(project: Project, *, progress: Progress = silent) -> ThumbnailReport:
    """Make every thumbnail that is missing. Stopped, it goes on where it was.

    Raises
    ------
    ColdstartError : the disk is full, or the project's folder may not be written to.
    """
    started = time.monotonic()
    report = ThumbnailReport()
    missing = _Missing(project, report)
    total = len(project.store.images.pool_index()[0])
    try:
        for chunk in make_thumbnails(missing.pairs()):
            report.made += sum(chunk)
            report.failed += len(chunk) - sum(chunk)
            progress(report.made + report.failed + report.there, total, "Making thumbnails")
    except OSError as error:
        raise ColdstartError(
            f"The thumbnails cannot be written ({error.strerror or error}).",
            "Make room or give write permission, then run it again; it goes on where it stopped.",
        ) from error
    progress(total, total, "Making thumbnails")
    report.seconds = time.monotonic() - started
    return report


class _Missing:
    """The images whose thumbnail is not there, a few thousand at a time."""

    def __init__(self, project: Project, report: ThumbnailReport) -> None:
        self._project = project
        self._report = report

    def pairs(self) -> Iterator[tuple[Path, Path]]:
        targets: list[Path] = []

        def images() -> Iterator[Path]:
            for image, target in self._missing():
                targets.append(target)
                yield image

        for image in prefetched(images()):
            yield image, targets.pop(0)

    def _missing(self) -> Iterator[tuple[Path, Path]]:
        ids, hashes = self._project.store.images.pool_index()
        seen: set[bytes] = set()
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            wanted: dict[int, Path] = {}
            for image_id, content_hash in zip(
                ids[start : start + _ROWS_AT_ONCE].tolist(),
                hashes[start : start + _ROWS_AT_ONCE].tolist(),
                strict=True,
            ):
                target = thumbnail_path(self._project.thumbnails, content_hash.decode("ascii"))
                if target.exists():
                    self._report.there += 1
                elif content_hash not in seen:
                    seen.add(content_hash)
                    wanted[image_id] = target
            for image_id, row in self._project.store.images.get(list(wanted)).items():
                yield self._project.file_of(row), wanted[image_id]
