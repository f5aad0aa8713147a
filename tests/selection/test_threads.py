"""Picks do not depend on threads, nor on how the work is cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coldstart.selection import (
    Pool,
    approximate,
    herding_passes,
    make_strategy,
    neighbours,
    sparsity,
    strategies,
    typiclust,
    usl,
)
from coldstart.selection import kmeans as kmeans_module
from coldstart.selection.approximate import approximate_graph
from coldstart.selection.kmeans import kmeans


def clustered(n: int, d: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(20, d))
    vectors: np.ndarray = middles[generator.integers(0, 20, n)] + generator.normal(size=(n, d))
    vectors[n // 2 : n // 2 + 100] = vectors[:100]
    return vectors


BLOCKS = [
    (neighbours, "_TILE_ROWS", 100),
    (herding_passes, "_TILE_ROWS", 100),
    (kmeans_module, "_BLOCK_ENTRIES", 100),
    (sparsity, "_BLOCK_ROWS", 100),
    (typiclust, "_TILE_ENTRIES", 3_000),
    (usl, "_TILE_ENTRIES", 3_000),
]


@pytest.mark.parametrize("name", [name for name in strategies() if name != "random"])
def test_same_picks_with_other_threads_and_blocks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Copies of 100 rows, 40 of which are labelled: of equal ones the lowest must be picked.
    vectors = clustered(700, 32)
    even = [str(row % 3) for row in range(40)]
    settings = {"activeft": {"steps": 20}, "auto": {"rare_classes": True}}.get(name, {})

    def picks() -> list[int]:
        pool = Pool(vectors, labelled=range(40), labels=even)
        if name == "auto":
            # So uneven that it looks for rare classes.
            labels = ["a"] * 37 + ["b", "b", "c"]
            pool = Pool(vectors, labelled=range(40), labels=labels)
        if not strategies()[name].needs_labels and name not in ("auto", "uherding", "dcom", "tcm"):
            pool = Pool(vectors)
        return make_strategy(name, **settings).select(pool, 40).indices.tolist()

    with threadpool_limits(1):
        one = picks()
    with threadpool_limits(2):
        assert picks() == one
        for module, constant, value in BLOCKS:
            monkeypatch.setattr(module, constant, value)
        assert picks() == one


def test_same_centres_to_the_last_bit_with_one_thread_and_with_two() -> None:
    # Odd sizes, because there two BLAS threads round otherwise than one.
    unit = Pool(clustered(1501, 501)).unit
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(kmeans(unit, 41, starts=2))
    np.testing.assert_array_equal(found[0].centres, found[1].centres)
    np.testing.assert_array_equal(found[0].of_row, found[1].of_row)
    assert found[0].inertia == found[1].inertia


def test_same_approximate_graph_with_one_thread_and_with_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approximate, "_FEWEST_ROWS", 1000)
    unit = Pool(clustered(2500, 16)).unit
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(approximate_graph(unit, 0.5, threads=threads))
    assert found[0].recall == found[1].recall
    np.testing.assert_array_equal(found[0].graph.indices, found[1].graph.indices)
