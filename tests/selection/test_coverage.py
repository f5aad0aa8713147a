"""Coverage, purity and distances against direct counting."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.selection import (
    KMeans,
    Pool,
    ProbCover,
    Random,
    make_strategy,
    preview,
    preview_coverage,
    radius_graph,
)
from coldstart.selection.coverage import (
    coverage_curve,
    covered_mask,
    distance_quantiles,
    nearest_enemy_distances,
    random_coverage_curve,
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(1, 40), st.floats(0.05, 2.1), st.booleans())
def test_coverage_of_any_order(seed: int, n: int, delta: float, with_graph: bool) -> None:
    generator = np.random.default_rng(seed)
    unit = Pool(generator.normal(size=(n, 4))).unit
    rows = generator.permutation(n)[: max(1, n // 2)]
    labelled, order = rows[: len(rows) // 3], rows[len(rows) // 3 :]
    graph = radius_graph(unit, delta * 1.1) if with_graph else None
    curve = coverage_curve(unit, order, delta, labelled=labelled, graph=graph)
    within = reference.all_distances(unit) < delta
    expected = [
        within[:, [*labelled, *order[:count]]].any(axis=1).mean() for count in range(len(order) + 1)
    ]
    np.testing.assert_allclose(curve, expected)
    np.testing.assert_array_equal(
        covered_mask(unit, order, delta, graph=graph), within[:, order].any(axis=1)
    )


def test_coverage_counts_weights() -> None:
    vectors = np.eye(3)
    curve = coverage_curve(vectors, [2, 0], 0.5, weights=[1, 1, 6])
    np.testing.assert_allclose(curve, [0, 0.75, 0.875])


def test_probcover_gains_are_the_steps_of_its_coverage_curve() -> None:
    pool = Pool(np.random.default_rng(0).normal(size=(200, 6)), labelled=[4])
    picks = ProbCover(delta=0.9).select(pool, 20)
    curve = coverage_curve(pool, picks.indices, 0.9, labelled=[4])
    until = picks.saturated_at
    assert until is not None
    np.testing.assert_allclose(np.diff(curve)[:until], picks.gains[:until])


@pytest.mark.parametrize("with_graph", [False, True])
def test_random_coverage_matches_the_hypergeometric_mean(with_graph: bool) -> None:
    unit = Pool(np.random.default_rng(1).normal(size=(300, 5))).unit
    delta, budget = 0.8, 12
    graph = radius_graph(unit, 1.0) if with_graph else None
    band = random_coverage_curve(unit, budget, delta, repeats=200, seed=2, graph=graph)
    degree = (reference.all_distances(unit) < delta).sum(axis=1)
    missed = np.ones(300)
    for spent in range(budget):
        missed *= (300 - degree - spent) / (300 - spent)
    assert band.mean[-1] == pytest.approx(1 - missed.mean(), abs=0.01)
    assert band.mean[0] == 0
    assert np.all(band.low <= band.mean)
    assert np.all(band.mean <= band.high)


def test_nearest_enemy_distances() -> None:
    generator = np.random.default_rng(3)
    unit = Pool(generator.normal(size=(120, 5))).unit
    classes = generator.integers(0, 4, 120)
    distances = reference.all_distances(unit)
    distances[classes[:, None] == classes[None, :]] = np.inf
    np.testing.assert_allclose(nearest_enemy_distances(unit, classes), distances.min(axis=1))
    assert np.isinf(nearest_enemy_distances(unit, np.zeros(120))).all()
    with pytest.raises(ValueError, match=r"pseudo_classes must have shape \(120,\)"):
        nearest_enemy_distances(unit, [1, 2])


def test_distance_quantiles() -> None:
    unit = Pool(np.random.default_rng(4).normal(size=(900, 5))).unit
    every = reference.all_distances(unit)[np.triu_indices(900, 1)]
    wanted = [0.01, 0.3, 0.9]
    exact = distance_quantiles(unit, wanted, pairs=10**6)
    np.testing.assert_allclose(exact, np.quantile(every, wanted))
    drawn = distance_quantiles(unit, wanted, pairs=50_000)
    np.testing.assert_allclose(drawn, exact, rtol=0.05)


def test_a_radius_must_be_positive() -> None:
    with pytest.raises(ValueError, match="delta must be a number above 0"):
        covered_mask(np.eye(3), [0], 0.0)


def test_preview_of_a_greedy_strategy_is_its_coverage() -> None:
    pool = Pool(np.random.default_rng(5).normal(size=(200, 6)), labelled=[1, 2])
    shown = preview_coverage(ProbCover(), pool, 15)
    picks = ProbCover().select(pool, 15)
    assert shown.delta == picks.delta
    assert shown.budgets.tolist() == list(range(16))
    np.testing.assert_allclose(np.diff(shown.coverage), picks.gains)
    assert shown.random.mean.shape == (16,)
    assert shown.coverage[-1] > shown.random.high[-1]


def test_previews_that_are_kept_are_those_that_are_asked_for() -> None:
    """One pool asked again and again answers as a pool that was never asked before."""
    vectors = np.random.default_rng(8).normal(size=(60, 5))
    graph = radius_graph(Pool(vectors).unit, 1.2)
    kept = Pool(vectors)
    asked = [
        (strategy, budget, delta, changes)
        for strategy in (ProbCover(delta=0.5), ProbCover(delta=0.9), ProbCover(), Random(seed=1))
        for budget in (5, 12)
        for delta in (None, 0.7)
        for changes in ({}, {"graph": graph}, {"labelled": np.array([3, 9])})
    ]
    pools = {str(list(one)): kept.changed(**one) for _, _, _, one in asked}
    for _ in range(2):
        for strategy, budget, delta, changes in asked:
            again = preview_coverage(strategy, pools[str(list(changes))], budget, delta=delta)
            fresh = preview_coverage(
                strategy, Pool(vectors).changed(**changes), budget, delta=delta
            )
            assert again.delta == fresh.delta
            np.testing.assert_array_equal(again.coverage, fresh.coverage)
            np.testing.assert_array_equal(again.random.mean, fresh.random.mean)


def test_preview_of_kmeans_says_that_budgets_were_tried() -> None:
    pool = Pool(np.random.default_rng(5).normal(size=(200, 6)))
    shown = preview_coverage(KMeans(), pool, 20, delta=1.0)
    picks = KMeans().select(pool, 20)
    assert shown.coverage[-1] == pytest.approx(
        coverage_curve(pool, picks.indices, 1.0)[-1], abs=0.03
    )
    assert shown.budgets[0] == 0
    assert shown.budgets[-1] == 20
    assert "change with the budget" in shown.note
    assert shown.selection is None
    assert preview_coverage(Random(), pool, 20, delta=1.0).selection is not None


@pytest.mark.parametrize("name", ["probcover", "maxherding", "kmeans", "margin", "auto"])
def test_preview_of_a_large_pool_is_an_estimate_near_the_truth(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "_WHOLE_ROWS", 500)
    monkeypatch.setattr(preview, "_PART_ROWS", 800)
    generator = np.random.default_rng(6)
    classes = generator.integers(0, 3, 3000)
    vectors = generator.normal(size=(3, 6))[classes] + generator.normal(size=(3000, 6))
    pool = Pool(vectors, labelled=[3, 40, 500, 7], labels=["a", "b", "a", "b"])
    shown = preview_coverage(make_strategy(name), pool, 12, delta=0.6)
    truth = coverage_curve(
        pool, make_strategy(name).select(pool, 12).indices, shown.delta, labelled=pool.labelled
    )
    assert shown.coverage[0] == pytest.approx(truth[0], abs=0.06)
    assert shown.coverage[-1] == pytest.approx(truth[-1], abs=0.1)
    assert ("random images" in shown.note) is (name != "margin")
