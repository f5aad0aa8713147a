"""Strategies that go by a model's doubts, against their formulas on given probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import reference

from coldstart.progress import silent
from coldstart.selection import MaxHerding, Pool, UHerding, make_strategy, select
from coldstart.selection.doubt import Doubt, calibrated, doubt_of
from coldstart.selection.uncertainty import Bald

PROBABILITIES = np.array(
    [[0.34, 0.33, 0.33], [0.5, 0.49, 0.01], [0.98, 0.01, 0.01], [0.4, 0.2, 0.4], [0.7, 0.2, 0.1]]
)


def three_groups(
    each: int = 40, seed: int = 0, spread: float = 0.7
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(3), each)
    middles = generator.normal(size=(3, 8))
    return middles[classes] + spread * generator.normal(size=(3 * each, 8)), classes


@pytest.mark.parametrize(
    ("name", "order", "gains"),
    [
        ("margin", [3, 0, 1, 4, 2], [1.0, 0.99, 0.99, 0.5, 0.03]),
        ("least_confidence", [0, 3, 1, 4, 2], [0.66, 0.6, 0.5, 0.3, 0.02]),
        ("entropy", [0, 3, 4, 1, 2], [0.99991, 0.96023, 0.72985, 0.67555, 0.10186]),
    ],
)
def test_scores_on_given_probabilities(name: str, order: list[int], gains: list[float]) -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    picks = select(vectors, 5, name, probabilities=PROBABILITIES)
    assert picks.indices.tolist() == order
    np.testing.assert_allclose(picks.gains, gains, atol=1e-4)


def test_reasons_name_the_classes() -> None:
    pool = Pool(
        np.random.default_rng(0).normal(size=(5, 3)),
        probabilities=PROBABILITIES,
        class_names=["cat", "dog", "owl"],
    )
    picks = make_strategy("margin").select(pool, 3)
    assert picks.reasons[2] == "the model hesitates between cat (50%) and dog (49%)"


@pytest.mark.parametrize("name", ["margin", "entropy", "least_confidence", "bald"])
def test_without_labels_of_two_classes_they_say_what_is_needed(name: str) -> None:
    vectors, _ = three_groups()
    with pytest.raises(ValueError, match=f"{name} .*labels of at least two classes"):
        select(vectors, 5, name)
    with pytest.raises(ValueError, match="two classes"):
        select(vectors, 5, name, labelled=[0, 1], labels=["cat", "cat"])


@pytest.mark.parametrize("name", ["margin", "entropy", "least_confidence", "variation_ratio"])
def test_images_between_classes_are_doubtful(name: str) -> None:
    vectors, classes = three_groups(spread=0.2)
    labelled = np.concatenate([np.flatnonzero(classes == one)[:10] for one in range(3)])
    middle = vectors[classes == 0].mean(axis=0) + vectors[classes == 1].mean(axis=0)
    vectors = np.vstack([vectors, middle / 2])
    picks = select(vectors, 12, name, labelled=labelled, labels=classes[labelled])
    assert 120 in picks.indices


def test_bald_is_the_information_a_vote_would_give() -> None:
    from scipy.stats import entropy

    vectors, classes = three_groups()
    labelled = np.arange(0, 120, 8)
    pool = Pool(vectors, labelled, classes[labelled])
    votes = Bald(members=5)._votes(pool, silent)[0]
    expected = entropy(votes.mean(axis=0), axis=1) - entropy(votes, axis=2).mean(axis=0)
    expected[labelled] = -1
    picks = Bald(members=5).select(pool, 4)
    assert picks.indices.tolist() == np.argsort(-expected)[:4].tolist()
    np.testing.assert_allclose(picks.gains, np.sort(expected)[::-1][:4], rtol=1e-6)


@pytest.mark.parametrize("flatten", [0.0, 4.0])
def test_uherding_is_the_plain_weighted_greedy(flatten: float) -> None:
    vectors, classes = three_groups(20)
    labelled = [0, 20, 40, 41]
    pool = Pool(vectors, labelled=labelled, labels=classes[labelled])
    picks = UHerding(calibrate=False, flatten=flatten).select(pool, 6)
    distances = reference.all_distances(pool.unit)
    width = min(distances[a, b] for a in labelled for b in labelled if a < b)
    kernel = np.exp(-((distances / width) ** 2))
    mass = doubt_of(pool, "test").margin * reference.sparsity(pool.unit) ** flatten
    mass[labelled] = 0
    best = kernel[:, labelled].max(axis=1)
    for pick, gain in zip(picks.indices.tolist(), picks.gains.tolist(), strict=True):
        expected = mass @ np.maximum(kernel - best[:, None], 0)
        expected[labelled] = 0
        assert pick == int(np.argmax(expected))
        assert gain == pytest.approx(expected[pick] / mass.sum(), rel=1e-3)
        best = np.maximum(best, kernel[:, pick])


def test_uherding_without_labels_is_maxherding() -> None:
    vectors, _ = three_groups()
    pool = Pool(vectors)
    assert UHerding().select(pool, 8).indices.tolist() == (
        MaxHerding().select(pool, 8).indices.tolist()
    )


def test_calibration_softens_a_model_that_is_too_sure() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(400, 60))
    labels = generator.integers(0, 2, 400)
    pool = Pool(vectors, labelled=np.arange(80), labels=labels[:80])
    sure = doubt_of(pool, "test")
    softer, note = calibrated(pool, sure)
    assert "temperature" in note
    assert softer.margin.mean() > sure.margin.mean() + 0.1
    assert np.array_equal(softer.probabilities.argmax(axis=1), sure.probabilities.argmax(axis=1))


def test_calibration_leaves_few_labels_alone() -> None:
    vectors, classes = three_groups()
    pool = Pool(vectors, labelled=[0, 40, 80], labels=classes[[0, 40, 80]])
    doubt = doubt_of(pool, "test")
    assert calibrated(pool, doubt)[0] is doubt


def test_one_sure_model_does_not_stop_uherding() -> None:
    vectors, _ = three_groups()
    sure = np.tile([1.0, 0.0], (120, 1))
    picks = UHerding().select(Pool(vectors, probabilities=sure), 5)
    assert len(set(picks.indices.tolist())) == 5


def test_doubt_in_words() -> None:
    doubt = Doubt(PROBABILITIES, ["a", "b", "c"])
    assert doubt.in_words(2) == "the model hesitates between a (98%) and b (1%)"
