"""Mistakes: labels that are probably wrong, and images the model gets wrong, to be looked at again.

Only labels the measured model learned from are listed. Those of the audit are not: a truth that is
changed when the model disagrees is no longer one to measure the model with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.pool import load_pool
from coldstart.workflow.train import left_out_predictions

if TYPE_CHECKING:
    from coldstart.training.out_of_fold import OutOfFold

TOO_FEW = "Too few labels to say which are wrong: it takes 20, and two of each class."


@dataclass(frozen=True)
class Doubtful:
    """An image to look at again: what it stands at, what left-out models say, and why."""

    image_id: int
    path: str
    label: str
    suggestion: str
    probability: float
    why: str


@dataclass(frozen=True)
class MistakeReport:
    """The labels that are probably wrong, the likeliest first; ``words`` says so or why not."""

    labels: int
    suspects: list[Doubtful]
    words: str


def label_mistakes(project: Project) -> MistakeReport:
    """The labels that models and neighbours contradict, by the newest training.

    A label that was changed since is not listed, nor one that a person gave twice: it was checked.

    Raises
    ------
    ColdstartError : nothing is trained yet, or nothing is embedded.
    """
    from coldstart.training.folds import group_numbers
    from coldstart.training.label_mistakes import suspects

    said = _said(project)
    if said is None:
        return MistakeReport(0, [], TOO_FEW)
    pool = load_pool(project)
    row_of = pool.rows_of(said.image_ids.tolist())
    present = [place for place, one in enumerate(said.image_ids.tolist()) if one in row_of]
    said = _only(said, present)
    rows = np.array([row_of[one] for one in said.image_ids.tolist()], dtype=np.int64)
    hashes = pool.hashes_of(rows)
    unit = np.ascontiguousarray(pool.vectors[rows])
    found = suspects(said, unit, group_numbers(hashes, len(hashes)))
    settled = _settled(project, said)
    left = [one for one in found if one.image_id not in settled]
    images = project.store.images.get([one.image_id for one in left])
    doubtful = [
        Doubtful(
            image_id=one.image_id,
            path=images[one.image_id].path,
            label=one.label,
            suggestion=one.suggestion,
            probability=one.probability,
            why=f"labelled {one.label}; models that had not seen it say {one.suggestion} "
            f"({one.probability:.0%} against {one.own_probability:.0%}), and {one.disagreeing:.0%} "
            "of what lies nearest is of another class",
        )
        for one in left
        if one.image_id in images
    ]
    return MistakeReport(len(said.labels), doubtful, _words(len(said.labels), len(doubtful)))


def worst_mistakes(project: Project, most: int = 200) -> list[Doubtful]:
    """The images that models which had not seen them get most wrong, by loss."""
    said = _said(project)
    if said is None:
        return []
    places = said.worst(most)
    losses = said.losses()
    notes = {int(place): f"loss {losses[place]:.1f}" for place in places}
    return _described(project, said, places.tolist(), notes)


def confused(project: Project, label: str, predicted: str) -> list[Doubtful]:
    """The images behind one cell of the confusion matrix, the surest prediction first."""
    said = _said(project)
    if said is None or label not in said.class_names or predicted not in said.class_names:
        return []
    names = list(said.class_names)
    places = said.cell(names.index(label), names.index(predicted))
    votes = said.votes[:, names.index(predicted)]
    notes = {
        int(place): f"predicted {predicted} in {votes[place]} of {said.repeats} rounds"
        for place in places
    }
    return _described(project, said, places.tolist(), notes)


def _said(project: Project) -> OutOfFold | None:
    if project.store.runs.latest() is None:
        raise ColdstartError(
            f"No model of {project.name} is trained yet.",
            "Train one on the Train page, or with: coldstart train PROJECT.",
        )
    return left_out_predictions(project)


def _only(said: OutOfFold, places: Sequence[int]) -> OutOfFold:
    from coldstart.training.out_of_fold import OutOfFold

    rows = np.asarray(places, dtype=np.int64)
    return OutOfFold(
        said.image_ids[rows],
        said.class_names,
        said.labels[rows],
        said.votes[rows],
        said.probabilities[rows],
    )


def _described(
    project: Project, said: OutOfFold, places: Sequence[int], notes: dict[int, str]
) -> list[Doubtful]:
    images = project.store.images.get(said.image_ids[list(places)].tolist())
    best = said.probabilities.argmax(axis=1)
    found = []
    for place in places:
        image_id = int(said.image_ids[place])
        if image_id not in images:
            continue
        label, suggestion = said.class_names[said.labels[place]], said.class_names[best[place]]
        probability = float(said.probabilities[place, best[place]])
        why = f"labelled {label}; {notes[place]}; models say {suggestion} ({probability:.0%})"
        found.append(Doubtful(image_id, images[image_id].path, label, suggestion, probability, why))
    return found


def _settled(project: Project, said: OutOfFold) -> set[int]:
    """Images whose label is no longer the one that was judged, or was given a second time."""
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    answers = project.store.labels.current(said.image_ids.tolist())
    then = dict(zip(said.image_ids.tolist(), said.labels.tolist(), strict=True))
    settled = set()
    for image_id, label in then.items():
        answer = answers.get(image_id)
        now = None if answer is None or answer.class_id is None else names[answer.class_id]
        if now != said.class_names[label]:
            settled.add(image_id)
    times: dict[tuple[int, int], int] = {}
    for event in project.store.labels.events():
        if event.kind == "class" and event.class_id is not None and event.image_id in then:
            key = (event.image_id, event.class_id)
            times[key] = times.get(key, 0) + 1
    for (image_id, class_id), count in times.items():
        if count > 1 and names[class_id] == said.class_names[then[image_id]]:
            settled.add(image_id)
    return settled


def _words(labels: int, found: int) -> str:
    if not found:
        return f"Models and neighbours together contradict none of the {labels} labels."
    are = "label is" if found == 1 else "labels are"
    return (
        f"{found} of {labels} {are} contradicted both by models that had not seen the image and by "
        "most of what lies nearest to it, and were not checked since. The likeliest mistakes come "
        "first; further down it is more and more the image that is a hard one."
    )
