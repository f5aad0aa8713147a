"""CoreSet, TypiClust, TCM, BADGE, DropQuery, USL, ActiveFT and DCoM against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import reference

from coldstart.selection import Pool, make_strategy, select
from coldstart.selection.activeft import _slope, loss
from coldstart.selection.doubt import doubt_of
from coldstart.selection.typiclust import _typicality


def groups_of(
    count: int, each: int, seed: int = 0, spread: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(count), each)
    noise = spread * generator.normal(size=(len(classes), 12))
    return generator.normal(size=(count, 12))[classes] + noise, classes


def test_coreset_is_farthest_first() -> None:
    vectors, _ = groups_of(5, 20)
    pool = Pool(vectors, labelled=[7])
    distances = reference.all_distances(pool.unit)
    picks = select(pool, 10, "coreset")
    chosen = [7]
    for pick, gain in zip(picks.indices.tolist(), picks.gains.tolist(), strict=True):
        nearest = distances[:, chosen].min(axis=1)
        assert pick == int(np.argmax(nearest))
        assert gain == pytest.approx(nearest.max())
        chosen.append(pick)


def test_coreset_covers_as_tightly_as_scikit_activeml() -> None:
    from skactiveml.pool import CoreSet
    from skactiveml.utils import MISSING_LABEL

    vectors, _ = groups_of(8, 50, spread=0.6)
    pool = Pool(vectors)
    theirs = CoreSet(random_state=0).query(pool.unit, np.full(pool.n, MISSING_LABEL), batch_size=30)
    distances = reference.all_distances(pool.unit)
    ours = select(pool, 30, "coreset").indices
    assert distances[:, ours].min(axis=1).max() < 1.1 * distances[:, theirs].min(axis=1).max()


def test_typicality_is_the_inverse_mean_distance_not_its_square() -> None:
    vectors, _ = groups_of(1, 30, spread=1.0)
    unit = Pool(vectors).unit
    distances = np.sort(reference.all_distances(unit), axis=1)
    expected = 1 / (distances[:, 1:16].mean(axis=1) + 1e-5)
    np.testing.assert_allclose(_typicality(unit, 15), expected, rtol=1e-3)


def test_typiclust_takes_the_largest_unlabelled_groups_first() -> None:
    generator = np.random.default_rng(0)
    sizes = [60, 40, 30, 20, 10]
    classes = np.repeat(np.arange(5), sizes)
    vectors = generator.normal(size=(5, 12))[classes] + 0.1 * generator.normal(size=(160, 12))
    labelled = [0]
    picks = select(vectors, 4, "typiclust", labelled=labelled, starts=5)
    assert classes[picks.indices].tolist() == [1, 2, 3, 4]
    unit = Pool(vectors).unit
    for pick in picks.indices:
        members = np.flatnonzero(classes == classes[pick])
        assert pick == members[np.argmax(_typicality(unit[members], min(20, len(members) // 2)))]


def test_typiclust_goes_on_when_groups_run_dry() -> None:
    vectors, _ = groups_of(3, 4)
    picks = select(vectors, 12, "typiclust", groups=2)
    assert sorted(picks.indices.tolist()) == list(range(12))


def test_tcm_switches_to_margin() -> None:
    vectors, classes = groups_of(3, 30)
    few, many = np.array([0, 30, 60]), np.arange(0, 90, 5)
    assert "TypiClust" in select(vectors, 3, "tcm").notes[0]
    assert "TypiClust" in select(vectors, 3, "tcm", labelled=few, labels=classes[few]).notes[0]
    later = select(vectors, 3, "tcm", labelled=many, labels=classes[many])
    margin = select(vectors, 3, "margin", labelled=many, labels=classes[many])
    assert "Margin" in later.notes[0]
    assert later.indices.tolist() == margin.indices.tolist()


def test_badge_starts_with_the_longest_gradient_and_measures_gradients() -> None:
    vectors, classes = groups_of(3, 20, spread=0.8)
    labelled = np.arange(0, 60, 6)
    pool = Pool(vectors, labelled, classes[labelled])
    p = doubt_of(pool, "test").probabilities
    pull = p - np.eye(3)[p.argmax(axis=1)]
    gradients = (pull[:, :, None] * pool.unit[:, None, :]).reshape(60, -1)
    length = (gradients**2).sum(axis=1)
    length[labelled] = -1
    picks = select(pool, 6, "badge")
    assert picks.indices[0] == int(np.argmax(length))
    for place in range(1, 6):
        earlier = gradients[picks.indices[:place]]
        distance = ((gradients[picks.indices[place]] - earlier) ** 2).sum(axis=1).min()
        assert picks.gains[place] == pytest.approx(distance, abs=1e-5)


def test_dropquery_takes_fragile_images() -> None:
    vectors, classes = groups_of(2, 100, spread=0.5)
    labelled = np.arange(0, 200, 10)
    middle = vectors[classes == 0].mean(axis=0) + vectors[classes == 1].mean(axis=0)
    fragile = middle + 0.3 * np.random.default_rng(5).normal(size=(60, 12))
    vectors = np.vstack([vectors, fragile])
    picks = select(
        vectors,
        5,
        "dropquery",
        labelled=labelled,
        labels=classes[labelled],
        candidates_per_pick=5,
        passes=5,
    )
    assert picks.gains[picks.indices >= 200].sum() > 0.8
    assert "k-means" in select(vectors, 5, "dropquery").notes[0]


def test_usl_takes_dense_places_one_in_each_group() -> None:
    vectors, classes = groups_of(6, 30)
    pool = Pool(vectors)
    picks = select(pool, 6, "usl", penalty=0.0)
    assert sorted(classes[picks.indices]) == list(range(6))
    distances = np.sort(reference.all_distances(pool.unit), axis=1)
    density = 1 / (distances[:, 1:21].mean(axis=1) + 1e-5)
    for pick in picks.indices:
        assert density[pick] == pytest.approx(density[classes == classes[pick]].max(), rel=1e-4)


def test_usl_penalty_moves_picks_apart() -> None:
    vectors = np.random.default_rng(1).normal(size=(300, 3))
    pool = Pool(vectors)
    distances = reference.all_distances(pool.unit)

    def mean_distance(penalty: float) -> float:
        rows = select(pool, 10, "usl", penalty=penalty).indices
        return float(distances[np.ix_(rows, rows)].mean())

    assert mean_distance(5.0) > mean_distance(0.0)


def test_activeft_slope_is_the_derivative_of_its_loss() -> None:
    generator = np.random.default_rng(0)
    unit = Pool(generator.normal(size=(50, 6))).unit
    centres = generator.normal(size=(4, 6))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    slope = _slope(unit, centres, 0.2)
    for place in [(0, 0), (1, 3), (3, 5)]:
        step = np.zeros_like(centres)
        step[place] = 1e-3
        measured = (loss(unit, centres + step, 0.2) - loss(unit, centres - step, 0.2)) / 2e-3
        assert slope[place] == pytest.approx(measured, abs=2e-3)


def test_activeft_spreads_over_the_groups() -> None:
    vectors, classes = groups_of(5, 40)
    picks = select(vectors, 5, "activeft", learning_rate=0.01)
    assert len(set(classes[picks.indices])) >= 4
    random = select(vectors, 5, "random")
    pool = Pool(vectors)
    assert loss(pool.unit, pool.unit[picks.indices].astype(float), 0.07) < (
        loss(pool.unit, pool.unit[random.indices].astype(float), 0.07)
    )


def test_dcom_covers_first_and_doubts_later() -> None:
    vectors, classes = groups_of(4, 40, spread=0.9)
    few = np.array([0, 40])
    covering = select(vectors, 5, "dcom", labelled=few, labels=classes[few], turn_at=1.0)
    doubting = select(vectors, 5, "dcom", labelled=few, labels=classes[few], turn_at=0.0)
    margin = select(vectors, 5, "margin", labelled=few, labels=classes[few])
    assert doubting.indices.tolist() == margin.indices.tolist()
    assert covering.indices.tolist() != margin.indices.tolist()
    assert covering.delta == doubting.delta
    assert "cover" in covering.notes[0]
    assert "ProbCover" in select(vectors, 5, "dcom").notes[0]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("typiclust", {}), ("usl", {}), ("coreset", {}), ("dropquery", {})],
)
def test_they_find_the_groups_that_random_misses(name: str, settings: dict[str, object]) -> None:
    vectors, classes = groups_of(10, 20, spread=0.15)
    picks = make_strategy(name, **settings).select(Pool(vectors), 10)
    assert len(set(classes[picks.indices])) >= 8
