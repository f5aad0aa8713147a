"""What a map can be coloured by: a text or a number for each image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from coldstart.labels.states import CLASS, LABEL_KINDS
from coldstart.project import Project

COLOURINGS = {
    "state": "State",
    "class": "Class",
    "coverage": "Coverage",
    "prediction": "Prediction",
    "uncertainty": "Uncertainty",
    "annotator": "Annotator",
}
UNLABELLED = "unlabelled"
NOT_COVERED = "not covered yet"
NOT_PREDICTED = "not predicted"
QUEUED = "in the queue"
LABELLED = "labelled"
COVERED = "covered"
QUIET_NAMES = (UNLABELLED, NOT_COVERED, NOT_PREDICTED)


def colours_of(
    project: Project, image_ids: NDArray[np.int64], by: str
) -> NDArray[np.str_] | NDArray[np.float64] | None:
    """(n,) the text or number each image is coloured by; None when there is nothing to colour by.

    by : one of `COLOURINGS`. Uncertainty is 1 minus the probability of the predicted class.
    """
    if by == "coverage":
        return _covered(project, image_ids)
    if by in ("prediction", "uncertainty"):
        return _predicted(project, image_ids, by)
    answers = project.store.labels.current()
    if by == "class":
        names = {row.class_id: row.name for row in project.store.labels.classes()}
        return _paint(
            image_ids,
            UNLABELLED,
            {
                key: names[one.class_id]
                for key, one in answers.items()
                if one.class_id is not None and one.class_id in names
            },
        )
    if by == "annotator":
        return _paint(image_ids, UNLABELLED, {k: one.annotator for k, one in answers.items()})
    waiting = dict.fromkeys(project.store.batches.waiting(), QUEUED)
    states = {key: LABEL_KINDS[one.kind].title.lower() for key, one in answers.items()}
    return _paint(image_ids, UNLABELLED, waiting | states)


def labelled_mask(project: Project, image_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether each image stands at a class."""
    answers = project.store.labels.columns()
    return np.isin(image_ids, answers.image_ids[answers.which(CLASS)])


def order_of(project: Project, by: str) -> list[str]:
    """The texts of a colouring in the order in which they get their looks, so that none changes."""
    if by in ("class", "prediction"):
        return [row.name for row in project.store.labels.classes()]
    if by == "state":
        return [kind.title.lower() for kind in LABEL_KINDS.values()] + [QUEUED]
    return [LABELLED, COVERED] if by == "coverage" else []


def _paint(
    image_ids: NDArray[np.int64], default: str, texts: Mapping[int, str]
) -> NDArray[np.str_]:
    names = [default, *sorted(set(texts.values()) - {default})]
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.zeros(len(image_ids), dtype=np.int64)
    order = np.argsort(image_ids, kind="stable")
    keys = np.fromiter(texts, np.int64, len(texts))
    values = np.fromiter((number_of[text] for text in texts.values()), np.int64, len(texts))
    places = np.searchsorted(image_ids, keys, sorter=order)
    places = np.minimum(places, max(0, len(image_ids) - 1))
    if len(image_ids):
        places = order[places]
        known = image_ids[places] == keys
        numbers[places[known]] = values[known]
    return np.array(names)[numbers]


def _covered(project: Project, image_ids: NDArray[np.int64]) -> NDArray[np.str_]:
    from coldstart.selection.coverage import covered_mask
    from coldstart.workflow.pool import coverage_radius, load_pool

    pool = load_pool(project)
    covered = np.zeros(len(pool.image_ids), dtype=bool)
    if len(pool.labelled):
        radius = coverage_radius(project, pool)
        covered = covered_mask(pool.vectors, pool.labelled, radius.delta)
    near = np.isin(image_ids, pool.image_ids[covered])
    own = np.isin(image_ids, pool.image_ids[pool.labelled])
    return np.where(own, LABELLED, np.where(near, COVERED, NOT_COVERED))


def _predicted(
    project: Project, image_ids: NDArray[np.int64], by: str
) -> NDArray[np.str_] | NDArray[np.float64] | None:
    from coldstart.workflow.train import predictions

    table = predictions(project)
    if table is None:
        return None
    if by == "prediction":
        said = dict(zip(table["image_id"].tolist(), table["predicted_class"].tolist(), strict=True))
        return _paint(image_ids, NOT_PREDICTED, said)
    known = table["image_id"].to_numpy(dtype=np.int64)
    doubt = 1 - table["confidence"].to_numpy(dtype=np.float64)
    order = np.argsort(known)
    places = np.minimum(np.searchsorted(known[order], image_ids), max(0, len(known) - 1))
    if not len(known):
        return np.full(len(image_ids), np.nan)
    rows = order[places]
    return np.where(known[rows] == image_ids, doubt[rows], np.nan)
