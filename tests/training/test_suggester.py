"""Suggestions: right where classes lie in many small heaps, and as sure as they should be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from coldstart.training.suggester import fit_suggester


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return data.data[order].astype(np.float32), data.target[order].astype(str)


@pytest.mark.parametrize("labels", [60, 300])
def test_as_good_as_a_nearest_neighbour_and_calibrated(
    digits: tuple[np.ndarray, np.ndarray], labels: int
) -> None:
    vectors, truth = digits
    suggester = fit_suggester(vectors[:labels], truth[:labels].tolist())
    chances = suggester.probabilities(vectors[labels:])
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    said = np.array(suggester.class_names)[chances.argmax(axis=1)]
    right = said == truth[labels:]
    peer = KNeighborsClassifier(1, metric="cosine").fit(vectors[:labels], truth[:labels])
    assert right.mean() > peer.score(vectors[labels:], truth[labels:]) - 0.01
    assert abs(chances.max(axis=1).mean() - right.mean()) < 0.08
    sure = chances.max(axis=1) > 0.9
    assert right[sure].mean() > right.mean()


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(ValueError, match="two classes"):
        fit_suggester(np.eye(3, dtype=np.float32), ["a", "a", "a"])
    with pytest.raises(ValueError, match="2 class names"):
        fit_suggester(np.eye(3, dtype=np.float32), ["a", "b"])


def test_a_handful_of_labels_is_enough_to_begin() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], dtype=np.float32)
    suggester = fit_suggester(vectors, ["a", "a", "b", "b"])
    assert not suggester.tuned
    assert suggester.probabilities(np.array([[1, 0.2]], dtype=np.float32)).argmax() == 0
