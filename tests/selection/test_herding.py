"""MaxHerding, facility location and swaps against the plain float64 definition."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.selection import FacilityLocation, MaxHerding, Pool, ProbCover, Strategy


def objective(kernel: np.ndarray, picks: list[int], mass: np.ndarray) -> float:
    return float(mass @ kernel[:, picks].max(axis=1) / mass.sum())


KERNELS = {
    "maxherding": (MaxHerding(), lambda d: np.exp(-(d**2))),
    "narrow": (MaxHerding(width=0.4), lambda d: np.exp(-((d / 0.4) ** 2))),
    "squared": (FacilityLocation(), lambda d: 1 - d**2 / 4),
    "plain": (FacilityLocation(squared=False), lambda d: 1 - d / 2),
    "ball": (ProbCover(delta=0.8), lambda d: (d < 0.8).astype(float)),
}


@pytest.mark.parametrize("name", ["maxherding", "narrow", "squared", "plain"])
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    n=st.integers(2, 50),
    d=st.integers(2, 8),
    labels=st.integers(0, 3),
    copies=st.booleans(),
    weighted=st.booleans(),
)
def test_same_picks_as_the_plain_greedy(
    name: str, seed: int, n: int, d: int, labels: int, copies: bool, weighted: bool
) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(n, d))
    if copies:
        vectors = vectors[generator.integers(0, n, n)]
    labelled = generator.permutation(n)[: min(labels, n - 1)].tolist()
    weights = generator.integers(1, 5, n).astype(float) if weighted else None
    strategy, of_distance = KERNELS[name]
    pool = Pool(vectors, labelled=labelled, weights=weights)
    distinct = len(np.unique(pool.unit, axis=0)) - len(np.unique(pool.unit[labelled], axis=0))
    budget = max(1, min(12, distinct))
    mass = np.ones(n) if weights is None else weights
    kernel = of_distance(reference.all_distances(pool.unit))
    picks = strategy.select(pool, min(budget, n - len(labelled)))
    # Each pick is a best one after those before it, as far as float32 can tell two gains apart:
    # a tie may go either way, and lead the plain greedy elsewhere from there.
    best = kernel[:, labelled].max(axis=1) if labelled else np.zeros(n)
    taken = list(labelled)
    for pick, told in zip(picks.indices.tolist(), picks.gains.tolist(), strict=True):
        gain = mass @ np.maximum(kernel - best[:, None], 0) / mass.sum()
        gain[taken] = -np.inf
        assert gain[pick] >= gain.max() - 2e-5
        assert told == pytest.approx(gain[pick], abs=2e-5)
        best = np.maximum(best, kernel[:, pick])
        taken.append(pick)


@pytest.mark.parametrize("name", list(KERNELS))
@pytest.mark.parametrize("weighted", [False, True])
def test_swaps_end_where_no_single_swap_helps(name: str, weighted: bool) -> None:
    generator = np.random.default_rng(4)
    vectors = generator.normal(size=(60, 4))
    weights = generator.uniform(0.5, 3, 60) if weighted else None
    labelled = [3, 17]
    strategy, of_distance = KERNELS[name]
    pool = Pool(vectors, labelled=labelled, weights=weights, candidates=np.arange(50))
    mass = pool.mass
    kernel = of_distance(reference.all_distances(pool.unit))
    greedy = strategy.select(pool, 5).indices.tolist()
    swapping = type(strategy)(**{**vars(strategy), "refine": "swaps"})
    picks = swapping.select(pool, 5)
    rows = picks.indices.tolist()
    assert len(set(rows)) == 5
    assert not {*rows} & {*labelled, *range(50, 60)}
    reached = objective(kernel, labelled + rows, mass)
    assert reached >= objective(kernel, labelled + greedy, mass) - 1e-6
    for place in range(5):
        for other in set(range(50)) - set(rows) - set(labelled):
            swapped = [*labelled, *rows[:place], *rows[place + 1 :], other]
            assert objective(kernel, swapped, mass) <= reached + 1e-5
    start = objective(kernel, labelled, mass)
    assert picks.gains.sum() == pytest.approx(reached - start, abs=1e-4)
    assert np.all(np.diff(picks.gains) <= 1e-6)
    assert any("swaps" in note for note in picks.notes)


def test_swaps_beat_the_greedy_first_batch_on_digits() -> None:
    from sklearn.datasets import load_digits

    vectors = load_digits().data
    pool = Pool(vectors - vectors.mean(axis=0))
    greedy: Strategy = FacilityLocation()
    better = FacilityLocation(refine="swaps")
    one, other = greedy.select(pool, 10), better.select(pool, 10)
    assert other.gains.sum() > one.gains.sum() + 1e-3


def test_swaps_on_a_coreset_of_a_large_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    from coldstart.selection import swaps

    monkeypatch.setattr(swaps, "MOST_ROWS", 200)
    vectors = np.random.default_rng(0).normal(size=(900, 4))
    pool = Pool(vectors, labelled=[899])
    picks = MaxHerding(refine="swaps").select(pool, 8)
    kernel = np.exp(-(reference.all_distances(pool.unit) ** 2))
    greedy = MaxHerding().select(pool, 8).indices.tolist()
    mass = np.ones(900)
    assert len(set(picks.indices.tolist()) - {899}) == 8
    reached = objective(kernel, [899, *picks.indices.tolist()], mass)
    assert reached > objective(kernel, [899, *greedy], mass) - 0.01
