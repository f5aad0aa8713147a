"""The torch way finds the same pairs; run here on the processor, with the code a GPU would run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coldstart.errors import ColdstartError
from coldstart.selection import Pool, ProbCover, RadiusGraph, approximate, device, radius_graph
from coldstart.selection.approximate import approximate_graph


def clustered(n: int, d: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(30, d))
    rows: np.ndarray = middles[generator.integers(0, 30, n)] + 0.5 * generator.normal(size=(n, d))
    return rows


@pytest.fixture(params=["all at once", "a tile at a time"])
def torch_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 2**40 if request.param == "all at once" else 0
    monkeypatch.setattr(device, "find_device", lambda: "cpu")
    monkeypatch.setattr(device, "_free_bytes", lambda *_: free)
    monkeypatch.setattr(device, "TILE_ROWS", 128)


def assert_same_pairs(one: RadiusGraph, other: RadiusGraph) -> None:
    np.testing.assert_array_equal(one.indptr, other.indptr)
    for row in range(one.n):
        part = slice(one.indptr[row], one.indptr[row + 1])
        assert set(one.indices[part]) == set(other.indices[part])


@pytest.mark.usefixtures("torch_device")
def test_same_graph_and_picks_as_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    # Rounded vectors and a radius that is one of the distances: ties decide which pairs are close.
    vectors = np.round(clustered(700, 12), 1)
    vectors[600:] = vectors[:100]
    pool = Pool(vectors, labelled=[3, 650])
    rows = pool.unit.astype(np.float64)
    delta = float(np.linalg.norm(rows[0] - rows[1]))
    assert_same_pairs(
        radius_graph(pool.unit, delta, engine="gpu"), radius_graph(pool.unit, delta, tile_rows=100)
    )
    local, there = (ProbCover(delta=delta, engine=one).select(pool, 40) for one in ("local", "gpu"))
    assert local.indices.tolist() == there.indices.tolist()
    assert local.gains.tolist() == there.gains.tolist()


@pytest.mark.usefixtures("torch_device")
def test_same_approximate_graph_as_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "_FEWEST_ROWS", 500)
    unit = Pool(clustered(2000, 16)).unit
    one, other = (approximate_graph(unit, 0.5, recall=0.9, engine=e) for e in ("gpu", "local"))
    assert one.recall == other.recall < 1
    assert_same_pairs(one.graph, other.graph)


@pytest.mark.usefixtures("torch_device")
def test_products_are_in_full_precision_and_the_setting_is_put_back() -> None:
    seen: list[str] = []

    def progress(done: int, total: int | None, message: str = "") -> None:
        seen.append(torch.get_float32_matmul_precision())

    torch.set_float32_matmul_precision("high")
    try:
        radius_graph(Pool(clustered(100, 8)).unit, 0.5, engine="gpu", progress=progress)
        assert set(seen) == {"highest"}
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_without_a_graphics_processor_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ColdstartError, match="needs a graphics processor") as refused:
        ProbCover(delta=0.5, engine="gpu").select(Pool(clustered(50, 8)), 5)
    assert "local" in refused.value.remedy
