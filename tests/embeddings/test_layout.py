"""The map: neighbours stay neighbours, the same seed gives the same map."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from coldstart.embeddings.layout import (
    nearest_neighbours,
    neighbour_preservation,
    pca_layout,
    umap_layout,
)


def _clusters(count: int = 120, dimension: int = 16) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    centres = random.normal(size=(3, dimension)) * 4
    member = np.arange(count) % 3
    vectors = centres[member] + random.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), member


def test_umap_keeps_groups_together_and_repeats_itself() -> None:
    vectors, member = _clusters()
    layout = umap_layout(vectors, seed=1)
    assert layout.shape == (120, 2)
    assert layout.dtype == np.float32
    nearest = nearest_neighbours(layout, 6)[0][:, 1:]
    assert (member[nearest] == member[:, None]).mean() > 0.95
    np.testing.assert_array_equal(umap_layout(vectors, seed=1), layout)
    assert neighbour_preservation(vectors, layout) > neighbour_preservation(
        vectors, np.random.default_rng(0).normal(size=(120, 2))
    )


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_handful_of_vectors_has_a_map_too(count: int) -> None:
    layout = umap_layout(_clusters()[0][:count])
    assert layout.shape == (count, 2)
    assert np.isfinite(layout).all()


def test_pca_is_sklearns_up_to_signs() -> None:
    vectors, _ = _clusters()
    expected = PCA(2, svd_solver="full").fit_transform(vectors)
    np.testing.assert_allclose(np.abs(pca_layout(vectors)), np.abs(expected), atol=1e-4)
    np.testing.assert_array_equal(pca_layout(vectors), pca_layout(vectors))


def test_one_dimensional_vectors_have_a_pca_map() -> None:
    assert pca_layout(np.array([[1.0], [2.0], [4.0]])).shape == (3, 2)


def test_neighbours_are_exact_and_begin_with_the_row_itself_also_among_doubles() -> None:
    vectors, _ = _clusters()
    indices, distances = nearest_neighbours(vectors, 9)
    expected_distances, expected = NearestNeighbors(n_neighbors=9).fit(vectors).kneighbors(vectors)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(distances, expected_distances, atol=1e-3)
    doubled = np.zeros((6, 3), np.float32)
    indices, distances = nearest_neighbours(doubled, 4)
    assert indices[:, 0].tolist() == list(range(6))
    assert all(len(set(row)) == 4 for row in indices.tolist())
    assert not distances.any()


def test_preservation_of_a_perfect_a_random_and_a_tiny_map() -> None:
    random = np.random.default_rng(0)
    flat = random.normal(size=(200, 2)).astype(np.float32)
    assert neighbour_preservation(flat, flat * 3 + 1) == 1.0
    chance = neighbour_preservation(flat, random.normal(size=(200, 2)), k=10)
    assert chance == pytest.approx(10 / 199, abs=0.03)
    assert np.isnan(neighbour_preservation(flat[:1], flat[:1]))
