"""k-means: groups that are there are found, centres given stay, one image near each centre."""

from __future__ import annotations

import numpy as np

from coldstart.selection import KMeans, Pool
from coldstart.selection.kmeans import kmeans


def groups_of(count: int, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(count, 20))
    classes = np.repeat(np.arange(count), each)
    return centres[classes] + 0.2 * generator.normal(size=(len(classes), 20)), classes


def test_one_pick_from_each_group() -> None:
    vectors, classes = groups_of(12, 25)
    picks = KMeans().select(Pool(vectors), 12)
    assert sorted(classes[picks.indices]) == list(range(12))
    np.testing.assert_allclose(picks.gains, 1 / 12)


def test_labelled_groups_are_left_alone() -> None:
    vectors, classes = groups_of(6, 25)
    labelled = [0, 30, 60]
    picks = KMeans().select(Pool(vectors, labelled=labelled), 3)
    assert sorted(classes[picks.indices]) == [3, 4, 5]


def test_the_pick_is_the_nearest_candidate_to_its_centre() -> None:
    vectors, _ = groups_of(4, 30, seed=1)
    pool = Pool(vectors, candidates=np.arange(1, 120))
    picks = set(KMeans().select(pool, 4).indices.tolist())
    groups = kmeans(pool.unit, 4)
    for group in range(4):
        members = np.flatnonzero((groups.of_row == group) & pool.candidates)
        distance = np.linalg.norm(pool.unit[members] - groups.centres[group], axis=1)
        assert members[np.argmin(distance)] in picks


def test_as_tight_as_scikit_learn() -> None:
    from sklearn.cluster import KMeans as Peer
    from sklearn.datasets import load_digits

    vectors = load_digits().data
    unit = Pool(vectors - vectors.mean(axis=0)).unit
    for count in (10, 50):
        theirs = Peer(count, n_init=10, random_state=0).fit(unit).inertia_
        assert kmeans(unit, count).inertia < 1.01 * theirs


def test_weights_draw_the_centres() -> None:
    vectors, classes = groups_of(5, 20, seed=2)
    weights = np.where(classes < 2, 1000.0, 1.0)
    picks = KMeans().select(Pool(vectors, weights=weights), 2)
    assert sorted(classes[picks.indices]) == [0, 1]


def test_starts_on_a_part_of_a_large_pool_end_on_all_of_it() -> None:
    vectors, _ = groups_of(5, 5000, seed=3)
    groups = kmeans(Pool(vectors[:, :4]).unit, 5)
    assert len(groups.of_row) == 25_000
    assert groups.sizes.sum() == 25_000
