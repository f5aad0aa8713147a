"""Precision, recall and their means: as scikit-learn counts them, with limits that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from coldstart.training.class_measures import measure_classes

PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1)


@given(PAIRS)
def test_counts_are_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    truth, said = [one for one, _ in pairs], [one for _, one in pairs]
    found = measure_classes(truth, said)
    names = sorted({*truth, *said})
    assert list(found.class_names) == names
    np.testing.assert_array_equal(found.confusion, confusion_matrix(truth, said, labels=names))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, said, labels=names, zero_division=0
    )
    for n, one in enumerate(found.per_class):
        assert one.labels == support[n]
        assert (one.precision or 0.0) == pytest.approx(precision[n])
        assert (one.recall or 0.0) == pytest.approx(recall[n])
        assert (one.f1 or 0.0) == pytest.approx(f1[n] if support[n] else 0.0)
        assert (one.recall is None) == (support[n] == 0)
    known = sorted(set(truth))
    assert found.balanced_accuracy == pytest.approx(
        np.mean([recall[names.index(k)] for k in known])
    )
    if set(said) <= set(truth):
        assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, said))
    assert found.macro_f1 == pytest.approx(
        f1_score(truth, said, labels=known, average="macro", zero_division=0)
    )


def test_what_cannot_be_said_is_wrong() -> None:
    found = measure_classes(["a", "a", "b"], ["a", None, None])
    assert [one.recall for one in found.per_class] == [0.5, 0.0]
    assert found.per_class[1].precision is None
    with pytest.raises(ValueError):
        measure_classes([], [])


def test_the_means_limits_hold() -> None:
    """150 audit images of four unequal classes, 300 times over: about as often as said."""
    random = np.random.default_rng(3)
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    said = np.array(
        [
            [0.9, 0.05, 0.03, 0.02],
            [0.1, 0.8, 0.05, 0.05],
            [0.2, 0.1, 0.6, 0.1],
            [0.1, 0.1, 0.3, 0.5],
        ]
    )
    joint = shares[:, None] * said
    right = np.diag(joint)
    balanced = float(np.diag(said).mean())
    macro = float((2 * right / (joint.sum(axis=0) + joint.sum(axis=1))).mean())
    inside = np.zeros(2)
    for _ in range(300):
        cells = random.choice(16, size=150, p=joint.ravel())
        truth, guess = [f"{c // 4}" for c in cells], [f"{c % 4}" for c in cells]
        if len(set(truth)) < 4:
            inside += 1
            continue
        found = measure_classes(truth, guess)
        inside += [
            found.balanced_interval[0] <= balanced <= found.balanced_interval[1],
            found.macro_interval[0] <= macro <= found.macro_interval[1],
        ]
    assert (inside / 300 > 0.88).all(), inside / 300
