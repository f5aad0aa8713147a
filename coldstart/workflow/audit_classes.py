"""The newest probe on the audit, class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldstart.project import Project
from coldstart.stopping.audit import FEWEST_AUDIT_LABELS
from coldstart.workflow.advise import judged_answers
from coldstart.workflow.snapshots import Snapshots

if TYPE_CHECKING:
    from coldstart.training.class_measures import ClassMeasures


def audit_classes(project: Project) -> ClassMeasures | None:
    """What a model without the audit's labels got right of each class; None with too few labels.

    Limits are 95% each for itself and at one look; the accuracy that `advise` tells is the one that
    holds although it is looked at after every batch.
    """
    run = project.store.runs.latest()
    said = None if run is None else Snapshots.load(project.directory / run.directory)
    if said is None or not len(said.audit):
        return None
    answers = judged_answers(project, said)
    newest = said.audit_said(answers.image_ids)[-1]
    pairs = [(truth, guess) for truth, guess in zip(answers.truth, newest) if truth is not None]
    if len(pairs) < FEWEST_AUDIT_LABELS:
        return None
    from coldstart.training.class_measures import measure_classes

    return measure_classes([truth for truth, _ in pairs], [guess for _, guess in pairs])
