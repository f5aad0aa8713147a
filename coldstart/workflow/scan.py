"""Scan: find every image below the project's folders, check it by decoding it, and remember it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, tee
from pathlib import Path
from typing import IO

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.images.check import ImageFacts, check_images
from coldstart.images.fetched import prefetched
from coldstart.images.find import FoundFile
from coldstart.images.sources import Source
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import ImageRow, ScannedImage
from coldstart.workflow.copies import answers_left_behind
from coldstart.workflow.doctor import examine
from coldstart.workflow.formats import pool_formats
from coldstart.workflow.projects import leads_out

_SAVE_EVERY = 256
_LOOK_UP = 5_000  # files whose rows are looked up at once


@dataclass
class ScanReport:
    """What a scan found; the counts are of files."""

    images: int = 0  # that can be used, after the scan
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: int = 0  # same content under a new name: the labels went along
    missing: int = 0  # that were there at the scan before
    unreadable: int = 0  # that claim to be images and cannot be used, after the scan
    other_files: int = 0
    unreadable_folders: list[str] = field(default_factory=list)
    seconds: float = 0.0


def scan(project: Project, *, progress: Progress = silent) -> ScanReport:
    """Bring the project's list of images up to date with its folders, and examine them.

    Only new files and files whose size or time changed are read. A scan that is cancelled keeps
    what it has checked, and the next one goes on from there. Memory does not grow with the number
    of files, but for one byte each, and some arrays of a number for each different picture while
    near copies are looked for.

    Raises
    ------
    ColdstartError : an image folder is gone, or holds no image at all, or the disk is full.
    """
    started = time.monotonic()
    store = project.store
    report = ScanReport()
    try:
        # What is to be read waits in a file: the list of a first scan is as long as the folder.
        with tempfile.TemporaryFile("w+b", dir=project.directory) as waiting:
            walk = _Walk(project, report, waiting, progress)
            walk.run()
            gone = walk.mark_gone()
            _check_and_save(project, walk.waiting_entries(), walk.to_check, report, progress)
    except OSError as error:
        raise ColdstartError(
            f"The scan stopped: {error.strerror or error} (in {project.directory}).",
            "Make room or give write permission, then scan again; it goes on where it stopped.",
        ) from error
    examine(project, progress=progress)
    pool_formats(project)  # now, and not when somebody opens the page

    report.images = store.images.count("usable")
    report.unreadable = store.images.count("problem")
    report.missing = gone - report.moved
    report.seconds = time.monotonic() - started
    if report.images == 0 and report.unreadable == 0 and not store.images.count("left out"):
        folders = ", ".join(source.shown for source in project.sources)
        raise ColdstartError(
            f"No image was found in {folders} ({report.other_files:,} other files).",
            "Choose the folder that holds the images; folders below it are searched too.",
        )
    return report


@dataclass(frozen=True, slots=True)
class _ToCheck:
    """A file that is to be read: new, or changed since it was last read."""

    root: int
    path: str
    size_bytes: int
    mtime_ns: int
    image_id: int | None


class _Walk:
    """One look at the names of all files: what is new, has changed, came back, or is gone."""

    def __init__(
        self, project: Project, report: ScanReport, waiting: IO[bytes], progress: Progress
    ) -> None:
        self.project = project
        self.report = report
        self.progress = progress
        self.to_check = 0
        self._waiting = waiting
        self._seen = np.zeros(project.store.images.last_id() + 1, dtype=bool)
        self._unreadable_below: list[tuple[int, str]] = []
        self._files = 0

    def run(self) -> None:
        for root, source in enumerate(self.project.sources):
            found = source.find(partial(self._unreadable, root))
            while files := list(islice(found, _LOOK_UP)):
                self._take(root, source, files)
                self._files += len(files)
                self.progress(0, None, f"{self._files:,} files found")

    def _unreadable(self, root: int, path: str, reason: str) -> None:
        # What lies there is unknown, which is not gone.
        self._unreadable_below.append((root, path.rstrip("/")))
        self.report.unreadable_folders.append(f"{path} ({reason})")

    def _take(self, root: int, source: Source, files: list[FoundFile]) -> None:
        images = self.project.store.images
        known = images.known(root, [file.path for file in files])
        returned = []
        for file in files:
            if source.is_local and leads_out(source.file(file.path)):
                self.report.other_files += 1
                continue
            before = known.get(file.path)
            if before is None:
                if not source.is_candidate(file.path):
                    self.report.other_files += 1
                    continue
                self._wait(root, file, None)
                continue
            if before.image_id < len(self._seen):
                self._seen[before.image_id] = True
            same = (before.size_bytes, before.mtime_ns) == (file.size_bytes, file.mtime_ns)
            if not same or not before.complete:
                self._wait(root, file, before.image_id)
            else:
                self.report.unchanged += 1
                if before.missing:
                    returned.append(before.image_id)
        images.mark_missing(returned, False)

    def _wait(self, root: int, file: FoundFile, image_id: int | None) -> None:
        entry = (root, file.path, file.size_bytes, file.mtime_ns, image_id)
        self._waiting.write(json.dumps(entry).encode("ascii") + b"\n")
        self.to_check += 1

    def waiting_entries(self) -> Iterator[_ToCheck]:
        """What is to be read, in the order in which it was found."""
        self._waiting.seek(0)
        for line in self._waiting:
            yield _ToCheck(*json.loads(line))

    def mark_gone(self) -> int:
        """Mark the images whose file was not seen; how many there are."""
        images = self.project.store.images
        gone = [image_id for image_id, _ in images.present() if not self._seen[image_id]]
        if self._unreadable_below:
            rows = images.get(gone)
            gone = [one for one in gone if not self._may_be_there(rows[one])]
        images.mark_missing(gone, True)
        return len(gone)

    def _may_be_there(self, row: ImageRow) -> bool:
        return any(
            row.root == root
            and (not below or row.path == below or row.path.startswith(below + "/"))
            for root, below in self._unreadable_below
        )


def _check_and_save(
    project: Project,
    entries: Iterator[_ToCheck],
    total: int,
    report: ScanReport,
    progress: Progress,
) -> None:
    ahead, behind = tee(entries)
    paths = prefetched(
        project.sources[entry.root].file(entry.path, f"{entry.size_bytes}/{entry.mtime_ns}")
        for entry in ahead
    )
    read: list[tuple[_ToCheck, ImageFacts]] = []
    facts = check_images(paths, project.thumbnails, total=total, progress=progress)
    try:
        for (_, fact), entry in zip(facts, behind):
            read.append((entry, fact))
            if len(read) >= _SAVE_EVERY:
                _save(project, read, report)
                read = []
    finally:
        _save(project, read, report)


def _save(
    project: Project, read: Sequence[tuple[_ToCheck, ImageFacts]], report: ScanReport
) -> None:
    if not read:
        return
    images = project.store.images
    new = {fact.content_hash for entry, fact in read if entry.image_id is None}
    gone = images.missing_with(sorted(new - {""}))
    scanned = []
    for entry, fact in read:
        image_id = entry.image_id
        if image_id is not None:
            report.changed += 1
        elif gone.get(fact.content_hash):
            image_id = gone[fact.content_hash].pop(0)
            report.moved += 1
        else:
            report.added += 1
        scanned.append(_scanned(entry, image_id, fact))
    images.save(scanned, answers_left_behind(project, scanned))


def _scanned(entry: _ToCheck, image_id: int | None, fact: ImageFacts) -> ScannedImage:
    measures = fact.measures
    return ScannedImage(
        image_id=image_id,
        root=entry.root,
        path=entry.path,
        size_bytes=entry.size_bytes,
        mtime_ns=entry.mtime_ns,
        content_hash=fact.content_hash or None,
        width=fact.width or None,
        height=fact.height or None,
        format=fact.format or None,
        problem=fact.problem,
        problem_kind=fact.problem_kind,
        perceptual_hash=measures.perceptual_hash if measures else None,
        dark_level=measures.dark_level if measures else None,
        bright_level=measures.bright_level if measures else None,
        sharpness=measures.sharpness if measures else None,
    )


def thumbnail_file(project: Project, content_hash: str) -> Path | None:
    """The thumbnail of the image with this content, made now if the file was deleted; or None."""
    from coldstart.images.read import ImageProblem, read_image
    from coldstart.images.thumbnail import THUMBNAIL_PIXELS, make_thumbnail, thumbnail_path

    if len(content_hash) != 64 or not content_hash.isalnum():
        return None
    target = thumbnail_path(project.thumbnails, content_hash)
    if target.exists():
        return target
    image = project.store.images.with_hash(content_hash)
    if image is None:
        return None
    try:
        make_thumbnail(read_image(project.file_of(image), at_least=THUMBNAIL_PIXELS), target)
    except (ImageProblem, OSError):
        return None
    return target if os.path.exists(target) else None
