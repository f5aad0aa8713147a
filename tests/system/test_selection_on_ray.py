"""A graph made by a Ray cluster is the graph one machine makes, and so are the picks."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled
from coldstart.selection import Pool, RadiusGraph, approximate, cluster, make_strategy, radius_graph
from coldstart.selection.approximate import approximate_graph


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cluster on this machine with two workers, of which nothing is told to its makers."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100 * 2**20,
    )
    yield
    assert ray.is_initialized(), "a cluster that was there before must be left alone"
    ray.shutdown()


def clustered(n: int, d: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(50, d)) * np.linspace(2, 0.05, d)
    spread = generator.normal(size=(n, d)) * np.linspace(1, 0.05, d)
    rows: np.ndarray = middles[generator.integers(0, 50, n)] + 0.5 * spread
    return rows


def assert_same(one: RadiusGraph, other: RadiusGraph) -> None:
    assert one.delta == other.delta
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.indptr, other.indptr)
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.similarities, other.similarities)


# One test, because a cluster takes ten seconds to start.
@pytest.mark.usefixtures("two_workers")
def test_same_edges_and_same_picks_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered(2500, 80)
    vectors[2400:] = vectors[:100]
    pool = Pool(vectors, labelled=[3, 1999])
    seen: list[tuple[int, int | None]] = []

    def progress(done: int, total: int | None, message: str = "") -> None:
        seen.append((done, total))

    # 40 tiles to a side, the last one narrow, in 5 strips: 15 tasks, of which 5 on the diagonal.
    settings = {"tile_rows": 64, "prune": False}
    assert_same(
        radius_graph(pool.unit, 0.4, engine="ray", progress=progress, **settings),
        radius_graph(pool.unit, 0.4, **settings),
    )
    # Last, that the edges are being sorted.
    assert seen == [*((number, 15) for number in range(15)), (1, 1)]

    def cancel(done: int, total: int | None, message: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        radius_graph(pool.unit, 0.4, engine="ray", progress=cancel, **settings)

    monkeypatch.setattr("coldstart.selection.pruning._FEWEST_TIMES_FIT", 0)
    pruned = radius_graph(pool.unit, 0.4, tile_rows=64)
    assert_same(radius_graph(pool.unit, 0.4, tile_rows=64, engine="ray"), pruned)

    monkeypatch.setattr(approximate, "_FEWEST_ROWS", 1000)
    here = approximate_graph(pool.unit, 0.4, recall=0.9)
    there = approximate_graph(pool.unit, 0.4, recall=0.9, engine="ray")
    assert here.recall == there.recall < 1
    assert_same(here.graph, there.graph)

    monkeypatch.setattr(cluster, "_STRIP_TILES", 1)
    for settings in ({}, {"exact_up_to": 1000}):
        picks = [
            make_strategy("probcover", delta=0.4, engine=engine, **settings).select(pool, 30)
            for engine in ("local", "ray")
        ]
        assert picks[0].indices.tolist() == picks[1].indices.tolist()
        assert picks[0].gains.tolist() == picks[1].gains.tolist()
        assert picks[0].reasons == picks[1].reasons


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    strategy = make_strategy("probcover", delta="0.5", engine="ray")
    with pytest.raises(ColdstartError, match=r"pip install 'coldstart\[ray\]'"):
        strategy.select(Pool(clustered(50, 8)), 5)


def test_an_engine_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="engine must be 'local' or 'gpu' or 'ray'; got 'spark'"):
        make_strategy("probcover", engine="spark")
    with pytest.raises(ValueError, match="engine must be one of local, gpu, ray; got 'spark'"):
        radius_graph(Pool(clustered(50, 8)).unit, 0.5, engine="spark")
