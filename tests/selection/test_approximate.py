"""The approximate graph: what it finds is true, and it finds as much as it says."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.selection import Pool, approximate, radius_graph
from coldstart.selection.approximate import approximate_graph


def test_it_finds_what_it_says_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "_FEWEST_ROWS", 1000)
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(60, 16))
    vectors = middles[generator.integers(0, 60, 4000)] + 0.4 * generator.normal(size=(4000, 16))
    unit = Pool(vectors).unit
    exact = radius_graph(unit, 0.5)
    found = approximate_graph(unit, 0.5, recall=0.97)
    assert np.all(np.diff(found.graph.indptr) <= np.diff(exact.indptr))
    for row in range(0, 4000, 199):
        members = set(found.graph.balls(0.5, unit).members(row).tolist())
        assert row in members
        assert members <= set(exact.balls(0.5, unit).members(row).tolist())
    share = (len(found.graph.indices) - 4000) / (len(exact.indices) - 4000)
    assert 0.95 < share < 1.0
    assert found.recall == pytest.approx(share, abs=0.03)


def test_small_pools_are_done_exactly() -> None:
    unit = Pool(np.random.default_rng(0).normal(size=(300, 8))).unit
    found = approximate_graph(unit, 0.7)
    assert found.recall == 1
    assert np.array_equal(found.graph.indices, radius_graph(unit, 0.7).indices)
