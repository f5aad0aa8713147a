"""Which labels are probably wrong: by models that had not seen them, and by what lies nearest.

Two opinions on each label: how little probability left-out models gave it (self-confidence, as in
Northcutt, Jiang & Chuang, JAIR 2021; computed by cleanlab), and which share of the nearest labelled
images is of another class (Wilson 1972). Both are ranked and the ranks added up, so that neither
scale has to be trusted; `benchmarks/label_mistakes.py` has both together beside each alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.training.out_of_fold import OutOfFold

NEIGHBOURS = 10


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong.

    image_id, label : the image and the class it stands at. suggestion : what the models say.
    probability, own_probability : of the suggestion and of the label, by models that had not seen
    it. disagreeing : share of its nearest labelled images that are of another class.
    """

    image_id: int
    label: str
    suggestion: str
    probability: float
    own_probability: float
    disagreeing: float


def suspects(said: OutOfFold, unit: np.ndarray, groups: np.ndarray) -> list[Suspect]:
    """The labels that models or neighbours contradict, the likeliest mistake first.

    unit : (n, d) unit vectors of the images in ``said``. groups : (n,) int64, equal for copies of
    one picture: a copy is no witness. A label is listed when the models prefer another class and
    most of its neighbours are of another one too.
    """
    order = mistake_order(said, unit, groups)
    disagreeing = disagreement(unit, said.labels, groups)
    others = said.probabilities.copy()
    rows = np.arange(len(said.labels))
    own = said.probabilities[rows, said.labels]
    others[rows, said.labels] = -1
    best = others.argmax(axis=1)
    found = []
    for row in order.tolist():
        if own[row] >= others[row, best[row]] or disagreeing[row] <= 0.5:
            continue
        found.append(
            Suspect(
                image_id=int(said.image_ids[row]),
                label=said.class_names[said.labels[row]],
                suggestion=said.class_names[best[row]],
                probability=float(others[row, best[row]]),
                own_probability=float(own[row]),
                disagreeing=float(disagreeing[row]),
            )
        )
    return found


def mistake_order(said: OutOfFold, unit: np.ndarray, groups: np.ndarray) -> NDArray[np.int64]:
    """All n rows, the likeliest mistake first; arguments as for `suspects`."""
    by_models = model_doubt(said)
    by_neighbours = disagreement(unit, said.labels, groups)
    return np.argsort(-(_ranks(by_models) + _ranks(by_neighbours)), kind="stable")


def model_doubt(said: OutOfFold) -> NDArray[np.float64]:
    """(n,) 0 to 1: how little probability left-out models gave the label."""
    from cleanlab.rank import get_label_quality_scores

    probabilities = said.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(said.labels, probabilities, method="self_confidence")
    return 1.0 - np.asarray(quality)


def disagreement(
    unit: np.ndarray, labels: np.ndarray, groups: np.ndarray, neighbours: int = NEIGHBOURS
) -> NDArray[np.float64]:
    """(n,) 0 to 1: the share of each image's nearest labelled images that are of another class.

    Nearer images weigh more (by 1 / rank). Copies of the picture itself do not vote. (n, n) numbers
    are made a block of rows at a time.
    """
    n = len(labels)
    result = np.zeros(n)
    for start in range(0, n, 1024):
        rows = np.arange(start, min(start + 1024, n))
        similarity = unit[rows] @ unit.T
        similarity[groups[rows][:, None] == groups[None, :]] = -np.inf
        voters = min(neighbours, n)
        nearest = np.argpartition(-similarity, voters - 1, axis=1)[:, :voters]
        near = np.take_along_axis(similarity, nearest, axis=1)
        ranked = np.argsort(-near, axis=1, kind="stable")
        nearest = np.take_along_axis(nearest, ranked, axis=1)
        near = np.take_along_axis(near, ranked, axis=1)
        weights = np.isfinite(near) / (1.0 + np.arange(voters))
        other = labels[nearest] != labels[rows][:, None]
        result[rows] = (weights * other).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-12)
    return result


def _ranks(scores: np.ndarray) -> NDArray[np.float64]:
    """Ranks from 1, ties shared."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(scores), dtype=np.float64)
