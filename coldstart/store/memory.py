"""Answers kept in this process until what they were computed from has changed.

A page asks the same questions at every click. Each answer is kept with a stamp (numbers that grow
whenever the tables behind it change, in whatever process), so that a pool of a million images is
counted once, not at every click.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, select

from coldstart.store.schema import class_changes, label_events, versions

Answer = TypeVar("Answer")

IMAGES = "images"
_KEPT = 256

_kept: OrderedDict[Hashable, tuple[Hashable, object]] = OrderedDict()
_turns: dict[Hashable, threading.RLock] = {}
_lock = threading.Lock()


def version(engine: Engine, subject: str) -> int:
    """How often ``subject`` has changed."""
    query = select(versions.c.number).where(versions.c.subject == subject)
    with engine.connect() as connection:
        return connection.execute(query).scalar() or 0


def label_stamp(engine: Engine) -> tuple[int, int, int]:
    """Numbers of which one grows whenever the label that stands for any image may have changed."""
    newest_event = select(func.max(label_events.c.event_id)).scalar_subquery()
    newest_change = select(func.max(class_changes.c.change_id)).scalar_subquery()
    with engine.connect() as connection:
        event_id, change_id = connection.execute(select(newest_event, newest_change)).one()
    return version(engine, IMAGES), event_id or 0, change_id or 0


def changed(connection: Connection, subject: str) -> None:
    """Say, inside the transaction that changes it, that ``subject`` is another from now on."""
    grown = versions.update().where(versions.c.subject == subject)
    if not connection.execute(grown.values(number=versions.c.number + 1)).rowcount:
        connection.execute(versions.insert().values(subject=subject, number=1))


def remembered(key: Hashable, stamp: Hashable, compute: Callable[[], Answer]) -> Answer:
    """The answer kept under ``key`` if its stamp is still this one, else ``compute()``."""
    with _lock:
        found = _kept.get(key)
        if found is not None and found[0] == stamp:
            _kept.move_to_end(key)
            return found[1]  # type: ignore[return-value]
        turn = _turns.setdefault(key, threading.RLock())
    with turn:  # of several who ask at once one computes
        with _lock:
            found = _kept.get(key)
        if found is not None and found[0] == stamp:
            return found[1]  # type: ignore[return-value]
        answer = compute()
        with _lock:
            _kept[key] = (stamp, answer)
            _kept.move_to_end(key)
            while len(_kept) > _KEPT:
                _turns.pop(_kept.popitem(last=False)[0], None)
    return answer


def forget(prefix: str) -> None:
    """Drop what is kept for the database at the URL ``prefix``: its files may be others soon."""
    with _lock:
        for key in [key for key in _kept if isinstance(key, tuple) and key[0] == prefix]:
            del _kept[key]
