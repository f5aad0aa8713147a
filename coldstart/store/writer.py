"""The one writer of labels in a server process: many callers, one transaction, then the answer.

Several writers on SQLite starve each other for seconds; one thread that commits whatever has
gathered meanwhile keeps every caller's wait at about one commit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from sqlalchemy import Engine

from coldstart.store.database import writing
from coldstart.store.labels import NewEvent, insert_events

_writers: dict[str, LabelWriter] = {}
_lock = threading.Lock()

_Waiting = tuple[Sequence[NewEvent], "Future[None]"]


class LabelWriter:
    """Appends events from any number of threads, one transaction at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="label-writer", daemon=True).start()

    def append(self, events: Sequence[NewEvent]) -> None:
        """Return once ``events`` are committed (or were before); raise what the database raised."""
        answer: Future[None] = Future()
        self._waiting.put((events, answer))
        answer.result()

    def _run(self) -> None:
        while True:
            gathered = [self._waiting.get()]
            while not self._waiting.empty():
                gathered.append(self._waiting.get())
            self._commit(gathered)

    def _commit(self, gathered: list[_Waiting]) -> None:
        try:
            with writing(self._engine) as connection:
                insert_events(connection, [event for events, _ in gathered for event in events])
        except BaseException as error:
            if len(gathered) == 1:
                gathered[0][1].set_exception(error)
                return
            # One caller's bad event must not cost the others theirs.
            for waiting in gathered:
                self._commit([waiting])
            return
        for _, answer in gathered:
            answer.set_result(None)


def label_writer(engine: Engine) -> LabelWriter:
    """The writer for this database in this process."""
    key = str(engine.url)
    with _lock:
        if key not in _writers or _writers[key]._engine is not engine:
            _writers[key] = LabelWriter(engine)
        return _writers[key]
