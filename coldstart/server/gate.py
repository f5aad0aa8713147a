"""What the routes need of a project: the one seam between HTTP and the rest of coldstart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from coldstart.server.messages import RefusedEvent, SentComment, SentEvent


@dataclass(frozen=True)
class Stored:
    """What became of a request's events; given out only once they are durable."""

    accepted: Sequence[str]  # uuids that stand in the store, now or from an earlier request
    refused: Sequence[RefusedEvent]
    batch_left: int | None  # images of the events' query batch still without one
    # image id -> the answer that stands now, for images whose own answer was taken back: another
    # annotator's may stand there.
    standing: dict[int, dict[str, Any] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class LabellerClass:
    """A class as the labeller shows it."""

    id: int
    name: str
    key: str  # the key that assigns it; "" when all keys are taken
    color: str  # "#rrggbb"


class Allows(Protocol):
    """Who may do what in a project."""

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        """Raise ColdstartError unless this person may do this (`labels.roles.ACTIONS`)."""
        ...


class LabelGate(Allows, Protocol):
    """The project behind the routes, named by its directory.

    Every method may be called from several threads at once, and raises ColdstartError for what
    the person can mend: the route answers it with its sentence.
    """

    def lease(self, directory: Path, annotator: str, count: int) -> Sequence[int]:
        """Up to ``count`` queued images, in this person's hands from now on."""
        ...

    def give_back(
        self, directory: Path, annotator: str, image_ids: Sequence[int] | None = None
    ) -> int:
        """Return the images in this person's hands, or these of them; how many there were."""
        ...

    def export(self, directory: Path, format: str) -> bytes:
        """The manifest of the labels in this format."""
        ...

    def append_events(self, directory: Path, events: Sequence[SentEvent], annotator: str) -> Stored:
        """Store the events, in order, those known by uuid only once; return after the commit."""
        ...

    def append_comments(
        self, directory: Path, comments: Sequence[SentComment], annotator: str
    ) -> Sequence[RefusedEvent]:
        """Store the comments, those known by uuid once; refuse those that name no image."""
        ...

    def add_class(self, directory: Path, name: str, annotator: str) -> LabellerClass:
        """The class of this name, made if there is none."""
        ...

    def history(
        self, directory: Path, annotator: str, before: int | None, count: int
    ) -> dict[str, Any]:
        """What this annotator can undo and redo: {"undo": […], "redo": […], "more": bool}."""
        ...

    def suggestions(self, directory: Path, image_ids: Sequence[int]) -> dict[str, Any]:
        """What the images may be: {"fresh": bool, "version": int, "suggestions": {id: …}}."""
        ...

    def why(self, directory: Path, image_id: int, annotator: str) -> dict[str, Any] | None:
        """Why an image is asked for, and the images it stands for; None if there is none."""
        ...

    def thumbnail_file(self, directory: Path, content_hash: str) -> Path | None:
        """The thumbnail of the image with this content, None if there is none."""
        ...

    def image_file(self, directory: Path, image_id: int, content_hash: str) -> Path | None:
        """The file of this image, None if it is gone or its content is another by now."""
        ...
