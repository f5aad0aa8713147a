"""Bad input gives a clear ValueError or the right answer, with every strategy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coldstart.progress import Cancelled
from coldstart.selection import Pool, make_strategy, select, strategies
from coldstart.selection.neighbours import RadiusGraph

GOOD = np.random.default_rng(0).normal(size=(30, 4))
NAMES = list(strategies())


def ready(vectors: np.ndarray, **more: object) -> Pool:
    """A pool in which strategies that need labels have some."""
    n = len(vectors)
    labelled = np.arange(min(6, max(0, n - 1)))
    labels = [f"class {row % 2}" for row in labelled]
    return Pool(vectors, labelled=labelled, labels=labels, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"embeddings": np.full((3, 2), np.nan)}, "embeddings of shape .* row 0 holds NaN"),
        ({"embeddings": np.array([[1.0, 2], [np.inf, 1]])}, "row 1 holds NaN or infinity"),
        ({"embeddings": np.array([[1.0, 2], [0, 0]])}, "row 1 is all zeros"),
        ({"embeddings": np.ones(5)}, r"embeddings must have shape \(n, d\); got shape \(5,\)"),
        ({"embeddings": np.ones((2, 2, 2))}, r"got shape \(2, 2, 2\)"),
        ({"embeddings": np.empty((0, 4))}, r"must not be empty; got shape \(0, 4\)"),
        ({"embeddings": np.empty((4, 0))}, r"must not be empty; got shape \(4, 0\)"),
        ({"embeddings": np.array([["a", "b"]])}, "real numbers"),
        ({"embeddings": np.array([[1, None]], dtype=object)}, "real numbers; got dtype object"),
        ({"embeddings": np.ones((2, 2), dtype=complex)}, "real numbers; got dtype complex"),
        ({"labelled": [30]}, "labelled must hold rows 0 to 29; got 30"),
        ({"labelled": [-1]}, "labelled must hold rows 0 to 29; got -1"),
        ({"labelled": [1, 1]}, "labelled of shape .* holds row 1 more than once"),
        ({"labelled": [0.5]}, "labelled must be a list of row numbers"),
        ({"labelled": [[1]]}, r"got shape \(1, 1\)"),
        ({"labelled": np.ones(29, dtype=bool)}, r"mask must have shape \(30,\)"),
        ({"labels": ["cat"]}, "labels must have one class for each of the 0 labelled"),
        ({"labelled": [1, 2], "labels": ["cat"]}, r"2 labelled rows; got shape \(1,\)"),
        ({"labelled": [1, 2], "labels": ["cat", None]}, "entry 1 is missing"),
        ({"probabilities": np.full((29, 2), 0.5)}, r"got shape \(29, 2\)"),
        ({"probabilities": np.ones((30, 1))}, r"got shape \(30, 1\)"),
        ({"probabilities": np.full((30, 2), 0.6)}, "row 0 sums to 1.2"),
        ({"probabilities": np.tile([1.5, -0.5], (30, 1))}, "at least 0"),
        ({"probabilities": np.full((30, 2), np.nan)}, "NaN"),
        ({"weights": np.ones(29)}, r"weights must have shape \(30,\); got shape \(29,\)"),
        ({"weights": np.zeros(30)}, "not all 0"),
        ({"weights": -np.ones(30)}, "at least 0"),
        ({"weights": np.full(30, np.inf)}, "finite"),
        ({"candidates": [31]}, "candidates must hold rows 0 to 29"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pool(**{"embeddings": GOOD, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("budget", [0, -1, 25, 10**9, 2.5, "5", None, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_budget_that_cannot_be_spent_is_refused(name: str, budget: object) -> None:
    with pytest.raises(ValueError, match="budget"):
        select(ready(GOOD), budget, name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_pool_can_be_picked(name: str) -> None:
    picks = select(ready(GOOD), 24, name)
    assert sorted(picks.indices.tolist()) == list(range(6, 30))
    assert picks.indices.dtype == np.int64
    assert picks.gains.shape == (24,)
    assert np.isfinite(picks.gains).all()
    assert len(picks.reasons) == 24
    assert all(reason and "nan" not in reason for reason in picks.reasons)


@pytest.mark.parametrize("name", NAMES)
def test_all_rows_equal(name: str) -> None:
    picks = select(ready(np.ones((20, 3))), 10, name)
    assert len(set(picks.indices.tolist())) == 10
    assert min(picks.indices) >= 6
    assert np.isfinite(picks.gains).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_of_one_image(name: str) -> None:
    if strategies()[name].needs_labels:
        with pytest.raises(ValueError, match="label"):
            select(np.ones((1, 3)), 1, name)
    else:
        assert select(np.ones((1, 3)), 1, name).indices.tolist() == [0]


@pytest.mark.parametrize("name", NAMES)
def test_labelled_rows_and_others_than_candidates_are_never_picked(name: str) -> None:
    picks = select(ready(GOOD, candidates=[0, 7, 8, 9, 20]), 4, name)
    assert sorted(picks.indices.tolist()) == [7, 8, 9, 20]


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_picks(name: str) -> None:
    first, second = (select(ready(GOOD), 8, name, seed=3) for _ in range(2))
    assert first.indices.tolist() == second.indices.tolist()
    assert first.settings["seed"] == 3
    assert first.strategy == name


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_zero_and_large_weights_are_taken(name: str) -> None:
    weights = np.where(np.arange(30) < 15, 0.0, 1e-3 * np.arange(30))
    assert len(set(select(ready(GOOD, weights=weights), 20, name).indices.tolist())) == 20


@pytest.mark.parametrize(
    "form",
    ["float64", "float16", "integers", "fortran", "strided", "read-only map", "huge", "tiny"],
)
def test_any_form_of_the_same_numbers_gives_the_same_picks(form: str, tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).integers(-9, 10, size=(60, 5)).astype(np.float32)
    vectors[:, 0] += 20
    expected = select(vectors, 10, "probcover", delta=0.3).indices
    if form == "read-only map":
        np.save(tmp_path / "vectors.npy", vectors)
        other = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    else:
        other = {
            "float64": vectors.astype(np.float64),
            "float16": vectors.astype(np.float16),
            "integers": vectors.astype(np.int8),
            "fortran": np.asfortranarray(vectors),
            "strided": np.repeat(vectors, 2, axis=1)[:, ::2],
            "huge": vectors.astype(np.float64) * 2.0**900,
            "tiny": vectors.astype(np.float64) * 2.0**-900,
        }[form]
    before = np.array(other)
    assert select(other, 10, "probcover", delta=0.3).indices.tolist() == expected.tolist()
    assert np.array_equal(before, other)


def test_unit_rows_are_taken_as_they_are(tmp_path: Path) -> None:
    unit = Pool(GOOD).unit
    assert Pool(unit).unit is unit
    np.save(tmp_path / "unit.npy", unit)
    mapped = np.load(tmp_path / "unit.npy", mmap_mode="r")
    assert np.shares_memory(Pool(mapped).unit, mapped)
    for name in ("probcover", "maxherding", "kmeans"):
        assert select(mapped, 5, name).indices.tolist() == select(unit, 5, name).indices.tolist()


def test_a_graph_of_other_vectors_is_refused() -> None:
    from coldstart.selection import radius_graph

    graph = radius_graph(Pool(GOOD).unit, 0.5)
    assert isinstance(graph, RadiusGraph)
    with pytest.raises(ValueError, match="other embeddings"):
        Pool(GOOD[::-1], graph=graph)


def test_exact_copies_know_the_lowest_of_them() -> None:
    vectors = np.random.default_rng(0).integers(-2, 3, size=(400, 3)).astype(float)
    vectors[(vectors == 0).all(axis=1)] = 1
    vectors[vectors == 0] *= -1.0
    pool = Pool(vectors)
    expected = [int(np.flatnonzero((pool.unit == row).all(axis=1))[0]) for row in pool.unit]
    assert pool.lowest_copy.tolist() == expected
    assert len(set(expected)) < 400


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random"])
def test_work_can_be_cancelled(name: str) -> None:
    def stop(done: int, total: int | None, message: str = "") -> None:
        assert message
        raise Cancelled

    with pytest.raises(Cancelled):
        make_strategy(name).select(ready(GOOD), 5, progress=stop)
