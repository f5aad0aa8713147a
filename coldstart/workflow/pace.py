"""Pace: how long a label takes, how many a minute, and how many hours are left to a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from coldstart.project import Project

_PAUSE_S = 120.0  # a longer gap between two answers was not spent labelling
_FEWEST = 5  # answers from which a pace is told
NEWEST = 1_000
"""A pace is that of an annotator's newest answers: so many at most."""


@dataclass(frozen=True)
class Pace:
    """One annotator's pace, or everybody's (``annotator`` is "").

    answers : how many were given by hand. seconds : the median that one took. per_minute : answers
    in a minute of labelling, pauses of more than two minutes left out; None while there are too
    few. Everybody's is what one person of them does on average.
    """

    annotator: str
    answers: int
    seconds: float | None
    per_minute: float | None

    def hours_to(self, labels: int) -> float | None:
        """Hours of labelling until ``labels`` more answers are given; None without a pace."""
        return None if not self.per_minute else labels / self.per_minute / 60


def paces(project: Project) -> list[Pace]:
    """Everybody's pace together first, then each annotator's by name; imports do not count."""
    answers = project.store.counted.answers()
    names = sorted(answers)
    newest = {name: project.store.labels.last_times(name, NEWEST) for name in names}
    each = [_pace(name, answers[name], newest[name]) for name in names]
    together = [seconds for name in names for seconds in newest[name]]
    return [_pace("", sum(answers.values()), together), *each]


def _pace(annotator: str, answers: int, newest: Sequence[float | None]) -> Pace:
    seconds = [spent for spent in newest if spent is not None]
    active = sum(min(spent, _PAUSE_S) for spent in seconds)
    told = len(seconds) >= _FEWEST
    return Pace(
        annotator,
        answers,
        median(seconds) if told else None,
        len(seconds) / (active / 60) if told and active > 0 else None,
    )
