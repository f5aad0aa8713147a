"""ProbCover against brute force, against scikit-activeml, and against each defect of its peers."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.selection import Pool, ProbCover, RadiusGraph, radius_graph
from coldstart.selection.neighbours import GraphBalls, MatrixFreeBalls, balls, knn


def clustered(n: int, d: int, seed: int, centres: int = 6, spread: float = 0.5) -> np.ndarray:
    generator = np.random.default_rng(seed)
    middle = generator.normal(size=(centres, d))
    return middle[generator.integers(0, centres, n)] + spread * generator.normal(size=(n, d))


@st.composite
def pools(draw: st.DrawFn) -> tuple[np.ndarray, list[int], float]:
    """Vectors with duplicates and exact ties, some labelled rows, and a radius."""
    n = draw(st.integers(1, 40))
    d = draw(st.integers(1, 9))
    seed = draw(st.integers(0, 2**16))
    generator = np.random.default_rng(seed)
    if draw(st.booleans()):
        vectors = clustered(n, d, seed)
    else:
        # Entries of -1, 0 and 1: many rows coincide and many distances are equal.
        vectors = generator.integers(-1, 2, size=(n, d)).astype(float)
        vectors[np.all(vectors == 0, axis=1)] = 1.0
    if draw(st.booleans()):
        vectors = vectors[generator.integers(0, n, n)]
    labelled = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=min(n - 1, 4)))
    distances = reference.all_distances(reference.unit_rows(vectors))
    delta = draw(st.sampled_from([0.05, 0.3, 0.7, 1.0, float(np.sqrt(2)), 2.1]))
    if draw(st.booleans()) and distances.max() > 1e-3:
        # A radius that is exactly the distance of two images: strictly less must decide.
        delta = float(generator.choice(distances[distances > 1e-3]))
    return vectors, labelled, delta


@settings(max_examples=250, deadline=None)
@given(pools(), st.booleans(), st.integers(0, 3))
def test_same_picks_as_brute_force_up_to_saturation(
    case: tuple[np.ndarray, list[int], float], matrix_free: bool, weight_seed: int
) -> None:
    vectors, labelled, delta = case
    n = len(vectors)
    weights = None
    if weight_seed:
        weights = np.random.default_rng(weight_seed).integers(0, 4, n).astype(float)
        weights[0] = 1.0
    pool = Pool(vectors, labelled=labelled, weights=weights)
    budget = n - len(labelled)
    strategy = ProbCover(delta=delta, memory_limit_gb=0.0 if matrix_free else 3.0)
    picks = strategy.select(pool, budget)
    expected, gains = reference.greedy_cover(
        reference.unit_rows(vectors), delta, budget, labelled, weights
    )
    total = n if weights is None else weights.sum()
    assert picks.indices[: len(expected)].tolist() == expected
    np.testing.assert_allclose(picks.gains[: len(expected)], np.array(gains) / total)
    assert picks.saturated_at == (None if len(expected) == budget else len(expected))
    assert sorted([*picks.indices.tolist(), *labelled]) == list(range(n))
    assert len(picks.reasons) == budget
    assert all(picks.reasons)


def test_picks_after_saturation_follow_the_documented_rule() -> None:
    vectors = clustered(60, 5, 1)
    delta, budget = 1.2, 30
    picks = ProbCover(delta=delta).select(Pool(vectors), budget)
    unit = reference.unit_rows(vectors)
    expected: list[int] = []
    radius = delta
    while len(expected) < budget:
        expected += reference.greedy_cover(unit, radius, budget - len(expected), expected)[0]
        radius *= 0.8
    assert picks.saturated_at is not None
    assert picks.indices.tolist() == expected


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_scikit_activeml_until_everything_is_covered(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import skactiveml.pool._prob_cover as peer
    from skactiveml.utils import MISSING_LABEL

    def first_argmax(a: np.ndarray, random_state: object = None, **_: object) -> np.ndarray:
        return np.array([np.nanargmax(a)])

    monkeypatch.setattr(peer, "rand_argmax", first_argmax)
    unit = Pool(clustered(300, 16, seed)).unit
    delta, budget = 0.83, 40
    ours = ProbCover(delta=delta).select(Pool(unit), budget)
    until = budget if ours.saturated_at is None else ours.saturated_at
    labels = np.full(len(unit), MISSING_LABEL)
    with pytest.warns(match="purity"):
        theirs = peer.ProbCover(deltas=[delta]).query(unit, labels, batch_size=budget)
    assert until > 5
    assert ours.indices[:until].tolist() == theirs[:until].tolist()


@pytest.mark.parametrize("labelled", [[], [0, 1, 7]])
def test_agrees_with_the_official_code_up_to_its_defects(labelled: list[int]) -> None:
    unit = Pool(clustered(500, 12, 11, centres=40)).unit
    delta, budget = 0.7, 60
    ours = ProbCover(delta=delta).select(Pool(unit, labelled), budget)
    theirs = reference.official_prob_cover(unit, delta, budget, labelled)
    until = budget if ours.saturated_at is None else ours.saturated_at
    assert until > 20
    assert ours.indices[:until].tolist() == theirs[:until]
    # Its defect: once everything is covered the first place is picked again and again.
    assert len(set(theirs[until:])) <= 1
    assert len(set(ours.indices.tolist())) == budget


def test_defect_last_rows_beyond_a_multiple_of_500_can_be_picked() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(777, 32))
    # The densest place of all lies in the last 277 rows.
    vectors[600:] = vectors[600] + 0.01 * generator.normal(size=(177, 32))
    assert ProbCover(delta=0.5).select(Pool(vectors), 1).indices[0] >= 600


def test_defect_fewer_than_500_rows_do_not_crash() -> None:
    assert len(ProbCover(delta=0.5).select(Pool(clustered(7, 3, 0)), 7)) == 7


def test_defect_no_duplicate_or_labelled_picks_once_everything_is_covered() -> None:
    labelled = [0, 5, 9]
    picks = ProbCover(delta=1.9).select(Pool(clustered(50, 4, 2), labelled=labelled), 47)
    assert len(set(picks.indices.tolist())) == 47
    assert not set(picks.indices.tolist()) & set(labelled)
    assert picks.saturated_at is not None
    assert any("nothing more could be covered" in note for note in picks.notes)


def test_defect_the_radius_returned_by_the_paper_rule_is_pure_enough_and_no_larger_would_be() -> (
    None
):
    from coldstart.selection.coverage import purity_curve
    from coldstart.selection.kmeans import kmeans

    pool = Pool(clustered(400, 8, 3))
    delta = ProbCover(delta="paper", classes=6, alpha=0.9).select(pool, 5).delta
    assert delta is not None
    groups = kmeans(pool.unit, 6, starts=3).of_row
    distances = reference.all_distances(pool.unit)
    for radius, pure_enough in ((delta, True), (np.nextafter(delta, 9), False)):
        mixed = ((distances < radius) & (groups[:, None] != groups[None, :])).any(axis=1)
        assert bool(1 - mixed.mean() >= 0.9) is pure_enough
        assert purity_curve(pool, groups, [radius])[0] == pytest.approx(1 - mixed.mean())


def test_defect_squared_distances_are_not_taken_for_distances() -> None:
    # 60 degrees apart: distance 1, squared 1; 30 degrees: distance 0.518, squared 0.268.
    angles = np.deg2rad([0, 30])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert radius_graph(Pool(vectors).unit, 0.5).mean_degree == 0
    assert radius_graph(Pool(vectors).unit, 0.53).mean_degree == 1
    distance, _ = knn(Pool(vectors).unit, 1)
    np.testing.assert_allclose(distance, 0.5176, atol=1e-4)


def test_defect_vectors_are_normalised() -> None:
    vectors = clustered(100, 6, 4)
    lengths = np.random.default_rng(0).uniform(0.01, 100, size=(100, 1))
    one = ProbCover(delta=0.6).select(Pool(vectors), 10)
    other = ProbCover(delta=0.6).select(Pool(vectors * lengths), 10)
    assert one.indices.tolist() == other.indices.tolist()


@pytest.mark.parametrize("tile_rows", [7, 64, 300, 1024])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_graph_does_not_depend_on_block_size_or_threads(tile_rows: int, threads: int) -> None:
    unit = Pool(np.round(clustered(300, 12, 5), 1)).unit
    distances = reference.all_distances(unit)
    delta = float(np.sort(distances.ravel())[20_000])
    graph = radius_graph(unit, delta, tile_rows=tile_rows, threads=threads)
    for row in range(300):
        assert (
            graph.balls(delta, unit).members(row).tolist()
            == np.flatnonzero(distances[row] < delta).tolist()
        )


def test_pruning_by_principal_components_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from coldstart.selection import pruning
    from coldstart.selection.pruning import useful_bounds

    monkeypatch.setattr(pruning, "_FEWEST_TIMES_FIT", 1)
    generator = np.random.default_rng(0)
    steep = generator.normal(size=(2100, 80)) * np.geomspace(1, 0.01, 80)
    flat = generator.normal(size=(2100, 80))
    for vectors, delta, pruned in ((steep, 0.3, True), (steep, 0.5, True), (flat, 1.0, False)):
        unit = Pool(vectors).unit
        assert (useful_bounds(unit, delta) is not None) is pruned
        one, other = (radius_graph(unit, delta, prune=prune) for prune in (None, False))
        assert np.array_equal(one.indptr, other.indptr)
        assert np.array_equal(one.indices, other.indices)
        np.testing.assert_allclose(one.similarities, other.similarities, atol=1e-5)


def test_a_graph_serves_every_smaller_radius_and_survives_the_disk(tmp_path: object) -> None:
    from pathlib import Path

    unit = Pool(clustered(200, 8, 6)).unit
    file = Path(str(tmp_path)) / "graph"
    radius_graph(unit, 1.1).save(file)
    wide = RadiusGraph.load(file)
    pool = Pool(unit, graph=wide)
    assert pool.graph is wide
    distances = reference.all_distances(unit)
    for delta in (1.1, 0.9, float(distances[3, 7]), 0.2):
        if delta > 1.1:
            continue
        narrow, free = wide.balls(delta, unit), MatrixFreeBalls(unit, delta)
        mass = np.arange(200.0)
        assert np.array_equal(narrow.mass_inside(mass), (distances < delta) @ mass)
        assert np.array_equal(free.mass_inside(mass), (distances < delta) @ mass)
        for row in range(0, 200, 17):
            expected = np.flatnonzero(distances[row] < delta).tolist()
            assert narrow.members(row).tolist() == expected
            assert free.members(row).tolist() == expected
    with pytest.raises(ValueError, match="reaches to"):
        wide.balls(1.2, unit)
    with pytest.raises(ValueError, match="other embeddings"):
        Pool(unit[:-1], graph=wide)


def test_too_large_a_graph_is_not_built() -> None:
    unit = Pool(clustered(200, 8, 7)).unit
    assert isinstance(balls(unit, 1.0, memory_limit_bytes=1000), MatrixFreeBalls)
    assert isinstance(balls(unit, 1.0), GraphBalls)


def test_the_automatic_radius_is_the_best_of_those_tried() -> None:
    from coldstart.selection.radius import search_radius

    pool = Pool(clustered(150, 6, 8), labelled=[3])
    search = search_radius(pool, 12)
    distances = reference.all_distances(pool.unit)
    measured = []
    for delta in search.deltas:
        chosen = [3, *ProbCover(delta=float(delta)).select(pool, 6).indices.tolist()]
        measured.append(distances[:, chosen].min(axis=1).mean())
    np.testing.assert_allclose(search.mean_distance[:, 6], measured, atol=1e-3)
    assert ProbCover().select(pool, 6).delta == search.deltas[int(np.argmin(measured))]


def test_the_automatic_radius_beats_the_paper_rule_on_digits() -> None:
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    vectors, classes = load_digits(return_X_y=True)
    pool = Pool(vectors - vectors.mean(axis=0))
    accuracy = {}
    for delta in ("auto", "paper"):
        picks = ProbCover(delta=delta, classes=10).select(pool, 20).indices
        nearest = KNeighborsClassifier(1).fit(pool.unit[picks], classes[picks])
        accuracy[delta] = nearest.score(pool.unit, classes)
    assert accuracy["auto"] > 0.78
    assert accuracy["auto"] > accuracy["paper"] + 0.05


def test_reasons_are_plain_and_true() -> None:
    picks = ProbCover(delta=0.7).select(Pool(clustered(100, 6, 9)), 3)
    first = round(picks.gains[0] * 100)
    assert picks.reasons[0].startswith(f"covers {first} images nobody has covered")
    assert "nearest labelled image is" in picks.reasons[1]
