"""Pace: how long a label takes, how many a minute, and how many hours are left to a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from coldstart.project import Project

_PAUSE_S = 120.0  # a longer gap between two answers was not spent labelling
_FEWEST = 5  # answers from which a pace is told


@dataclass(frozen=True)
class Pace:
    """One annotator's pace, or everybody's (``annotator`` is "").

    answers : how many were given by hand. seconds : the median that one took. active_hours : time
    spent labelling, pauses of more than two minutes left out. per_minute : answers in a minute of
    that time; None while there are too few.
    """

    annotator: str
    answers: int
    seconds: float | None
    active_hours: float
    per_minute: float | None

    def hours_to(self, labels: int) -> float | None:
        """Hours of labelling until ``labels`` more answers are given; None without a pace."""
        return None if not self.per_minute else labels / self.per_minute / 60


def paces(project: Project) -> list[Pace]:
    """Everybody's pace together first, then each annotator's by name; imports do not count."""
    times = project.store.labels.answer_times()
    by_name: dict[str, list[tuple[float, float | None]]] = {}
    for annotator, at, seconds in times:
        by_name.setdefault(annotator, []).append((at, seconds))
    each = [_pace(name, rows) for name, rows in sorted(by_name.items())]
    answers = sum(one.answers for one in each)
    hours = sum(one.active_hours for one in each)
    all_seconds = [seconds for _, _, seconds in times if seconds is not None]
    overall = Pace(
        "",
        answers,
        median(all_seconds) if len(all_seconds) >= _FEWEST else None,
        hours,
        answers / hours / 60 if answers >= _FEWEST and hours > 0 else None,
    )
    return [overall, *each]


def _pace(annotator: str, rows: Sequence[tuple[float, float | None]]) -> Pace:
    seconds = [spent for _, spent in rows if spent is not None]
    active = sum(min(spent, _PAUSE_S) for spent in seconds)
    counted = len(seconds)
    return Pace(
        annotator,
        len(rows),
        median(seconds) if counted >= _FEWEST else None,
        active / 3600,
        counted / (active / 60) if counted >= _FEWEST and active > 0 else None,
    )
