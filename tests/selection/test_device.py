"""The torch way finds the same pairs; run here on the processor, with the code a GPU would run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coldstart.errors import ColdstartError
from coldstart.selection import (
    Pool,
    ProbCover,
    RadiusGraph,
    approximate,
    device,
    make_strategy,
    radius_graph,
)
from coldstart.selection.approximate import approximate_graph
from coldstart.selection.kmeans import lloyd


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


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("maxherding", {}),
        ("facility_location", {}),
        ("facility_location", {"squared": False}),
        ("uherding", {}),
        ("kmeans", {"starts": 2}),
        ("typiclust", {}),
        ("auto", {}),
    ],
)
@pytest.mark.parametrize("labels", [0, 3])
@pytest.mark.usefixtures("torch_device")
def test_same_picks_as_without_torch(
    name: str, settings: dict[str, object], labels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = device.find_device
    monkeypatch.setattr(device, "find_device", lambda: asked.append("") or find())
    # Copies and rounded vectors: many images are as good as each other.
    vectors = np.round(clustered(500, 12), 1)
    vectors[400:] = vectors[:100]
    weights = np.random.default_rng(1).integers(1, 4, 500)
    rows, classes = [3, 450, 77][:labels], ["a", "b", "a"][:labels]
    pool = Pool(vectors, labelled=rows, labels=classes, weights=weights)
    there = make_strategy(name, engine="gpu", **settings).select(pool, 25)
    assert asked
    here = make_strategy(name, **settings).select(pool, 25)
    assert here.indices.tolist() == there.indices.tolist()
    np.testing.assert_allclose(here.gains, there.gains, rtol=1e-4)


@pytest.mark.usefixtures("torch_device")
def test_same_groups_to_the_last_bit_as_without_torch() -> None:
    # Two centres are given twice.
    unit = Pool(clustered(900, 24)).unit
    centres = np.concatenate([unit[:20], unit[:2], -unit[3:4]])
    here = lloyd(unit, centres, 2, np.ones(900), 10)
    there = lloyd(unit, centres, 2, np.ones(900), 10, engine="gpu")
    np.testing.assert_array_equal(here.of_row, there.of_row)
    np.testing.assert_array_equal(here.centres, there.centres)
    assert here.inertia == there.inertia


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
