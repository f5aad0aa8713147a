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
from coldstart.workflow.pool import ProjectPool, load_pool
from coldstart.workflow.snapshots import take_snapshots

if TYPE_CHECKING:
    import pandas as pd

    from coldstart.training.evaluate import Evaluation
    from coldstart.training.probe import Probe

KEPT_MODEL = (
    "The model you keep has also learned from the audit labels; the accuracy is that of the model "
    "before it."
)
PREDICTIONS = "predictions.parquet"
_DIGEST = "labels_digest"


@dataclass(frozen=True)
class TrainReport:
    """A finished training."""

    run_id: int
    model: str
    labels: int
    classes: list[str]
    accuracy: float | None
    interval: tuple[float, float] | None
    how: str
    predictions: str  # the file, relative to the project


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


def train(project: Project, model: str = "probe", *, progress: Progress = silent) -> TrainReport:
    """Fit a class-balanced probe on every label, measure it, and predict the whole pool.

    The accuracy is of models that had not seen the image they are judged on; those that the audit
    judges have seen no label of the audit. The model that is kept has seen all labels.

    Raises
    ------
    ColdstartError : nothing is embedded, nothing is labelled, or all labels but those of the audit
        are of one class.
    """
    from coldstart.training.evaluate import cross_validate
    from coldstart.training.probe import fit_probe

    pool = load_pool(project)
    watermark = project.store.labels.last_event_id()
    why_not = _why_not(pool)
    if why_not:
        raise ColdstartError(why_not[0], why_not[1])
    said = take_snapshots(project, pool, progress=progress)
    probe = fit_probe(
        np.ascontiguousarray(pool.vectors[pool.labelled]),
        pool.class_names,
        content_hashes=_hashes(pool, pool.labelled),
        embedding_set=pool.embedding_set,
        event_watermark=watermark,
        progress=progress,
    )
    rows, class_names = pool.training_labels()
    evaluation = cross_validate(
        np.ascontiguousarray(pool.vectors[rows]),
        class_names,
        content_hashes=_hashes(pool, rows),
        picked_by=_picked_by(project),
        progress=progress,
    )
    if len(rows) < len(pool.labelled):
        evaluation = replace(evaluation, how=f"{evaluation.how} {KEPT_MODEL}")
    number = 1 + max((run.run_id for run in project.store.runs.all()), default=0)
    directory = project.models / f"probe-{number:04d}"
    probe.save(directory)
    said.save(directory)
    _write_predictions(project, pool, probe, directory / PREDICTIONS, progress)
    relative = str(directory.relative_to(project.directory))
    run_id = project.store.runs.add(
        model=model,
        directory=relative,
        embedding_set=pool.embedding_set,
        label_count=len(pool.labelled),
        last_event_id=watermark,
        evaluation=evaluation.as_dict() | {_DIGEST: _digest(pool)},
    )
    measure_audit(project, run_id, said)
    return TrainReport(
        run_id=run_id,
        model=model,
        labels=len(pool.labelled),
        classes=list(probe.class_names),
        accuracy=evaluation.accuracy,
        interval=evaluation.interval,
        how=evaluation.how,
        predictions=f"{relative}/{PREDICTIONS}",
    )


def training_state(project: Project) -> TrainingState:
    """What the Train page shows before anything is pressed."""
    run = project.store.runs.latest()
    evaluation = latest_evaluation(project)
    try:
        pool = load_pool(project)
    except ColdstartError as error:
        return TrainingState(run, evaluation, False, 0, False, str(error))
    why_not = " ".join(_why_not(pool))
    up_to_date = (
        run is not None
        and run.evaluation.get(_DIGEST) == _digest(pool)
        and run.embedding_set == pool.embedding_set
    )
    since = len(pool.labelled) - run.label_count if run else len(pool.labelled)
    return TrainingState(
        run, evaluation, up_to_date, since, not why_not, why_not, pool.embedding_set
    )


def latest_evaluation(project: Project) -> Evaluation | None:
    """What the newest model is worth, as it was measured when it was trained."""
    run = project.store.runs.latest()
    if run is None:
        return None
    from coldstart.training.evaluate import ClassResult, Evaluation

    kept = {key: value for key, value in run.evaluation.items() if key != _DIGEST}
    interval, confusion = kept["interval"], kept["confusion"]
    return Evaluation(
        **kept
        | {
            "class_names": tuple(kept["class_names"]),
            "interval": None if interval is None else (interval[0], interval[1]),
            "per_class": tuple(ClassResult(**one) for one in kept["per_class"]),
            "confusion": None if confusion is None else np.array(confusion),
            "predicted": None,
        }
    )


def predictions(project: Project) -> pd.DataFrame | None:
    """The newest model's word on every image of the pool; None before the first training.

    Columns: image_id, path, content_hash, predicted_class, confidence, margin, and one
    ``probability: CLASS`` each.
    """
    run = project.store.runs.latest()
    if run is None:
        return None
    import pandas as pd

    file = project.directory / run.directory / PREDICTIONS
    try:
        return pd.read_parquet(file)
    except OSError:
        return None


def _write_predictions(
    project: Project,
    pool: ProjectPool,
    probe: Probe,
    file: Path,
    progress: Progress,
) -> None:
    import pandas as pd

    from coldstart.labels.cells import encode_path

    # Exact copies of a picture each have a line, which says the same.
    image_ids, row_of = pool.pictures.all_ids.tolist(), pool.pictures.row_of_all
    rows = project.store.images.get(image_ids)
    probabilities = probe.probabilities(pool.vectors, progress=progress)[row_of]
    best = probabilities.argmax(axis=1)
    ordered = np.sort(probabilities, axis=1)
    table = {
        "image_id": pool.pictures.all_ids,
        # As in the manifest: a name that is no text can be told from one that is.
        "path": [encode_path(rows[i].path) for i in image_ids],
        "content_hash": _hashes(pool, row_of),
        "predicted_class": np.array(probe.class_names, dtype=object)[best],
        "confidence": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
    }
    for column, name in enumerate(probe.class_names):
        table[f"probability: {name}"] = probabilities[:, column]
    beside = file.with_suffix(".tmp")
    pd.DataFrame(table).to_parquet(beside, index=False)
    beside.replace(file)


def _hashes(pool: ProjectPool, rows: NDArray[np.int64]) -> list[str]:
    return [pool.content_hashes[row] for row in rows.tolist()]


def _why_not(pool: ProjectPool) -> tuple[str, ...]:
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
    return " and ".join(titles) or "whoever labelled them"
