"""The approximate graph: what it finds is true, and it finds as much as it says."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.selection import Pool, ProbCover, approximate, coverage, radius_graph
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


@pytest.mark.parametrize("memory_limit_gb", [3.0, 0.002])
def test_probcover_on_a_large_pool_says_what_it_found(
    monkeypatch: pytest.MonkeyPatch, memory_limit_gb: float
) -> None:
    monkeypatch.setattr(approximate, "_FEWEST_ROWS", 1000)
    generator = np.random.default_rng(1)
    middles = generator.normal(size=(40, 16))
    vectors = middles[generator.integers(0, 40, 6000)] + 0.3 * generator.normal(size=(6000, 16))
    labelled = [5, 5999]
    pool = Pool(vectors, labelled)
    large = ProbCover(delta=0.6, exact_up_to=2000, memory_limit_gb=memory_limit_gb)
    picks = large.select(pool, 30)
    exact = ProbCover(delta=0.6).select(pool, 30)
    assert len(set(picks.indices.tolist()) - set(labelled)) == 30
    reached, best = (
        coverage.coverage_curve(pool, one.indices, 0.6, labelled=labelled)[-1]
        for one in (picks, exact)
    )
    assert reached > best - 0.05
    assert f"cover {reached:.1%}" in picks.notes[-1]
    assert any("random images, to fit" in note for note in picks.notes) is (memory_limit_gb < 1)
