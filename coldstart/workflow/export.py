"""Export: the project's labels as a manifest that other programs read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.labels.manifest import MANIFEST_FORMATS, ManifestRow, write_manifest
from coldstart.project import Project
from coldstart.workflow.copies import resolve_shared


@dataclass(frozen=True)
class ExportReport:
    """What was written and where."""

    file: Path
    format: str
    images: int


def export(project: Project, format: str, to: Path | str) -> ExportReport:
    """Write the manifest of every image that has an answer to the file ``to``.

    Raises
    ------
    ColdstartError : the format is unknown, nothing is labelled, or the place is not writable.
    """
    file = Path(to).expanduser().absolute()
    if format not in MANIFEST_FORMATS:
        raise ColdstartError(
            f"There is no export format {format!r}.", f"Use one of {', '.join(MANIFEST_FORMATS)}."
        )
    if file.is_dir():
        file = file / f"manifest{MANIFEST_FORMATS[format].suffix}"
    if project.store.labels.last_event_id() == 0:
        raise ColdstartError(
            f"Nothing is labelled yet in {project.name}.", "Label some images first."
        )
    return ExportReport(file, format, write_manifest(manifest_rows(project), file, format))


def manifest_bytes(project: Project, format: str) -> bytes:
    """The manifest as the content of a download."""
    with tempfile.TemporaryDirectory() as folder:
        report = export(project, format, Path(folder) / f"m{MANIFEST_FORMATS[format].suffix}")
        return report.file.read_bytes()


def manifest_rows(project: Project) -> Iterator[ManifestRow]:
    """One row for each image that has an answer, by `image_id`; exact copies share theirs."""
    store = project.store
    names = {row.class_id: row.name for row in store.labels.classes()}
    labels = resolve_shared(project)
    ids = sorted(labels)
    images = store.images.get(ids)
    picks = store.batches.last_picks(ids)
    batches = {batch.batch_id: batch for batch in store.batches.all()}
    for image_id in ids:
        label, image = labels[image_id], images[image_id]
        pick = picks.get(image_id)
        answer = label.winner
        yield ManifestRow(
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
