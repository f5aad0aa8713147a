"""What one annotator did, step by step, as undo and redo need it: read back from the events.

A step is what one key did, to one image or to many. Undo and redo are events like any other, which
name the step they take back or repeat; so the order of steps is the same in every browser.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from coldstart.store.image_rows import chunks
from coldstart.store.schema import label_answers

_AT_A_TIME = 500
_READ = [
    "event_id",
    "uuid",
    "image_id",
    "batch_id",
    "kind",
    "class_id",
    "origin",
    "step",
    "step_action",
]
_COLUMNS = [label_answers.c[name] for name in _READ]
IMPORT = "import"


@dataclass(frozen=True)
class Change:
    """One image in a step: the annotator's own answer before and after; None is none."""

    image_id: int
    batch_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True)
class Step:
    """One step of an annotator; ``first_event`` orders the steps."""

    step: str
    first_event: int
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """Steps that can be undone, newest first; those that can be redone, the next one first."""

    undo: list[Step]
    redo: list[Step]
    more: bool  # whether there are older steps than these


class Steps:
    """Reads an annotator's steps from the label events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def history(self, annotator: str, before: int | None = None, count: int = 50) -> History:
        """The annotator's newest ``count`` steps that stand, older than the event ``before``.

        Labels read from a file are no steps of a hand. Steps to redo are told when ``before`` is
        None: those undone since the last new step.
        """
        groups = _Backwards(count)
        position: int | None = None
        at_a_time = min(2 * count, _AT_A_TIME)  # most steps are one event
        with self._engine.connect() as connection:
            while not groups.full:
                query = select(*_COLUMNS).where(
                    (label_answers.c.annotator == annotator) & (label_answers.c.origin != IMPORT)
                )
                if position is not None:
                    query = query.where(label_answers.c.event_id < position)
                rows = connection.execute(
                    query.order_by(label_answers.c.event_id.desc()).limit(at_a_time)
                ).all()
                for row in rows:
                    groups.take(row, listed=before is None or row.event_id < before)
                if len(rows) < at_a_time:
                    break
                position, at_a_time = rows[-1].event_id, _AT_A_TIME
        groups.finish()
        standing = groups.standing[:count]
        redo = groups.undone[::-1][:count] if before is None else []
        earlier = self._earlier(annotator, [row for step in (*standing, *redo) for row in step])
        return History(
            undo=[_step(rows, earlier) for rows in standing],
            redo=[_step(rows, earlier) for rows in redo],
            more=groups.full,
        )

    def _earlier(self, annotator: str, rows: list[Any]) -> dict[int, Any]:
        """The annotator's own answer before each of these events, by the event's number."""
        own: dict[int, list[Any]] = {}
        with self._engine.connect() as connection:
            for chunk in chunks(sorted({row.image_id for row in rows})):
                query = select(*_COLUMNS).where(
                    label_answers.c.image_id.in_(chunk) & (label_answers.c.annotator == annotator)
                )
                for row in connection.execute(query):
                    own.setdefault(row.image_id, []).append(row)
        # Sorted here: asked to, SQLite goes through all the annotator has ever answered.
        for answers in own.values():
            answers.sort(key=lambda row: row.event_id)
        return {
            later.event_id: earlier
            for answers in own.values()
            for earlier, later in itertools.pairwise(answers)
        }


def _step(rows: list[Any], earlier: dict[int, Any]) -> Step:
    rows = sorted(rows, key=lambda row: row.event_id)
    changes = [
        Change(row.image_id, row.batch_id, _answer(earlier.get(row.event_id)), _answer(row))
        for row in rows
    ]
    return Step(rows[0].step or rows[0].uuid, rows[0].event_id, changes)


class _Backwards:
    """Takes an annotator's events, newest first, and finds which steps stand."""

    def __init__(self, count: int) -> None:
        self.standing: list[list[Any]] = []  # newest first
        self.undone: list[list[Any]] = []  # newest first; only those a redo would still bring back
        self._count = count
        self._settled: set[str] = set()  # steps whose newest undo or redo has been seen
        self._taken_back: set[str] = set()
        self._open: list[Any] = []
        self._open_listed = False
        self._redoable: set[str] | None = None  # taken back since the newest step

    @property
    def full(self) -> bool:
        return len(self.standing) > self._count

    def take(self, row: Any, *, listed: bool) -> None:
        name = row.step or row.uuid
        if row.step_action is not None:
            if name not in self._settled:
                self._settled.add(name)
                if row.step_action == "undo":
                    self._taken_back.add(name)
            return
        if self._redoable is None:
            self._redoable = set(self._taken_back)
        if self._open and (self._open[0].step or self._open[0].uuid) != name:
            self.finish()
        self._open.append(row)
        self._open_listed = listed

    def finish(self) -> None:
        """The step gathered last is whole."""
        if not self._open:
            return
        name = self._open[0].step or self._open[0].uuid
        if name in self._taken_back:
            if name in (self._redoable or ()):
                self.undone.append(self._open)
        elif self._open_listed:
            self.standing.append(self._open)
        self._open = []


def _answer(row: Any) -> dict[str, Any] | None:
    if row is None or row.kind == "cleared":
        return None
    return {"kind": row.kind, "class_id": row.class_id, "origin": row.origin}
