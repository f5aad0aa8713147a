"""Folds are stratified, and copies never fall into two of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldstart.training.folds import group_numbers, stratified_folds


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 9))
def test_every_class_is_spread_evenly(classes: list[int], folds: int, seed: int) -> None:
    y = np.array(classes)
    fold = stratified_folds(y, np.arange(len(y)), folds, seed)
    assert set(fold) <= set(range(folds))
    sizes = np.bincount(fold, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for one in set(classes):
        sizes = np.bincount(fold[y == one], minlength=folds)
        assert sizes.max() - sizes.min() <= 1


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=60),
    st.integers(0, 9),
)
def test_copies_stay_together_and_rare_classes_stay_out(
    drawn: list[tuple[int, int]], seed: int
) -> None:
    y = np.array([one for one, _ in drawn])
    groups = np.array([10 * one + group for one, group in drawn])  # copies have one class here
    fold = stratified_folds(y, groups, 5, seed, rare_below=3)
    for group in set(groups):
        assert len(set(fold[groups == group])) == 1
    for one in set(y):
        rare = len(set(groups[y == one])) < 3
        assert set(fold[y == one]) == {-1} if rare else -1 not in fold[y == one]


def test_the_seed_alone_decides() -> None:
    y = np.repeat([0, 1, 2], 20)
    groups = np.arange(60)
    assert (stratified_folds(y, groups, 5, 1) == stratified_folds(y, groups, 5, 1)).all()
    assert (stratified_folds(y, groups, 5, 1) != stratified_folds(y, groups, 5, 2)).any()


def test_groups_become_numbers() -> None:
    assert group_numbers(["b", "a", "b"], 3).tolist() == [1, 0, 1]
    assert group_numbers(None, 3).tolist() == [0, 1, 2]
    assert len(set(group_numbers(["", "a", "", "a"], 4).tolist())) == 3  # unknown is not a copy
    with pytest.raises(ValueError, match="2 groups for 3 images"):
        group_numbers(["a", "b"], 3)
