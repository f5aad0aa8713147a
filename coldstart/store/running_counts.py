"""Counts that go on from where they were: only what has been labelled since is read again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sqlalchemy import Engine, func, select

from coldstart.store.labels import given_by_hand
from coldstart.store.memory import remembered
from coldstart.store.schema import label_events

_lock = threading.Lock()


@dataclass
class _Answers:
    event_id: int = 0
    by_annotator: dict[str, int] = field(default_factory=dict)


class RunningCounts:
    """What has been counted so far of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._url = str(engine.url)

    def answers(self) -> dict[str, int]:
        """annotator -> how many answers they gave by hand; imports and undone steps are none."""
        with _lock:
            kept = remembered((self._url, "answers"), None, _Answers)
            with self._engine.connect() as connection:
                last = connection.execute(select(func.max(label_events.c.event_id))).scalar() or 0
                query = (
                    select(label_events.c.annotator, func.count())
                    .where(
                        (label_events.c.event_id > kept.event_id)
                        & (label_events.c.event_id <= last)
                        & given_by_hand()
                    )
                    .group_by(label_events.c.annotator)
                )
                for name, count in connection.execute(query):
                    kept.by_annotator[name] = kept.by_annotator.get(name, 0) + count
            kept.event_id = last
            return dict(kept.by_annotator)
