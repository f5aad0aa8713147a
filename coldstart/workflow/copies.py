"""Exact copies share their label; when one of them becomes another picture, they part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from coldstart.labels.resolve import Label, resolve
from coldstart.project import Project
from coldstart.store import EventRow, NewEvent, ScannedImage


def resolve_shared(project: Project, as_of: float | None = None) -> dict[int, Label[EventRow]]:
    """The current label of every image that has one, by `image_id`: all copies have the same.

    as_of : the labels as they stood at this moment (seconds since 1970); None for now.
    """
    store = project.store
    events = [one for one in store.labels.events() if as_of is None or one.at <= as_of]
    answered = sorted({event.image_id for event in events})
    copies = store.images.copies(answered)
    first_copy = {image_id: copies.get(image_id, [image_id])[0] for image_id in answered}
    labels = resolve(replace(event, image_id=first_copy[event.image_id]) for event in events)
    return {
        twin: label
        for image_id in answered
        if (label := labels.get(first_copy[image_id])) is not None
        for twin in copies.get(image_id, [image_id])
    }


def answers_left_behind(project: Project, scanned: Sequence[ScannedImage]) -> list[NewEvent]:
    """Answers that must be stored anew when known files are saved with another content.

    The copies of a picture share its answers, which are stored with one of them. When that one
    becomes another picture, the copies it leaves behind would lose them.
    """
    store = project.store
    known = [one for one in scanned if one.image_id is not None and one.content_hash is not None]
    rows = store.images.get([one.image_id for one in known if one.image_id is not None])
    changed = {
        one.image_id
        for one in known
        if one.image_id is not None
        and rows[one.image_id].content_hash not in (None, one.content_hash)
    }
    newest: dict[tuple[int, str], EventRow] = {}
    for event in store.labels.events(sorted(changed), as_given=True):
        newest[event.image_id, event.annotator] = event
    copies = store.images.copies(sorted({image_id for image_id, _ in newest}))
    events = []
    for (image_id, annotator), event in sorted(newest.items(), key=lambda pair: pair[1].event_id):
        staying = [one for one in copies.get(image_id, []) if one not in changed]
        if staying:
            given = {name: getattr(event, name) for name in NewEvent.__dataclass_fields__}
            key = f"left behind by {event.uuid} with {staying[0]}"
            uuid = hashlib.sha256(key.encode()).hexdigest()[:32]
            given |= {"uuid": uuid, "image_id": staying[0], "annotator": annotator}
            given |= {"step": None, "step_action": None}  # no key of anybody did this
            events.append(NewEvent(**given))
    return events
