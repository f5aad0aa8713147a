"""What is reported is what scikit-learn and scipy say of the same predictions, and no more."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.datasets import load_digits
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from coldstart.errors import ColdstartError
from coldstart.training import cross_validate, fit_probe
from coldstart.training.intervals import clopper_pearson


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, list[str]]:
    pixels, digit = load_digits(return_X_y=True)
    return (pixels - pixels.mean(axis=0)).astype(np.float32), [str(one) for one in digit]


@given(st.integers(1, 300), st.floats(0, 1))
def test_interval_is_scipys(n: int, share: float) -> None:
    right = round(share * n)
    expected = binomtest(right, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(1, 100), st.floats(0, 0.999))
def test_interval_between_counts(n: int, share: float) -> None:
    low, high = clopper_pearson(share * n, n)
    below, above = clopper_pearson(np.floor(share * n), n), clopper_pearson(np.ceil(share * n), n)
    assert below[0] - 1e-9 <= low <= above[0] + 1e-9
    assert below[1] - 1e-9 <= high <= above[1] + 1e-9


def test_figures_are_scikit_learns(digits: tuple[np.ndarray, list[str]]) -> None:
    x, names = digits[0][:150], digits[1][:150]
    result = cross_validate(x, names, repeats=1)
    predicted = [result.class_names[index] for index in result.predicted]
    matrix = confusion_matrix(names, predicted, labels=result.class_names)
    assert (result.confusion == matrix).all()
    assert result.accuracy == pytest.approx(np.trace(matrix) / 150)
    assert result.interval == pytest.approx(
        tuple(binomtest(int(np.trace(matrix)), 150).proportion_ci(0.95, method="exact")), abs=1e-9
    )
    assert result.balanced_accuracy == pytest.approx(balanced_accuracy_score(names, predicted))
    assert result.macro_f1 == pytest.approx(f1_score(names, predicted, average="macro"))
    precision, recall, f1, labels = precision_recall_fscore_support(names, predicted)
    for which, one in enumerate(result.per_class):
        assert one.precision == pytest.approx(precision[which])
        assert one.recall == pytest.approx(recall[which])
        assert one.f1 == pytest.approx(f1[which])
        assert one.labels == labels[which]


def test_the_number_is_near_the_truth_for_a_random_draw(
    digits: tuple[np.ndarray, list[str]],
) -> None:
    x, names = digits
    picked = np.random.default_rng(0).permutation(len(x))
    train, test = picked[:150], picked[150:]
    result = cross_validate(x[train], [names[row] for row in train])
    probe = fit_probe(x[train], [names[row] for row in train])
    predicted = probe.predict(x[test]).class_indices
    truth = np.mean([probe.class_names[p] == names[row] for p, row in zip(predicted, test)])
    assert result.interval[0] < truth < result.interval[1]


def test_labels_that_mean_nothing_score_as_chance(digits: tuple[np.ndarray, list[str]]) -> None:
    x = digits[0][:200]
    names = np.random.default_rng(0).choice(["a", "b"], 200).tolist()
    result = cross_validate(x, names)
    assert result.interval[0] < 0.5 < result.interval[1]


def test_copies_give_nothing_away(digits: tuple[np.ndarray, list[str]]) -> None:
    """Each picture ten times, with labels that mean nothing: copies would give the answer away."""
    random = np.random.default_rng(0)
    x = np.repeat(digits[0][:40], 10, axis=0)
    names = np.repeat(random.choice(["a", "b"], 40), 10).tolist()
    hashes = np.repeat([f"{i}" for i in range(40)], 10).tolist()
    told = cross_validate(x, names, content_hashes=hashes, repeats=2)
    fooled = cross_validate(x, names, repeats=2)
    assert fooled.accuracy > 0.9 > 0.7 > told.accuracy
    assert (told.labels, told.pictures) == (400, 40)
    expected = clopper_pearson(told.accuracy * 40, 40)  # 40 pictures, not 400
    assert told.interval == pytest.approx(expected)
    assert "40 different pictures" in told.how


def test_repeats_are_averaged_and_seeded(digits: tuple[np.ndarray, list[str]]) -> None:
    x, names = digits[0][:60], digits[1][:60]
    result = cross_validate(x, names, repeats=3, seed=5)
    alone = [cross_validate(x, names, repeats=1, seed=5 + i).accuracy for i in range(3)]
    assert result.accuracy == pytest.approx(np.mean(alone))
    assert result.confusion.sum() == pytest.approx(60)
    assert result.accuracy == cross_validate(x, names, repeats=3, seed=5).accuracy


def test_how_it_was_measured_is_said(digits: tuple[np.ndarray, list[str]]) -> None:
    how = cross_validate(digits[0][:60], digits[1][:60], picked_by="ProbCover").how
    assert "5-fold cross-validation, repeated 5 times, on the 60 labelled images" in how
    assert "picked by ProbCover and are not a random draw" in how
    assert "higher or lower" in how


def test_too_few_to_say(digits: tuple[np.ndarray, list[str]]) -> None:
    x = digits[0]
    few = cross_validate(x[:19], ["a", "b"] * 9 + ["a"])
    assert (few.accuracy, few.interval, few.confusion, few.predicted) == (None, None, None, None)
    assert few.how.startswith("Too few to say. 19 different pictures")
    assert [(one.class_name, one.labels) for one in few.per_class] == [("a", 10), ("b", 9)]
    copies = cross_validate(x[:40], ["a", "b"] * 20, content_hashes=["1", "2"] * 20)
    assert copies.accuracy is None
    assert "2 different pictures" in copies.how
    lone = cross_validate(x[:20], ["a"] * 19 + ["b"])
    assert lone.accuracy is None
    assert "one labelled picture of “b”" in lone.how
    many = cross_validate(x[:24], ["a"] * 10 + ["b"] * 10 + list("cdef"))
    assert many.accuracy is None
    assert "“c”, “d”, “e” and 1 more" in many.how
    json.dumps(many.as_dict())


def test_a_lone_picture_among_many_counts_as_wrong(
    digits: tuple[np.ndarray, list[str]],
) -> None:
    x, names = digits
    rows = [row for row in range(200) if names[row] in "01"]
    rows.append(names.index("7"))
    result = cross_validate(x[rows], [names[row] for row in rows])
    assert result.per_class[2].recall == 0
    assert result.per_class[2].precision is None
    assert "one picture only, which cannot be learned without it and counts as wrong" in result.how
    json.dumps(result.as_dict())


def test_one_class_only_is_refused() -> None:
    with pytest.raises(ColdstartError, match="All 30 labels"):
        cross_validate(np.ones((30, 4), dtype=np.float32), ["cat"] * 30)
