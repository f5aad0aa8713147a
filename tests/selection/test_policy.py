"""The default policy: what it uses when, and that it finds rare classes sooner than its parts."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from coldstart.rehearsal import draw_split, run_once
from coldstart.selection import Auto, KMeans, MaxHerding, Pool, Strategy, UHerding
from coldstart.selection.coreset import CoreSet
from coldstart.selection.policy import unevenness
from coldstart.selection.sparsity import sparsity

EVEN = ["a", "b", "c", "d"] * 3
UNEVEN = ["a"] * 9 + ["b", "c", "d"]


def labelled_pool(labels: list[str]) -> Pool:
    vectors = np.random.default_rng(0).normal(size=(200, 6))
    return Pool(vectors, labelled=range(len(labels)), labels=labels)


def test_it_says_what_it_used() -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    first = Auto().select(Pool(vectors), 6)
    later = Auto().select(Pool(vectors, first.indices, list("aabbcc")), 6)
    between = Auto().select(Pool(vectors, first.indices), 6)
    assert "k-means" in first.notes[0]
    assert "UHerding" in later.notes[0]
    assert "MaxHerding" in between.notes[0]
    assert first.strategy == later.strategy == "auto"
    assert not set(first.indices.tolist()) & set(later.indices.tolist())


@pytest.mark.parametrize(
    ("labels", "rare_classes"), [(EVEN, True), (UNEVEN, False), (["a"] * 9 + ["b", "b"], True)]
)
def test_without_rare_classes_to_look_for_it_is_its_parts(
    labels: list[str], rare_classes: bool
) -> None:
    pool = labelled_pool(labels)
    strategy = Auto(seed=3, rare_classes=rare_classes)
    first = strategy.select(Pool(pool.embeddings), 8)
    assert first.indices.tolist() == (
        KMeans(seed=3).select(Pool(pool.embeddings), 8).indices.tolist()
    )
    later = strategy.select(pool, 8)
    assert later.indices.tolist() == UHerding().select(pool, 8).indices.tolist()


@pytest.mark.parametrize(
    ("labels", "settings", "used"),
    [
        (UNEVEN, {"rare_classes": True}, UHerding(flatten=6)),
        (["a"] * 9, {}, MaxHerding()),
        (["a"] * 9, {"rare_classes": True}, MaxHerding()),
    ],
)
def test_where_classes_are_looked_for_half_of_the_picks_are_farthest_first(
    labels: list[str], settings: dict[str, bool], used: Strategy
) -> None:
    pool = labelled_pool(labels)
    picks = Auto(**settings).select(pool, 10)
    unsure = used.select(pool, 5)
    known = [*range(len(labels)), *unsure.indices.tolist()]
    far = CoreSet().select(Pool(pool.embeddings, labelled=known), 5)
    # One of each kind in turn, so that half of the batch has half of each.
    assert picks.indices[0::2].tolist() == unsure.indices.tolist()
    assert picks.indices[1::2].tolist() == far.indices.tolist()
    assert picks.reasons[1] == far.reasons[0] != picks.reasons[0]
    np.testing.assert_array_equal(picks.gains[1::2], far.gains)
    assert any("5 of 10 picks are by CoreSet" in note for note in picks.notes)


def test_the_more_uneven_the_labels_the_more_picks_are_farthest_first() -> None:
    said = []
    for labels in (EVEN, ["a"] * 5 + ["b", "b", "b", "c", "c", "d"], UNEVEN):
        notes = " ".join(Auto(rare_classes=True).select(labelled_pool(labels), 20).notes)
        said.append(int(notes.split(" of 20 picks")[0].split()[-1]) if "of 20" in notes else 0)
    assert said[0] == 0 < said[1] < said[2] == 10


def test_few_labels_of_one_class_are_no_reason_to_look_for_another() -> None:
    pool = labelled_pool(["a"] * 4)
    assert Auto().select(pool, 8).indices.tolist() == MaxHerding().select(pool, 8).indices.tolist()


def test_a_batch_of_one_is_one_pick() -> None:
    assert len(Auto(rare_classes=True).select(labelled_pool(UNEVEN), 1)) == 1


def test_probabilities_without_labels_say_nothing_of_rare_classes() -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    sure = np.tile([0.9, 0.1], (60, 1))
    picks = Auto(rare_classes=True).select(Pool(vectors, probabilities=sure), 6)
    assert "UHerding" in picks.notes[0]
    assert not any("looked for" in note for note in picks.notes)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12))
def test_unevenness_is_the_spread_of_the_counts(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    shares = np.array(counts) / sum(counts)
    # What two labels drawn with replacement share a class more often than in an even pool.
    expected = len(counts) * float(np.sum(shares**2)) - 1
    assert unevenness(labels) == pytest.approx(expected, abs=1e-9)
    shuffled = np.random.default_rng(0).permutation(labels)
    assert unevenness([f"class {one}" for one in shuffled]) == pytest.approx(expected, abs=1e-9)


@given(n=st.integers(1, 60), d=st.integers(2, 6), seed=st.integers(0, 999), copies=st.booleans())
def test_sparsity_is_the_distance_to_the_fifth_neighbour(
    n: int, d: int, seed: int, copies: bool
) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(n, d))
    if copies:
        vectors = vectors[generator.integers(0, n, n)]
    pool = Pool(vectors)
    np.testing.assert_allclose(sparsity(pool), reference.sparsity(pool.unit), atol=1e-4)


def test_sparsity_says_the_same_of_a_large_pool_and_of_a_part() -> None:
    vectors = np.random.default_rng(0).normal(size=(6_000, 12))
    vectors[:300] *= 0.2
    vectors[:300, 0] += 1
    one, other = sparsity(Pool(vectors)), sparsity(Pool(vectors[::4]))
    assert one[:300].mean() < 0.85 < one[300:].mean()
    assert other[:75].mean() == pytest.approx(one[:300].mean(), abs=0.05)
    assert other[75:].mean() == pytest.approx(one[300:].mean(), abs=0.05)


def test_all_images_alike_are_equally_sparse() -> None:
    assert sparsity(Pool(np.ones((30, 3)))).tolist() == [1.0] * 30


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    known = load_digits()
    vectors = known.data.astype(np.float32)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, known.target.astype(np.int64)


def test_on_digits_with_rare_classes_it_finds_them_sooner_than_its_parts() -> None:
    vectors, classes = digits()
    found: dict[str, list[int]] = {"auto+rare_classes=true": [], "uherding": [], "kmeans": []}
    for number in range(6):
        split = draw_split(classes, number, imbalance=50)
        for name, counts in found.items():
            counts.append(run_once(vectors, classes, split, name, [10, 20]).classes_found[-1])
    means = {name: np.mean(counts) for name, counts in found.items()}
    assert means.pop("auto+rare_classes=true") > max(means.values()) + 1


def test_one_digit_in_fifty_is_found_sooner_than_by_maxherding() -> None:
    vectors, classes = digits()
    found = []
    for digit in range(6):
        generator = np.random.default_rng(digit)
        rest = generator.permutation(np.flatnonzero(classes != digit))[:1_000]
        rare = generator.permutation(np.flatnonzero(classes == digit))[:20]
        rows = np.concatenate([rest, rare])
        of_first = KMeans(seed=0).select(Pool(vectors[rows]), 10).indices
        labelled = of_first[of_first < 1_000]
        pool = Pool(vectors[rows], labelled=labelled, labels=["rest"] * len(labelled))
        picks = [one.select(pool, 20).indices for one in (Auto(), MaxHerding())]
        found.append([int(np.sum(one >= 1_000)) for one in picks])
    ours, plain = np.sum(found, axis=0)
    assert ours > plain


def test_a_preview_shows_the_picks_to_come_where_classes_are_looked_for() -> None:
    pool = labelled_pool(UNEVEN)
    assert Auto(rare_classes=True).quick(pool).nested is False
    assert Auto().quick(pool).select(pool, 5).indices.tolist() == (
        Auto().select(pool, 5).indices.tolist()
    )
