"""Trained models of a project: what each saw, how it was measured, and where it lies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from coldstart.store.database import writing
from coldstart.store.schema import runs


@dataclass(frozen=True)
class RunRow:
    """One trained model; ``directory`` is relative to the project."""

    run_id: int
    model: str
    directory: str
    embedding_set: str
    label_count: int
    last_event_id: int
    evaluation: dict[str, Any]
    created_at: float


class Runs:
    """Queries and writes on `runs`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        *,
        model: str,
        directory: str,
        embedding_set: str,
        label_count: int,
        last_event_id: int,
        evaluation: dict[str, Any],
    ) -> int:
        """Record a finished training; its number."""
        with writing(self._engine) as connection:
            return connection.execute(
                runs.insert()
                .values(
                    model=model,
                    directory=directory,
                    embedding_set=embedding_set,
                    label_count=label_count,
                    last_event_id=last_event_id,
                    evaluation=evaluation,
                    created_at=time.time(),
                )
                .returning(runs.c.run_id)
            ).scalar_one()

    def latest(self, model: str = "probe") -> RunRow | None:
        """The newest run of a model of this kind, if there is one."""
        query = select(runs).where(runs.c.model == model).order_by(runs.c.run_id.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else RunRow(**row._mapping)

    def all(self) -> list[RunRow]:
        """Every run, newest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.run_id.desc()))
            return [RunRow(**row._mapping) for row in rows]
