"""Train: a probe on the labelled embeddings, what it is worth, and its word on the whole pool."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import RunRow
from coldstart.workflow.advise import measure_audit
from coldstart.workflow.confident import judge_confidence
from coldstart.workflow.pool import ProjectPool, load_pool
from coldstart.workflow.predictions import PREDICTIONS, write_predictions
from coldstart.workflow.predictions import predictions as predictions
from coldstart.workflow.snapshots import take_snapshots

if TYPE_CHECKING:
    from coldstart.training.evaluate import Evaluation
    from coldstart.training.out_of_fold import OutOfFold

KEPT_MODEL = (
    "The model you keep has also learned from the audit labels; the accuracy is that of the model "
    "before it."
)
_DIGEST = "labels_digest"


@dataclass(frozen=True)
class TrainReport:
    """A finished training."""

    run_id: int
    model: str
    probe: str
    labels: int
    classes: list[str]
    accuracy: float | None
    interval: tuple[float, float] | None
    how: str
    predictions: str  # the file, relative to the project
    without_vector: int = 0  # labelled images that this embedding set has no vector of


@dataclass(frozen=True)
class TrainingState:
    """Whether there is a model, what it is worth, and whether training again would change it."""

    run: RunRow | None
    evaluation: Evaluation | None
    up_to_date: bool
    labels_since: int
    can_train: bool
    why_not: str
    embedding_set: str = ""  # the one in use now
    without_vector: int = 0  # labelled images that it has no vector of


def train(project: Project, probe: str = "auto", *, progress: Progress = silent) -> TrainReport:
    """Fit a probe on every label, measure it, and predict the whole pool.

    The accuracy is of models that had not seen the image they are judged on; those that the audit
    judges have seen no label of the audit, and nothing about any of them was chosen by it. The
    model that is kept has seen all labels.

    probe : a key of `training.PROBES`, or ``auto`` for the default at this number of labels.

    Raises
    ------
    ColdstartError : nothing is embedded, nothing is labelled, all labels but those of the audit are
        of one class, or there is no such probe.
    """
    from coldstart.training.evaluate import cross_validate
    from coldstart.training.probe import fit_probe
    from coldstart.training.probes import probe_model

    pool = load_pool(project)
    watermark = project.store.labels.last_event_id()
    why_not = why_not_train(pool)
    if why_not:
        raise ColdstartError(why_not[0], why_not[1])
    rows, class_names = pool.training_labels()
    probe = probe_model(probe, len(rows), len(set(class_names))).name
    said = take_snapshots(project, pool, probe, progress=progress)
    without_audit = fit_probe(
        np.ascontiguousarray(pool.vectors[rows]),
        class_names,
        model=probe,
        content_hashes=_hashes(pool, rows),
        progress=progress,
    )
    # The audit's labels teach the model that is kept, and choose nothing about it.
    kept = fit_probe(
        np.ascontiguousarray(pool.vectors[pool.labelled]),
        pool.class_names,
        embedding_set=pool.embedding_set,
        event_watermark=watermark,
        content_hashes=_hashes(pool, pool.labelled),
        tuned_like=without_audit,
    )
    evaluation = cross_validate(
        np.ascontiguousarray(pool.vectors[rows]),
        class_names,
        content_hashes=_hashes(pool, rows),
        image_ids=pool.image_ids[rows].tolist(),
        model=probe,
        picked_by=_picked_by(project),
        progress=progress,
    )
    if len(rows) < len(pool.labelled):
        evaluation = replace(evaluation, how=f"{evaluation.how} {KEPT_MODEL}")
    directory = new_run_directory(project, "probe")
    kept.save(directory)
    said.save(directory)
    if evaluation.out_of_fold is not None:
        evaluation.out_of_fold.save(directory)
    judge_confidence(pool, without_audit, directory, progress=progress)
    write_predictions(project, pool, kept, directory / PREDICTIONS, progress)
    relative = str(directory.relative_to(project.directory))
    run_id = project.store.runs.add(
        model="probe",
        directory=relative,
        embedding_set=pool.embedding_set,
        label_count=len(pool.labelled),
        last_event_id=watermark,
        evaluation=evaluation.as_dict() | {"probe": kept.model, _DIGEST: _digest(pool)},
    )
    measure_audit(project, run_id, said)
    return TrainReport(
        run_id=run_id,
        model="probe",
        probe=kept.model,
        labels=len(pool.labelled),
        classes=list(kept.class_names),
        accuracy=evaluation.accuracy,
        interval=evaluation.interval,
        how=evaluation.how,
        predictions=f"{relative}/{PREDICTIONS}",
        without_vector=_without_vector(project, pool),
    )


def new_run_directory(project: Project, model: str) -> Path:
    """An empty folder for what a training of this kind leaves behind."""
    number = 1 + max((run.run_id for run in project.store.runs.all()), default=0)
    while (directory := project.models / f"{model}-{number:04d}").exists():
        number += 1
    directory.mkdir(parents=True)
    return directory


def training_state(project: Project) -> TrainingState:
    """What the Train page shows before anything is pressed."""
    run = project.store.runs.latest()
    evaluation = latest_evaluation(project)
    try:
        pool = load_pool(project)
    except ColdstartError as error:
        return TrainingState(run, evaluation, False, 0, False, str(error))
    why_not = " ".join(why_not_train(pool))
    up_to_date = (
        run is not None
        and run.evaluation.get(_DIGEST) == _digest(pool)
        and run.embedding_set == pool.embedding_set
    )
    since = len(pool.labelled) - run.label_count if run else len(pool.labelled)
    return TrainingState(
        run,
        evaluation,
        up_to_date,
        since,
        not why_not,
        why_not,
        pool.embedding_set,
        _without_vector(project, pool),
    )


def latest_evaluation(project: Project) -> Evaluation | None:
    """What the newest model is worth, as it was measured when it was trained."""
    run = project.store.runs.latest()
    if run is None:
        return None
    from coldstart.training.evaluate import Evaluation

    return Evaluation.from_dict(run.evaluation)


def left_out_predictions(project: Project) -> OutOfFold | None:
    """What models that had not seen them said of the labelled images, at the newest training."""
    run = project.store.runs.latest()
    if run is None:
        return None
    from coldstart.training.out_of_fold import OutOfFold

    return OutOfFold.load(project.directory / run.directory)


def _without_vector(project: Project, pool: ProjectPool) -> int:
    answers = project.store.labels.columns()
    named = answers.image_ids[answers.which("class")].tolist()
    known = pool.pictures.rows_of(named)
    return len(project.store.images.get([one for one in named if one not in known]))


def _hashes(pool: ProjectPool, rows: NDArray[np.int64]) -> list[str]:
    return pool.hashes_of(rows)


def why_not_train(pool: ProjectPool) -> tuple[str, ...]:
    """Why nothing can be trained, and what to do; empty if it can."""
    names = pool.training_labels()[1]
    if not names and pool.class_names:
        return ("All labels are the audit's.", "Label some images that a strategy picks.")
    if not names:
        return ("Nothing is labelled yet.", "Label some images first.")
    if len(set(names)) < 2:
        others = "" if len(names) == len(pool.class_names) else " but those of the audit"
        return (
            f"There is only one class yet: all labels{others} are of the class “{names[0]}”.",
            "Label an image of another class: a classifier needs two.",
        )
    return ()


def _digest(pool: ProjectPool) -> str:
    """Names the labels a model was trained on and the audit that judges it."""
    named = zip(pool.image_ids[pool.labelled].tolist(), pool.class_names, strict=True)
    text = "\n".join(f"{image_id}\t{name}" for image_id, name in named)
    text += f"\naudit {pool.reserve}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _picked_by(project: Project) -> str:
    """Who chose the labelled images, for the sentence on how the accuracy was measured."""
    from coldstart.selection import strategies

    offered = strategies()
    names = dict.fromkeys(batch.strategy for batch in project.store.batches.all())
    titles = [offered[name].title if name in offered else name for name in names]
    return " and ".join(f"“{title}”" for title in titles) or "whoever labelled them"
