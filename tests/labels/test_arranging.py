"""The orders of a page: nothing lost, look-alikes together, the unsure first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.labels.arranging import by_likeness, by_suggestion


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-1, 4), st.floats(0.2, 1.0)), max_size=150),
    st.integers(5, 60),
)
def test_pages_hold_every_image_once_and_each_class_in_one_piece(
    suggested: list[tuple[int, float]], page_size: int
) -> None:
    classes = np.array([one for one, _ in suggested], dtype=np.int64)
    chances = np.array([chance for _, chance in suggested], dtype=np.float32)
    vectors = np.random.default_rng(0).normal(size=(len(classes), 3)).astype(np.float32)
    found = by_suggestion(classes, chances, vectors, page_size=page_size)
    assert sorted(found.order.tolist()) == list(range(len(classes)))
    for start in range(0, len(classes), page_size):
        page = found.order[start : start + page_size]
        groups = found.groups[start : start + page_size]
        assert (np.diff(groups) >= 0).all()
        for group in np.unique(groups):
            members = page[groups == group]
            assert len(set(classes[members])) == 1
            if classes[members[0]] >= 0:
                unsure = chances[members] < 0.5
                assert (np.diff(unsure.astype(int)) <= 0).all()
                assert chances[members[0]] == chances[members].min()
        named = [one for one in classes[page] if one >= 0]
        pieces = 1 + int((np.diff(named) != 0).sum()) if named else 0
        assert pieces == len(set(named))


def test_those_that_are_wrong_in_the_same_way_stand_side_by_side() -> None:
    draw = np.random.default_rng(0)
    heap = draw.integers(0, 3, 60)
    vectors = (np.eye(3)[heap] + draw.normal(0, 0.02, (60, 3))).astype(np.float32)
    chances = draw.uniform(0.6, 1.0, 60).astype(np.float32)
    found = by_suggestion(np.zeros(60, dtype=np.int64), chances, vectors, page_size=60)
    assert int((np.diff(heap[found.order]) != 0).sum()) == 2


def test_separate_heaps_are_never_in_one_group() -> None:
    draw = np.random.default_rng(0)
    heap = draw.integers(0, 4, 120)
    vectors = np.eye(4)[heap] + draw.normal(0, 0.02, (120, 4))
    found = by_likeness((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4"))
    assert sorted(found.order.tolist()) == list(range(120))
    for group in np.unique(found.groups):
        assert len(set(heap[found.order[found.groups == group]])) == 1


def test_few_images_stay_as_they_are() -> None:
    found = by_likeness(np.eye(3, dtype=np.float32))
    assert found.order.tolist() == [0, 1, 2]
    assert found.groups.tolist() == [0, 0, 0]


def test_of_very_many_images_the_first_are_grouped_and_the_rest_follows_as_it_came() -> None:
    heap = np.random.default_rng(0).integers(0, 20, 3_100)
    found = by_likeness(np.eye(20, dtype=np.float32)[heap])
    assert sorted(found.order.tolist()) == list(range(3_100))
    assert found.order[3_000:].tolist() == list(range(3_000, 3_100))
    assert len(set(found.groups[3_000:].tolist())) == 1
    for group in set(found.groups[:3_000].tolist()):
        assert len(set(heap[found.order[:3_000][found.groups[:3_000] == group]].tolist())) == 1
