"""Picks do not depend on how many threads the matrix products use."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coldstart.selection import Pool, approximate, select
from coldstart.selection.approximate import approximate_graph
from coldstart.selection.kmeans import kmeans


def clustered(n: int, d: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(20, d))
    vectors: np.ndarray = middles[generator.integers(0, 20, n)] + generator.normal(size=(n, d))
    vectors[n // 2 : n // 2 + 100] = vectors[:100]
    return vectors


@pytest.mark.parametrize(
    "name",
    ["probcover", "maxherding", "facility_location", "coreset", "kmeans", "typiclust", "usl"],
)
def test_same_picks_with_one_thread_and_with_two(name: str) -> None:
    vectors = clustered(3000, 64)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(select(Pool(vectors), 40, name).indices.tolist())
    assert found[0] == found[1]


def test_same_centres_to_the_last_bit_with_one_thread_and_with_two() -> None:
    # Odd sizes, because there two BLAS threads round otherwise than one.
    unit = Pool(clustered(3001, 1001)).unit
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
    unit = Pool(clustered(4000, 16)).unit
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(approximate_graph(unit, 0.5, threads=threads))
    assert found[0].recall == found[1].recall
    np.testing.assert_array_equal(found[0].graph.indices, found[1].graph.indices)
