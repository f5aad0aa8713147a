"""Picks do not depend on how many threads the matrix products use."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coldstart.selection import Pool, select


@pytest.mark.parametrize("name", ["probcover", "maxherding", "facility_location", "coreset"])
def test_same_picks_with_one_thread_and_with_two(name: str) -> None:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(20, 64))
    vectors = middles[generator.integers(0, 20, 3000)] + generator.normal(size=(3000, 64))
    vectors[1500:1600] = vectors[:100]
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(select(Pool(vectors), 40, name).indices.tolist())
    assert found[0] == found[1]
