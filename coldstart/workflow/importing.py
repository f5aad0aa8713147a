"""Importing: labels that coldstart or another program has exported, back into a project."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.labels.coco_export import read_coco_labels
from coldstart.labels.folders import (
    METADATA,
    GivenLabel,
    read_class_folders,
    read_hugging_face,
    read_manifest_labels,
)
from coldstart.labels.manifest import MANIFEST_COLUMNS
from coldstart.labels.states import CLASS
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.label import ImportReport, match_paths

NOBODY = "import"
"""Whose answers they are where neither the file nor the person says."""

_CHUNK = 1000


def is_exported(file: Path) -> bool:
    """Whether this is more than a plain CSV of paths and classes."""
    if file.is_dir() or file.suffix.lower() in (".json", ".jsonl", ".parquet"):
        return True
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            return next(csv.reader(stream), []) == list(MANIFEST_COLUMNS)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def read_labels(file: Path) -> list[GivenLabel]:
    """The labels of a manifest, a COCO file, class folders or a Hugging Face image folder.

    Raises
    ------
    ColdstartError : it is none of them, damaged, or only half written.
    """
    if file.is_dir():
        return read_hugging_face(file) if (file / METADATA).exists() else read_class_folders(file)
    return read_coco_labels(file) if file.suffix.lower() == ".json" else read_manifest_labels(file)


def import_exported(
    project: Project, file: Path, annotator: str = NOBODY, *, progress: Progress = silent
) -> ImportReport:
    """Take the labels of `read_labels`, each in the name of those who gave it.

    An image is found by its path, else by its content. Of an answer that somebody else contradicted
    only the side that stood is in such a file. The same file imported twice changes nothing.

    Raises
    ------
    ColdstartError : it cannot be read, holds no label, or names no image of the project.
    """
    labels = read_labels(file)
    if not labels:
        raise ColdstartError(f"{file.name} holds no labels.", "Export some first.")
    matched, unknown, ambiguous = _match(project, labels)
    if not matched:
        raise ColdstartError(
            f"None of the {len(labels):,} images in {file.name} is an image of this project "
            f"(the first is {labels[0].path!r}).",
            "Scan the folder of these images first.",
        )
    names = dict.fromkeys(one.class_name for one, _ in matched if one.state == CLASS)
    class_ids = {name: project.store.labels.add_class(name).class_id for name in names}
    standing = {
        (row.image_id, row.annotator): row
        for row in project.store.labels.standing([image_id for _, image_id in matched])
    }
    events = []
    for one, image_id in matched:
        class_id = class_ids.get(one.class_name) if one.state == CLASS else None
        for who in one.annotators or (annotator,):
            before = standing.get((image_id, who))
            if before is not None and (before.kind, before.class_id) == (one.state, class_id):
                continue
            # Named by what it says, so that a resent import is the same event.
            key = f"{image_id}/{one.state}/{class_id}/{who}/{before.event_id if before else 0}"
            uuid = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
            events.append(NewEvent(uuid, image_id, who, one.state, class_id, origin="import"))
    for start in range(0, len(events), _CHUNK):
        project.store.label_writer.append(events[start : start + _CHUNK])
        progress(min(start + _CHUNK, len(events)), len(events), "Storing labels")
    labelled = len({event.image_id for event in events})
    return ImportReport(labelled, len(class_ids), unknown, ambiguous)


def _match(
    project: Project, labels: Sequence[GivenLabel]
) -> tuple[list[tuple[GivenLabel, int]], list[str], list[str]]:
    by_path, _, several = match_paths(project, [one.path for one in labels])
    without = {one.content_hash for one in labels if one.path not in by_path}
    by_content = project.store.images.by_hash(sorted(without - {""}))
    matched: list[tuple[GivenLabel, int]] = []
    unknown: list[str] = []
    ambiguous: list[str] = []
    for one in labels:
        same = by_content.get(one.content_hash, [])
        image_id = by_path.get(one.path) or (same[0] if len(same) == 1 else None)
        if image_id is not None:
            matched.append((one, image_id))
        else:
            (ambiguous if same or one.path in several else unknown).append(one.path)
    return matched, unknown, ambiguous
