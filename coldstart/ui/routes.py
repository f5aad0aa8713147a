"""The labeller's routes over the real projects: the gate between HTTP and the workflow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.routing import Route
from streamlit import get_option

from coldstart.errors import ColdstartError
from coldstart.labels.states import CLEARED
from coldstart.project import Project
from coldstart.server.gate import LabellerClass, Stored
from coldstart.server.map_routes import map_routes
from coldstart.server.messages import RefusedEvent, SentComment, SentEvent
from coldstart.server.routes import labeller_routes
from coldstart.store import NewComment, NewEvent
from coldstart.ui.classes import labeller_classes
from coldstart.ui.refit import refit_in_background
from coldstart.workflow.export import manifest_bytes
from coldstart.workflow.label import (
    append_events,
    describe_history,
    images_by_id,
    standing_answers,
)
from coldstart.workflow.map_serving import map_point, served_file
from coldstart.workflow.projects import leads_out, open_served
from coldstart.workflow.scan import thumbnail_file
from coldstart.workflow.stands_for import stands_for
from coldstart.workflow.suggest import describe_suggestions, is_fresh, suggestions
from coldstart.workflow.team import check_member, next_work

_MANY_LEFT = 200
_COUNT_AGAIN_S = 2.0


def routes() -> list[Route]:
    """Labels and classes in, thumbnails and images out, below the server's base path."""
    gate, base = ProjectGate(), str(get_option("server.baseUrlPath") or "")
    return [*labeller_routes(gate, base), *map_routes(gate, base)]


class ProjectGate:
    """`coldstart.server.gate.LabelGate` over project directories."""

    def __init__(self) -> None:
        self._counted: dict[tuple[Path, int], tuple[float, int]] = {}  # see `_left`

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        """Raise ColdstartError unless this person may do this in the project."""
        check_member(open_served(directory), annotator, action)

    def lease(self, directory: Path, annotator: str, count: int) -> Sequence[int]:
        """Up to ``count`` queued images, in this person's hands from now on."""
        return next_work(open_served(directory), annotator, count)

    def give_back(
        self, directory: Path, annotator: str, image_ids: Sequence[int] | None = None
    ) -> int:
        """Return the images in this person's hands, or these of them; how many there were."""
        return open_served(directory).store.leases.give_back(annotator, image_ids)

    def export(self, directory: Path, format: str) -> bytes:
        """The manifest of the labels in this format."""
        return manifest_bytes(open_served(directory), format)

    def append_events(self, directory: Path, events: Sequence[SentEvent], annotator: str) -> Stored:
        """Store the events through the project's one writer; return after the commit."""
        project = open_served(directory)
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
                origin=event.origin,
                suggestion=event.suggestion,
                step=event.step,
                step_action=event.step_action,
            )
            for event in events
        ]
        refused = append_events(project, new)
        project.store.leases.renew(annotator)
        batches = {event.batch_id for event in events if event.batch_id is not None}
        left = self._left(project, batches.pop()) if len(batches) == 1 else None
        if left == 0:
            refit_in_background(directory)
        return Stored(
            accepted=[event.uuid for event in events if event.uuid not in refused],
            refused=[RefusedEvent(uuid, reason) for uuid, reason in refused.items()],
            batch_left=left,
            standing=standing_answers(
                project, [one.image_id for one in events if one.kind == CLEARED], annotator
            ),
        )

    def append_comments(
        self, directory: Path, comments: Sequence[SentComment], annotator: str
    ) -> Sequence[RefusedEvent]:
        """Store the comments; those on an image that is not the project's are refused."""
        project = open_served(directory)
        known = project.store.images.get([one.image_id for one in comments])
        project.store.comments.append(
            [
                NewComment(one.uuid, one.image_id, annotator, one.text, one.client_time)
                for one in comments
                if one.image_id in known
            ]
        )
        return [
            RefusedEvent(one.uuid, f"There is no image {one.image_id} in this project.")
            for one in comments
            if one.image_id not in known
        ]

    def history(
        self, directory: Path, annotator: str, before: int | None, count: int
    ) -> dict[str, Any]:
        """What this annotator can undo and redo."""
        return describe_history(open_served(directory), annotator, before, count)

    def suggestions(self, directory: Path, image_ids: Sequence[int]) -> dict[str, Any]:
        """The newest suggestions for these images, and whether newer ones are on their way."""
        project = open_served(directory)
        found = suggestions(project)
        return {
            "fresh": is_fresh(project),
            "version": found.version[0] if found else 0,
            "suggestions": describe_suggestions(project, image_ids, found),
        }

    def why(self, directory: Path, image_id: int, annotator: str) -> dict[str, Any] | None:
        """The strategy's reason, and the images this one stands for."""
        project = open_served(directory)
        own = images_by_id(project, [image_id], seen_by=annotator)
        if not own:
            return None
        try:
            found = stands_for(project, image_id)
        except ColdstartError as error:
            return {"reason": own[0]["reason"], "words": str(error), "images": []}
        shown = [
            {key: one[key] for key in ("id", "name", "thumbnail", "state")}
            for one in images_by_id(project, found.image_ids, seen_by=annotator)
        ]
        return {"reason": own[0]["reason"], "words": found.words, "images": shown}

    def add_class(self, directory: Path, name: str, annotator: str) -> LabellerClass:
        """The class of this name, made if there is none."""
        project = open_served(directory)
        wanted = project.store.labels.add_class(name, annotator)
        for entry in labeller_classes(project):
            if entry["id"] == wanted.class_id:
                return LabellerClass(**entry)
        raise ColdstartError(f"The class {name!r} could not be stored.", "Try again.")

    def thumbnail_file(self, directory: Path, content_hash: str) -> Path | None:
        """The thumbnail of the image with this content, None if there is none."""
        return thumbnail_file(open_served(directory), content_hash)

    def image_file(self, directory: Path, image_id: int, content_hash: str) -> Path | None:
        """The file of this image, None if it is gone or its content is another by now."""
        project = open_served(directory)
        row = project.store.images.get([image_id]).get(image_id)
        if row is None or row.missing or row.content_hash != content_hash:
            return None
        try:
            file = project.local_file(row)
        except OSError:
            return None
        return None if leads_out(file) else file

    def map_file(self, directory: Path, name: str) -> Path | None:
        """The packed places or groups of this name, None if there is no such file."""
        return served_file(open_served(directory), name)

    def map_point(self, directory: Path, places: str, number: int) -> dict[str, Any] | None:
        """What the point of this number is, None if there is none."""
        point = map_point(open_served(directory), places, number)
        return None if point is None else point.as_dict()

    def _left(self, project: Project, batch_id: int) -> int | None:
        """How many images of the batch have no answer; None where that was counted a moment ago
        and is far from none, for counting reads the whole batch."""
        key = (project.directory, batch_id)
        counted_at, left = self._counted.get(key, (0.0, 0))
        if left > _MANY_LEFT and time.monotonic() - counted_at < _COUNT_AGAIN_S:
            return None
        left = project.store.batches.unanswered(batch_id)
        self._counted[key] = (time.monotonic(), left)
        return left
