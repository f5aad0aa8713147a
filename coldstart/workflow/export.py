"""Export: the project's labels as a manifest that other programs read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.labels.coco_export import write_coco
from coldstart.labels.folders import write_class_folders, write_hugging_face
from coldstart.labels.manifest import MANIFEST_FORMATS, ManifestRow, write_manifest
from coldstart.project import Project
from coldstart.store import ImageRow
from coldstart.workflow.copies import resolve_shared

EXPORT_FORMATS: dict[str, str] = {
    **{name: one.title for name, one in MANIFEST_FORMATS.items()},
    "imagefolder": "one folder of images a class",
    "hf": "Hugging Face image folder with metadata.csv",
    "coco": "COCO categories",
}
"""Every way to export the labels, in the order in which they are offered, and what it is."""


@dataclass(frozen=True)
class ExportReport:
    """What was written and where."""

    file: Path
    format: str
    images: int


def export(
    project: Project,
    format: str,
    to: Path | str,
    *,
    links: bool = False,
    as_of: float | None = None,
) -> ExportReport:
    """Write every image that has an answer to the file or folder ``to``.

    format : one of `EXPORT_FORMATS`. links : whether folders hold links instead of copies.
    as_of : the labels as they stood at this moment (seconds since 1970); None for now.

    Raises
    ------
    ColdstartError : the format is unknown, nothing is labelled, or the place is not writable.
    """
    file = Path(to).expanduser().absolute()
    if format not in EXPORT_FORMATS:
        raise ColdstartError(
            f"There is no export format {format!r}.", f"Use one of {', '.join(EXPORT_FORMATS)}."
        )
    if format in MANIFEST_FORMATS and file.is_dir():
        file = file / f"manifest{MANIFEST_FORMATS[format].suffix}"
    if project.store.labels.last_event_id() == 0:
        raise ColdstartError(
            f"Nothing is labelled yet in {project.name}.", "Label some images first."
        )
    if format in MANIFEST_FORMATS:
        rows = manifest_rows(project, as_of)
        return ExportReport(file, format, write_manifest(rows, file, format))
    exported = list(exported_images(project, as_of))
    image_of = {id(row): image for row, image in exported}
    written = [row for row, _ in exported]
    if format == "coco":
        if file.is_dir():
            file = file / "coco.json"

        def size(row: ManifestRow) -> tuple[int, int]:
            image = image_of[id(row)]
            return image.width or 0, image.height or 0

        return ExportReport(file, format, write_coco(written, file, size))
    write = write_class_folders if format == "imagefolder" else write_hugging_face
    count = write(written, file, lambda row: project.file_of(image_of[id(row)]), links=links)
    return ExportReport(file, format, count)


def manifest_bytes(project: Project, format: str) -> bytes:
    """The manifest as the content of a download."""
    with tempfile.TemporaryDirectory() as folder:
        report = export(project, format, Path(folder) / f"m{MANIFEST_FORMATS[format].suffix}")
        return report.file.read_bytes()


def manifest_rows(project: Project, as_of: float | None = None) -> Iterator[ManifestRow]:
    """One row for each image that has a label, by `image_id`; at the moment ``as_of`` if given;
    exact copies share theirs.
    """
    return (row for row, _ in exported_images(project, as_of))


def exported_images(
    project: Project, as_of: float | None = None
) -> Iterator[tuple[ManifestRow, ImageRow]]:
    """`manifest_rows`, each beside its image."""
    store = project.store
    names = {row.class_id: row.name for row in store.labels.classes()}
    labels = resolve_shared(project, as_of)
    ids = sorted(labels)
    images = store.images.get(ids)
    picks = store.batches.last_picks(ids)
    batches = {batch.batch_id: batch for batch in store.batches.all()}
    for image_id in ids:
        label, image = labels[image_id], images[image_id]
        pick = picks.get(image_id)
        answer = label.winner
        row = ManifestRow(
            path=image.path,
            content_hash=image.content_hash or "",
            class_name=names[answer.class_id] if answer.class_id is not None else "",
            state=answer.kind,
            annotators=label.annotators,
            agreement=label.agreement,
            origin=answer.origin,
            query_batch=pick.batch_id if pick else None,
            rank=pick.rank + 1 if pick else None,
            strategy=batches[pick.batch_id].strategy if pick else "",
            labelled_at=datetime.fromtimestamp(answer.at, UTC).isoformat(timespec="milliseconds"),
        )
        yield row, image
