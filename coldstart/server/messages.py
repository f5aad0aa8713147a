"""The label events as they come over the wire, checked one by one."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from coldstart.labels.states import CLASS, EVENT_KINDS
from coldstart.server.limits import MAX_EVENTS, RequestRefused

LONGEST_ANSWER_S = 3_600.0

LONGEST_COMMENT = 2_000
COMMENT = "comment"
HAND_ORIGINS = ("human", "cluster", "model")
STEP_ACTIONS = ("undo", "redo")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class SentEvent:
    """One answer of an annotator for one image, as the labeller sent it."""

    uuid: str
    image_id: int
    kind: str  # one of EVENT_KINDS
    class_id: int | None  # only with kind "class"
    batch_id: int | None
    client_time: float | None  # milliseconds since 1970 by the annotator's clock
    seconds: float | None  # time the annotator spent on it
    origin: str = "human"  # human | cluster | model
    suggestion: dict[str, Any] | None = None  # what was suggested: class_id, probability, source
    step: str | None = None  # what one key did is one step
    step_action: str | None = None  # undo | redo of that step


@dataclass(frozen=True)
class SentComment:
    """A comment on one image; it travels with the answers, so that it is kept as safely."""

    uuid: str
    image_id: int
    text: str
    client_time: float | None


@dataclass(frozen=True)
class RefusedEvent:
    """An event that was not stored, and why, in one sentence."""

    uuid: str
    reason: str


def read_events(
    body: dict[str, Any],
) -> tuple[list[SentEvent], list[SentComment], list[RefusedEvent]]:
    """The well-formed events and comments of a request, and the others with the reason, in order.

    Raises
    ------
    RequestRefused : the request as a whole has no list of at most `MAX_EVENTS` events.
    """
    rows = body.get("events")
    if not isinstance(rows, list):
        raise RequestRefused(400, 'The request has no list "events".')
    if len(rows) > MAX_EVENTS:
        raise RequestRefused(
            413, f"The request has more than {MAX_EVENTS:,} events.", "Send fewer."
        )
    events: list[SentEvent] = []
    comments: list[SentComment] = []
    refused: list[RefusedEvent] = []
    for row in rows:
        uuid = row.get("uuid") if isinstance(row, dict) else None
        reason = _problem(row)
        if reason:
            refused.append(RefusedEvent(uuid if isinstance(uuid, str) else "", reason))
        elif row["kind"] == COMMENT:
            text = row["text"].strip()
            comments.append(SentComment(row["uuid"], row["image_id"], text, row.get("client_time")))
        else:
            events.append(_event(row))
    return events, comments, refused


def _problem(row: Any) -> str:
    """Why a row is no event, in one sentence; empty if it is one."""
    if not isinstance(row, dict):
        return "The event is not a JSON object."
    if not _is_uuid(row.get("uuid")):
        return "The event has no valid uuid."
    if not _is_id(row.get("image_id")):
        return "The event names no image."
    if row.get("kind") == COMMENT:
        return _comment_problem(row)
    if row.get("kind") not in EVENT_KINDS:
        return f"The event's kind is none of {', '.join(EVENT_KINDS)}."
    if row["kind"] == CLASS and not _is_id(row.get("class_id")):
        return "The event gives a class but does not say which."
    if row["kind"] != CLASS and row.get("class_id") is not None:
        return "The event names a class but its kind is another."
    if row.get("batch_id") is not None and not _is_id(row["batch_id"]):
        return "The event's query batch is not a number."
    if not all(_is_number_or_none(row.get(name)) for name in ("client_time", "seconds")):
        return "The event's times are not numbers."
    if row.get("origin", "human") not in HAND_ORIGINS:
        return f"The event's origin is none of {', '.join(HAND_ORIGINS)}."
    if row.get("step") is not None and not _is_uuid(row["step"]):
        return "The event's step is no uuid."
    if row.get("step_action") not in (None, *STEP_ACTIONS):
        return f"The event's step action is none of {', '.join(STEP_ACTIONS)}."
    if row.get("suggestion") is not None and _suggestion(row["suggestion"]) is None:
        return "The event's suggestion has no class and probability."
    return ""


def _comment_problem(row: dict[str, Any]) -> str:
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        return "The comment is empty."
    if len(text) > LONGEST_COMMENT:
        return f"The comment has {len(text):,} characters; {LONGEST_COMMENT:,} are kept."
    if "\0" in text or text != text.encode("utf-8", "replace").decode():
        return "The comment holds a character that cannot be stored."
    return "" if _is_number_or_none(row.get("client_time")) else "The comment's time is no number."


def _suggestion(value: Any) -> dict[str, Any] | None:
    """What was suggested, with nothing else in it; None if it is no suggestion."""
    if not isinstance(value, dict) or not _is_id(value.get("class_id")):
        return None
    chance, source = value.get("probability"), value.get("source", "")
    if not _is_number_or_none(chance) or chance is None or not 0 <= chance <= 1:
        return None
    if not isinstance(source, str):
        return None
    return {"class_id": value["class_id"], "probability": chance, "source": source[:40]}


def _is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _event(row: dict[str, Any]) -> SentEvent:
    seconds = row.get("seconds")
    return SentEvent(
        uuid=row["uuid"],
        image_id=row["image_id"],
        kind=row["kind"],
        class_id=row.get("class_id"),
        batch_id=row.get("batch_id"),
        client_time=row.get("client_time"),
        seconds=None if seconds is None else min(max(float(seconds), 0.0), LONGEST_ANSWER_S),
        origin=row.get("origin", "human"),
        suggestion=_suggestion(row.get("suggestion")),
        step=row.get("step"),
        step_action=row.get("step_action"),
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_ID


def _is_number_or_none(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < 1e15
