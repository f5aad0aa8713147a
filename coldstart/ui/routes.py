"""The labeller's routes over the real projects: the gate between HTTP and the workflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import Route
from streamlit import get_option

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.server.gate import LabellerClass, Stored
from coldstart.server.messages import RefusedEvent, SentEvent
from coldstart.server.routes import labeller_routes
from coldstart.store import NewEvent
from coldstart.ui.classes import labeller_classes
from coldstart.workflow.label import append_events
from coldstart.workflow.scan import thumbnail_file


def routes() -> list[Route]:
    """Labels and classes in, thumbnails and images out, below the server's base path."""
    return labeller_routes(ProjectGate(), str(get_option("server.baseUrlPath") or ""))


class ProjectGate:
    """`coldstart.server.gate.LabelGate` over project directories."""

    def append_events(self, directory: Path, events: Sequence[SentEvent], annotator: str) -> Stored:
        """Store the events through the project's one writer; return after the commit."""
        project = Project.open(directory)
        new = [
            NewEvent(
                uuid=event.uuid,
                image_id=event.image_id,
                annotator=annotator,
                kind=event.kind,
                class_id=event.class_id,
                batch_id=event.batch_id,
                client_time=event.client_time,
                seconds=event.seconds,
            )
            for event in events
        ]
        refused = append_events(project, new)
        batches = {event.batch_id for event in events if event.batch_id is not None}
        return Stored(
            accepted=[event.uuid for event in events if event.uuid not in refused],
            refused=[RefusedEvent(uuid, reason) for uuid, reason in refused.items()],
            batch_left=_left(project, batches.pop()) if len(batches) == 1 else None,
        )

    def add_class(self, directory: Path, name: str) -> LabellerClass:
        """The class of this name, made if there is none."""
        project = Project.open(directory)
        wanted = project.store.labels.add_class(name)
        for entry in labeller_classes(project):
            if entry["id"] == wanted.class_id:
                return LabellerClass(**entry)
        raise ColdstartError(f"The class {name!r} could not be stored.", "Try again.")

    def thumbnail_file(self, directory: Path, content_hash: str) -> Path | None:
        """The thumbnail of the image with this content, None if there is none."""
        return thumbnail_file(Project.open(directory), content_hash)

    def image_file(self, directory: Path, image_id: int, content_hash: str) -> Path | None:
        """The file of this image, None if it is gone or its content is another by now."""
        project = Project.open(directory)
        row = project.store.images.get([image_id]).get(image_id)
        if row is None or row.missing or row.content_hash != content_hash:
            return None
        return project.file_of(row)


def _left(project: Project, batch_id: int) -> int:
    picks = [pick.image_id for pick in project.store.batches.picks(batch_id)]
    return len(picks) - len(project.store.labels.current(picks))
