"""Kappa against scikit-learn, its degenerate cases, and models a fixed share of labels apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from coldstart.stopping.stability import (
    cohen_kappa,
    draw_stop_set,
    f_change_bound,
    labels_apart,
    measure_stability,
    snapshot_sizes,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    ours = cohen_kappa(first, second)
    if len(np.unique(pairs)) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


def test_kappa_of_identical_and_of_constant_predictions() -> None:
    assert cohen_kappa(["cat", "dog", "dog"], ["cat", "dog", "dog"]) == 1.0
    assert cohen_kappa(["cat"] * 9, ["cat"] * 9) is None
    assert cohen_kappa(["cat"] * 9, ["dog"] * 9) == 0
    assert cohen_kappa(["cat"] * 9, ["cat"] * 8 + ["dog"]) == 0


@pytest.mark.parametrize(("first", "second"), [([], []), ([1], [1, 2]), ([[1]], [[1]])])
def test_kappa_needs_two_equal_lists(first: list[int], second: list[int]) -> None:
    with pytest.raises(ValueError, match="equally long"):
        cohen_kappa(first, second)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=10, max_size=60))
def test_the_bound_on_the_change_of_f_holds(rows: list[tuple[bool, bool, bool]]) -> None:
    truth, first, second = np.array(rows).T
    kappa = cohen_kappa(first, second)
    if kappa is None or kappa <= 0 or not truth.any():
        return
    change = abs(f1_score(truth, first, zero_division=0) - f1_score(truth, second, zero_division=0))
    assert change <= f_change_bound(kappa) + 1e-9


def test_the_bound_at_the_published_thresholds() -> None:
    assert f_change_bound(0.99) == pytest.approx(0.0404, abs=1e-4)
    assert f_change_bound(0.999) == pytest.approx(0.004, abs=1e-4)
    assert f_change_bound(-0.2) == np.inf


def flipped(said: np.ndarray, share: float, seed: int) -> np.ndarray:
    changed = said.copy()
    rows = np.random.default_rng(seed).permutation(len(said))[: int(share * len(said))]
    changed[rows] = (changed[rows] + 1) % 3
    return changed


def test_settled_and_changing_predictions() -> None:
    said = np.arange(900) % 3
    calm = measure_stability([100, 112, 126, 142, 160], [said] * 5)
    assert calm.stable
    assert calm.kappa == 1
    assert calm.f_change_at_most == 0
    restless = measure_stability(
        [100, 112, 126, 142, 160], [flipped(said, 0.05, seed) for seed in range(5)]
    )
    assert not restless.stable
    assert restless.kappa is not None
    assert 0.8 < restless.kappa < 0.95
    assert "still change" in restless.words
    assert restless.changed is not None
    assert 0.05 < restless.changed < 0.11  # each differs from the truth by 5%
    assert f"changed {restless.changed:.1%} of the predictions" in restless.bounds
    assert "F1" not in restless.bounds  # the bound on F1 is for two classes


def test_with_two_classes_it_is_said_what_kappa_bounds() -> None:
    said = np.arange(900) % 2
    one_in_ninety = np.where(np.arange(900) < 10, 1 - said, said)
    words = measure_stability([100, 112, 126, 142], [said, said, said, one_in_ninety]).bounds
    assert "changed 1.1% of the predictions" in words
    assert "F1 by at most 0.091" in words  # 4 (1 - T) / T with T = 1 - 2 / 90


def test_one_wild_model_in_the_window_is_not_stable() -> None:
    said = np.arange(900) % 3
    wild = measure_stability([100, 112, 126, 142], [said, said, flipped(said, 0.3, 1), said])
    assert not wild.stable


def test_a_model_that_says_one_class_is_not_stable() -> None:
    constant = measure_stability([20, 30, 40, 50, 60], [np.zeros(50, dtype=int)] * 5)
    assert not constant.stable
    assert constant.kappa is None
    assert "same class of every image" in constant.words


def test_too_few_models() -> None:
    assert measure_stability([], []).kappa is None
    few = measure_stability([20, 40], [np.arange(9), np.arange(9)])
    assert few.kappa is None
    assert "there are 2" in few.words


def test_small_batches_do_not_make_models_look_settled() -> None:
    """Models five labels apart hardly differ; those compared are a tenth of the labels apart."""
    sizes = list(range(200, 301, 5))
    said = [np.arange(1000) % 3]
    for step in range(1, len(sizes)):
        said.append(flipped(said[-1], 0.006, step))
    assert min(cohen_kappa(a, b) or 0 for a, b in itertools.pairwise(said)) > 0.99
    judged = measure_stability(sizes, said)
    assert not judged.stable
    assert all(
        later - earlier >= labels_apart(later)
        for earlier, later in zip(judged.training_labels, judged.training_labels[1:])
    )


def test_labels_must_ascend_and_fit() -> None:
    with pytest.raises(ValueError, match="ascending"):
        measure_stability([20, 20], [[1, 2], [1, 2]])
    with pytest.raises(ValueError, match="2 label counts for 1"):
        measure_stability([20, 30], [[1, 2]])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20_000))
def test_snapshot_sizes_can_all_be_compared(labels: int) -> None:
    sizes = snapshot_sizes(labels)
    assert sizes[-1] == labels
    assert len(sizes) <= 30
    assert all(b - a >= labels_apart(b) for a, b in itertools.pairwise(sizes))


def test_the_stop_set_is_fixed_and_nearly_stays_when_images_are_added() -> None:
    hashes = [f"{one:064x}" for one in range(3000)]
    drawn = draw_stop_set(hashes, 500)
    assert len(set(drawn.tolist())) == 500
    assert drawn.tolist() == draw_stop_set(hashes, 500).tolist()
    before = set(draw_stop_set(hashes[:2900], 500).tolist())
    assert len(before & set(drawn.tolist())) > 460
    assert draw_stop_set(hashes[:5], 500).tolist() == [0, 1, 2, 3, 4]
