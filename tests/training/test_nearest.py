"""k-NN on labelled vectors against scikit-learn, and the interval of a paired difference."""

from __future__ import annotations

import numpy as np
import sklearn.model_selection
import sklearn.neighbors

from coldstart.training.nearest import leave_one_out, paired_difference


def test_it_is_scikit_learns_leave_one_out() -> None:
    random = np.random.default_rng(0)
    classes = np.arange(90) % 3
    vectors = random.normal(size=(90, 5)).astype(np.float32) + 0.8 * np.eye(3, 5)[classes]
    names = [f"class {one}" for one in classes]
    ours = leave_one_out(vectors, names, [str(row) for row in range(90)], neighbours=5)
    theirs = sklearn.neighbors.KNeighborsClassifier(
        5, metric="cosine", weights=lambda distances: 2.0 - distances
    )
    split = sklearn.model_selection.LeaveOneOut()
    predicted = sklearn.model_selection.cross_val_predict(theirs, vectors, classes, cv=split)
    assert ours.tolist() == (predicted == classes).tolist()
    assert 0.4 < ours.mean() < 1.0


def test_a_copy_is_no_neighbour() -> None:
    vectors = np.array([[1, 0], [1, 0], [0.9, 0.1], [0.9, 0.12]], np.float32)
    classes = ["a", "a", "b", "b"]
    assert leave_one_out(vectors, classes, ["x", "x", "y", "z"], neighbours=1).tolist() == [
        False,
        False,
        True,
        True,
    ]


def test_the_interval_of_a_difference_holds_for_pairs() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        shared = random.random(80)
        new, old = shared < 0.8, np.roll(shared, 0) * 0.7 + 0.3 * random.random(80) < 0.6
        _, (low, high) = paired_difference(new, old)
        truth = 0.8 - _chance_of_old()
        held += low <= truth <= high
    assert held / 400 > 0.92
    same = np.ones(50, bool)
    assert paired_difference(same, same)[0] == 0.0
    low, high = paired_difference(same, same)[1]
    assert low < 0 < high


def _chance_of_old() -> float:
    random = np.random.default_rng(2)
    return float((0.7 * random.random(400_000) + 0.3 * random.random(400_000) < 0.6).mean())
