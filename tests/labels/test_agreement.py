"""Kappas against scikit-learn, against Fleiss' own table, and against many simulated pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from coldstart.labels.agreement import cohen_kappa, fleiss_kappa, pairs_of_annotators

# Fleiss 1971 as reprinted widely: 10 subjects, 14 raters, 5 categories; kappa 0.210.
FLEISS_TABLE = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=60))
def test_cohens_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    left, right = zip(*pairs, strict=True)
    found = cohen_kappa(pairs)
    if len({*left, *right}) == 1:
        assert found.value is None
        return
    assert found.value == pytest.approx(cohen_kappa_score(left, right))
    assert found.interval is not None
    assert found.interval[0] <= found.value + 1e-9
    assert found.value - 1e-9 <= found.interval[1] <= 1 + 1e-9
    assert (found.images, found.observed) == (
        len(pairs),
        sum(one == other for one, other in pairs) / len(pairs),
    )


def test_fleiss_kappa_of_fleiss_own_table() -> None:
    answers = {}
    for subject, counts in enumerate(FLEISS_TABLE):
        votes = [category for category, n in enumerate(counts) for _ in range(n)]
        answers[subject] = {f"rater {n}": vote for n, vote in enumerate(votes)}
    assert fleiss_kappa(answers).value == pytest.approx(0.210, abs=0.0005)


def test_what_one_person_answered_alone_says_nothing() -> None:
    shared = {1: {"anna": "cat", "ben": "cat"}, 2: {"anna": "dog", "ben": "cat"}}
    alone = {3: {"anna": "cat"}, 4: {"cleo": "dog"}}
    assert fleiss_kappa(shared | alone) == fleiss_kappa(shared)
    (pair,) = pairs_of_annotators(shared | alone)
    assert (pair.first, pair.second, pair.kappa.images) == ("anna", "ben", 2)
    assert pair.confusion == {("cat", "cat"): 1, ("dog", "cat"): 1}
    assert fleiss_kappa(alone).value is None
    assert cohen_kappa([]).value is None


def test_few_images_on_which_all_agree_leave_room_for_doubt() -> None:
    found = cohen_kappa([("cat", "cat"), ("dog", "dog"), ("cat", "cat")])
    assert found.value == 1
    assert found.interval is not None
    assert found.interval[0] < 0.5


@pytest.mark.parametrize(("images", "accuracy"), [(40, 0.7), (40, 0.97), (150, 0.85)])
def test_the_interval_holds_the_true_kappa_about_as_often_as_it_says(
    images: int, accuracy: float
) -> None:
    """Two annotators, three equal classes, each right with this chance, else anything."""
    draw = np.random.default_rng(7)
    right = accuracy + (1 - accuracy) / 3
    agree = right**2 + 2 * ((1 - right) / 2) ** 2
    true = (agree - 1 / 3) / (1 - 1 / 3)
    held = 0
    for _ in range(400):
        truth = draw.integers(0, 3, images)
        said = [
            np.where(draw.random(images) < accuracy, truth, draw.integers(0, 3, images))
            for _ in range(2)
        ]
        found = cohen_kappa(list(zip(*(one.tolist() for one in said), strict=True)))
        assert found.interval is not None
        held += found.interval[0] <= true <= found.interval[1]
    assert 0.91 <= held / 400 <= 1
