"""Statistics of rehearsals beside independent references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.rehearsal import area_under_curve, compare_paired, holm, labels_needed

shares = st.lists(st.floats(0, 1), min_size=2, max_size=8)


@given(shares)
@settings(max_examples=50, deadline=None)
def test_the_area_is_numpys_trapezoid_over_the_logarithm(accuracies: list[float]) -> None:
    budgets = 10 * 3 ** np.arange(len(accuracies))
    x = np.log2(budgets)
    wanted = np.trapezoid(accuracies, x) / (x[-1] - x[0])
    assert area_under_curve(budgets, accuracies) == pytest.approx(wanted)


def test_doubling_early_counts_as_much_as_doubling_late() -> None:
    early = area_under_curve([10, 20, 100, 200], [0, 1, 1, 1])
    late = area_under_curve([10, 20, 100, 200], [0, 0, 0, 1])
    assert 1 - early == pytest.approx(late)


def test_labels_needed_lie_between_the_budgets_on_the_logarithm() -> None:
    assert labels_needed([10, 40], [0.2, 0.8], 0.5) == pytest.approx(20)
    assert labels_needed([10, 40], [0.6, 0.8], 0.5) == 10
    assert labels_needed([10, 40], [0.2, 0.4], 0.5) == float("inf")


def test_a_curve_that_falls_back_needs_the_labels_of_its_first_crossing() -> None:
    assert labels_needed([1, 2, 4, 8], [0.1, 0.6, 0.4, 0.9], 0.6) == pytest.approx(2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_holm_agrees_with_the_definition(p_values: list[float]) -> None:
    # The definition: reject in order of p while p_(i) <= alpha / (m - i); the corrected value is
    # the smallest alpha at which a hypothesis is rejected.
    corrected = holm(p_values)
    count = len(p_values)
    ranked = sorted(range(count), key=lambda i: p_values[i])
    for place, which in enumerate(ranked):
        needed = max((count - i) * p_values[ranked[i]] for i in range(place + 1))
        assert corrected[which] == pytest.approx(min(1.0, needed))


def test_the_paired_interval_holds_at_about_its_level() -> None:
    generator = np.random.default_rng(0)
    missed = 0
    for repeat in range(40):
        shared = generator.normal(size=20)
        one = shared + generator.normal(0.3, 0.5, size=20)
        found = compare_paired(one, shared, seed=repeat)
        missed += not found.low <= 0.3 <= found.high
    # 2 are expected of 40, a few more with the percentile bootstrap of 20 pairs.
    assert missed <= 8


def test_pairing_sees_a_difference_that_hides_in_the_spread_between_splits() -> None:
    generator = np.random.default_rng(1)
    hard = generator.normal(0.5, 0.2, size=20)
    found = compare_paired(hard + 0.02 + generator.normal(0, 0.005, size=20), hard)
    assert found.better
    assert found.p < 0.01
    assert found.wins + found.losses <= found.pairs == 20
    # On a handful of splits the bootstrap is too narrow to be believed.
    assert not compare_paired(hard[:5] + 0.02, hard[:5]).better


def test_no_difference_is_none() -> None:
    found = compare_paired([0.5, 0.6], [0.5, 0.6])
    assert (found.mean, found.p, found.wins, found.losses) == (0, 1, 0, 0)
    assert not found.better
    assert not found.worse
