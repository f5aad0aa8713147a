"""Scan: find every image below the project's folders, check it by decoding it, and remember it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.images.check import ImageFacts, check_images
from coldstart.images.find import FoundFile, find_files
from coldstart.images.formats import is_image_candidate
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import ScannedImage
from coldstart.workflow.projects import leads_out

_SAVE_EVERY = 256


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


@dataclass(frozen=True)
class _ToCheck:
    root: int
    file: FoundFile
    image_id: int | None


def scan(project: Project, *, progress: Progress = silent) -> ScanReport:
    """Bring the project's list of images up to date with its folders.

    Only new files and files whose size or time changed are read. A scan that is cancelled keeps
    what it has checked, and the next one goes on from there.

    Raises
    ------
    ColdstartError : an image folder is gone, or holds no image at all.
    """
    started = time.monotonic()
    store = project.store
    report = ScanReport()
    known = store.images.known_files()
    seen: set[tuple[int, str]] = set()
    to_check: list[_ToCheck] = []
    returned: list[int] = []
    unreadable_below: list[tuple[int, str]] = []

    for root, folder in enumerate(project.roots):

        def on_unreadable(path: str, reason: str, root: int = root) -> None:
            unreadable_below.append((root, path.rstrip("/") + "/"))
            report.unreadable_folders.append(f"{path} ({reason})")

        for file in find_files(folder, on_unreadable):
            if leads_out(folder / file.path):
                report.other_files += 1
                continue
            before = known.get((root, file.path))
            if before is None and not is_image_candidate(folder / file.path):
                report.other_files += 1
                continue
            seen.add((root, file.path))
            if before is None:
                to_check.append(_ToCheck(root, file, None))
            elif before[1:3] != (file.size_bytes, file.mtime_ns):
                to_check.append(_ToCheck(root, file, before[0]))
            else:
                report.unchanged += 1
                if before[3]:
                    returned.append(before[0])
            if len(seen) % 1000 == 0:
                progress(0, None, f"{len(seen):,} files found")

    gone = [
        image_id
        for (root, path), (image_id, _, _, missing, _) in known.items()
        if (root, path) not in seen
        and not missing
        and not any(root == where and path.startswith(below) for where, below in unreadable_below)
    ]
    store.images.mark_missing(gone, True)
    store.images.mark_missing(returned, False)
    _check_and_save(project, to_check, report, progress)

    report.images = store.images.count("usable")
    report.unreadable = store.images.count("problem")
    report.missing = len(gone) - report.moved
    report.seconds = time.monotonic() - started
    if report.images == 0 and report.unreadable == 0:
        folders = ", ".join(str(folder) for folder in project.roots)
        raise ColdstartError(
            f"No image was found in {folders} ({report.other_files:,} other files).",
            "Choose the folder that holds the images; folders below it are searched too.",
        )
    return report


def _check_and_save(
    project: Project, to_check: list[_ToCheck], report: ScanReport, progress: Progress
) -> None:
    paths = [project.roots[entry.root] / entry.file.path for entry in to_check]
    gone_by_hash = project.store.images.missing_by_hash()
    waiting: list[ScannedImage] = []
    try:
        facts = check_images(paths, project.thumbnails, progress=progress)
        for index, fact in facts:
            waiting.append(_scanned(to_check[index], fact, gone_by_hash, report))
            if len(waiting) >= _SAVE_EVERY:
                project.store.images.save(waiting)
                waiting = []
    except OSError as error:
        raise ColdstartError(
            f"The scan stopped: {error.strerror or error} (in {project.directory}).",
            "Make room or give write permission, then scan again; it goes on where it stopped.",
        ) from error
    finally:
        project.store.images.save(waiting)


def _scanned(
    entry: _ToCheck, fact: ImageFacts, gone_by_hash: dict[str, int], report: ScanReport
) -> ScannedImage:
    image_id = entry.image_id
    if image_id is not None:
        report.changed += 1
    elif fact.content_hash in gone_by_hash:
        image_id = gone_by_hash.pop(fact.content_hash)
        report.moved += 1
    else:
        report.added += 1
    return ScannedImage(
        image_id=image_id,
        root=entry.root,
        path=entry.file.path,
        size_bytes=entry.file.size_bytes,
        mtime_ns=entry.file.mtime_ns,
        content_hash=fact.content_hash or None,
        width=fact.width or None,
        height=fact.height or None,
        format=fact.format or None,
        problem=fact.problem,
        problem_kind=fact.problem_kind,
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
