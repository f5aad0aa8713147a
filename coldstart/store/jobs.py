"""Rows of long work: who started what, how far it is, and whether it should stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from coldstart.store.database import writing
from coldstart.store.schema import jobs

LOST_AFTER_S = 30.0


@dataclass(frozen=True)
class JobRow:
    """One job; ``state`` is running, done, failed, cancelled or lost (its process died)."""

    job_id: int
    kind: str
    arguments: list[str]
    state: str
    first_done: int | None
    done: int
    total: int | None
    message: str
    error: str | None
    result: dict[str, Any] | None
    pid: int | None
    created_by: str
    created_at: float
    heartbeat_at: float
    finished_at: float | None
    cancel_requested: bool

    def seconds_left(self) -> float | None:
        """Time left at the speed of this process so far; None while it cannot be told."""
        if self.state != "running" or not self.total or self.first_done is None:
            return None
        advanced = self.done - self.first_done
        if advanced <= 0:
            return None
        elapsed = self.heartbeat_at - self.created_at
        return max(0.0, elapsed * (self.total - self.done) / advanced)


class Jobs:
    """Queries and writes on `jobs`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, kind: str, arguments: Sequence[str], created_by: str) -> int | None:
        """A new running job, or None while one of this kind runs."""
        self.mark_lost()
        now = time.time()
        try:
            with writing(self._engine) as connection:
                return connection.execute(
                    jobs.insert()
                    .values(
                        kind=kind,
                        arguments=list(arguments),
                        state="running",
                        done=0,
                        message="starting",
                        created_by=created_by,
                        created_at=now,
                        heartbeat_at=now,
                        cancel_requested=False,
                    )
                    .returning(jobs.c.job_id)
                ).scalar_one()
        except IntegrityError:
            return None

    def get(self, job_id: int) -> JobRow | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).first()
        return None if row is None else JobRow(**row._mapping)

    def recent(self, limit: int = 20) -> list[JobRow]:
        """The newest jobs first, after noting which have died."""
        self.mark_lost()
        with self._engine.connect() as connection:
            rows = connection.execute(select(jobs).order_by(jobs.c.job_id.desc()).limit(limit))
            return [JobRow(**row._mapping) for row in rows]

    def latest(self, kind: str) -> JobRow | None:
        """The newest job of this kind."""
        self.mark_lost()
        query = select(jobs).where(jobs.c.kind == kind).order_by(jobs.c.job_id.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else JobRow(**row._mapping)

    def update(self, job_id: int, **values: Any) -> None:
        """Set columns of one job, and its heartbeat."""
        change = jobs.update().where(jobs.c.job_id == job_id)
        with writing(self._engine) as connection:
            connection.execute(change.values(heartbeat_at=time.time(), **values))

    def finish(self, job_id: int, state: str, **values: Any) -> None:
        """Close a running job; a job closed before stays as it is."""
        change = jobs.update().where((jobs.c.job_id == job_id) & (jobs.c.state == "running"))
        with writing(self._engine) as connection:
            connection.execute(change.values(state=state, finished_at=time.time(), **values))

    def request_cancel(self, job_id: int) -> None:
        """Ask a running job to stop at its next step."""
        change = jobs.update().where(jobs.c.job_id == job_id)
        with writing(self._engine) as connection:
            connection.execute(change.values(cancel_requested=True))

    def cancel_requested(self, job_id: int) -> bool:
        with self._engine.connect() as connection:
            query = select(jobs.c.cancel_requested).where(jobs.c.job_id == job_id)
            return bool(connection.execute(query).scalar())

    def mark_lost(self) -> None:
        """Close jobs whose process has not been heard of for `LOST_AFTER_S`."""
        dead = (jobs.c.state == "running") & (jobs.c.heartbeat_at < time.time() - LOST_AFTER_S)
        with self._engine.connect() as connection:
            if connection.execute(select(jobs.c.job_id).where(dead).limit(1)).first() is None:
                return
        with writing(self._engine) as connection:
            connection.execute(
                jobs.update()
                .where(dead)
                .values(
                    state="lost",
                    finished_at=time.time(),
                    error="The process stopped without a word (killed, or the machine went down).",
                )
            )
