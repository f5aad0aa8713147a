"""To target: how many answers are still to be given until the target accuracy can be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.project import Project
from coldstart.stopping.forecast import FEWEST_NEXT_LABELS, forecast_gain
from coldstart.store.memory import remembered
from coldstart.workflow.advise import judged_answers, what_decides
from coldstart.workflow.audit import audit_looks, share_for_audit
from coldstart.workflow.snapshots import Snapshots


@dataclass(frozen=True)
class ToTarget:
    """How far the target accuracy is.

    target : a share from 0 to 1; None: none is set. answers : how many more are expected to be
    needed, those of the audit included; None: not known yet. low, high : where the 95% band of the
    learning curve reaches the target; ``high`` is None where it does not. words : one sentence.
    """

    target: float | None
    answers: int | None
    low: int | None
    high: int | None
    words: str


def to_target(project: Project) -> ToTarget:
    """How many more answers the learning curve asks for, where it can carry the question.

    The curve of `stopping.forecast` is followed to twice the labels there are, no further.

    Raises
    ------
    ColdstartError : the project's target is no number.
    """
    target, _ = what_decides(project)
    if target is None:
        return _unknown(None, "No target accuracy is set: set one on Diagnostics.")
    run = project.store.runs.latest()
    stamp = (
        target,
        None if run is None else run.run_id,
        project.store.labels.last_event_id(),
        project.store.images.version(),
        project.settings.get("audit_share"),
    )
    return remembered((project.store.url, "to target"), stamp, lambda: _ask(project, target))


def _ask(project: Project, target: float) -> ToTarget:
    looks = audit_looks(project)
    if looks and looks[-1].interval[0] >= target:
        return ToTarget(target, 0, 0, 0, f"The target of {target:.0%} is reached.")
    run = project.store.runs.latest()
    said = None if run is None else Snapshots.load(project.directory / run.directory)
    if said is None:
        return _unknown(target, "Not known yet: train a model first.")
    answers = judged_answers(project, said)
    places = [place for place, truth in enumerate(answers.truth) if truth is not None]
    correct = np.array(
        [
            [row[place] == answers.truth[place] for place in places]
            for row in said.audit_said(answers.image_ids)
        ],
        dtype=bool,
    ).reshape(len(said.training_labels), len(places))
    now = int(said.training_labels[-1])
    found = forecast_gain(
        said.training_labels.tolist(),
        correct,
        list(said.stop_set),
        project.store.images.count("usable"),
        next_labels=max(FEWEST_NEXT_LABELS, now),
    )
    if found.gain is None:
        why = found.words.removeprefix("No forecast yet: ")
        return _unknown(target, f"Not known yet: {why}")
    expected = _reached(found.labels, found.curve, target)
    if expected is None:
        words = (
            f"Not known yet: the learning curve does not reach {target:.0%} by {2 * now:,} labels."
        )
        return _unknown(target, words)
    # Of what is asked, the audit's share teaches the model nothing.
    per_label = 1 / max(1 - share_for_audit(project), 0.01)
    low = _reached(found.labels, found.curve_high, target)
    high = _reached(found.labels, found.curve_low, target)

    def more(labels: float) -> int:
        return math.ceil(max(labels - now, 0) * per_label)

    needed = more(expected)
    words = f"About {needed:,} more answers to {target:.0%}, as the learning curve has it."
    if not needed:
        words = f"The learning curve is at {target:.0%}; the audit has yet to confirm it."
    return ToTarget(
        target,
        needed,
        None if low is None else more(low),
        None if high is None else more(high),
        words,
    )


def _reached(
    labels: NDArray[np.float64], curve: NDArray[np.float64], target: float
) -> float | None:
    """How many labels the curve needs for the target; None where it does not come so far."""
    there = np.flatnonzero(curve >= target)
    return float(labels[there[0]]) if len(there) else None


def _unknown(target: float | None, words: str) -> ToTarget:
    return ToTarget(target, None, None, None, words)
