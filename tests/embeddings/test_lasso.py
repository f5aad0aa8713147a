"""Lassos over a map, against the rule spelled out point by point."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.embeddings.lasso import LARGEST, inside_polygon, pack_layout

_corner = st.tuples(st.integers(-20, 20), st.integers(-20, 20))


def is_inside(x: float, y: float, polygon: list[tuple[int, int]]) -> bool:
    """The even-odd rule: a ray to the right crosses the edges an odd number of times."""
    inside = False
    for place, (ax, ay) in enumerate(polygon):
        bx, by = polygon[(place + 1) % len(polygon)]
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


@settings(max_examples=150, deadline=None)
@given(st.lists(_corner, max_size=9), st.lists(_corner, min_size=1, max_size=12))
def test_membership_is_that_of_the_rule(
    polygon: list[tuple[int, int]], points: list[tuple[int, int]]
) -> None:
    # Points between whole numbers lie on no edge's end.
    where = np.array(points) + 0.25
    wanted = [len(polygon) > 2 and is_inside(x, y, polygon) for x, y in where.tolist()]
    assert inside_polygon(where, polygon).tolist() == wanted


def test_a_lasso_that_crosses_itself_and_one_that_is_none() -> None:
    bow_tie = [(0, 0), (10, 10), (10, 0), (0, 10)]
    assert inside_polygon([(9, 5), (1, 5), (5, 9), (5, 1)], bow_tie).tolist() == [
        True,
        True,
        False,
        False,
    ]
    assert not inside_polygon([(1, 1)], []).any()
    assert not inside_polygon([(1, 1)], [(0, 0), (9, 9)]).any()
    assert not inside_polygon([(1, 1)], [(0, 0), (9, 0), (float("nan"), 9)]).any()
    assert inside_polygon(np.empty((0, 2)), bow_tie).shape == (0,)


def test_many_points_and_corners_at_once() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(-1.5, 1.5, (20_000, 2))
    turn = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    far = np.linalg.norm(points, axis=1)
    clear = np.abs(far - 1) > 1e-3
    np.testing.assert_array_equal(inside_polygon(points, circle)[clear], (far < 1)[clear])


def test_packing_keeps_proportions_and_fills_the_longer_side() -> None:
    layout = np.array([[-4.0, 1.0], [4.0, 3.0], [0.0, 2.0]])
    packed = pack_layout(layout)
    assert packed.dtype == np.uint16
    assert packed[:, 0].tolist() == [0, LARGEST, 32768]
    x, y = (np.ptp(packed.astype(float)[:, i]) for i in (0, 1))
    assert abs(x / y - 4) < 1e-3
    assert abs(packed[:, 1].astype(float).mean() - LARGEST / 2) < 2
    assert pack_layout(np.zeros((3, 2))).tolist() == [[32768, 32768]] * 3
    assert pack_layout(np.empty((0, 2))).shape == (0, 2)
