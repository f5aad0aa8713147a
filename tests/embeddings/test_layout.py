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
    place_new,
    umap_layout,
)


def _clusters(count: int = 120, dimension: int = 16) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    centres = random.normal(size=(3, dimension)) * 4
    member = np.arange(count) % 3
    vectors = centres[member] + random.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), member


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


def test_a_new_image_comes_to_lie_among_its_neighbours() -> None:
    vectors, member = _clusters()
    layout = np.column_stack([member * 10.0, np.zeros(len(member))]).astype(np.float32)
    layout += np.random.default_rng(0).normal(0, 0.1, layout.shape).astype(np.float32)
    known, new = np.arange(100), np.arange(100, 120)
    placed = place_new(vectors[known], vectors[new], layout[known])
    assert placed.dtype == np.float32
    np.testing.assert_allclose(placed[:, 0], member[new] * 10, atol=1)
    # A copy of a vector on the map lies on its place.
    np.testing.assert_allclose(
        place_new(vectors[known], vectors[:3], layout[known]), layout[:3], atol=1e-3
    )
    assert place_new(vectors[:1], vectors[new], layout[:1]).shape == (20, 2)
    with pytest.raises(ValueError, match="do not make a map"):
        place_new(vectors[:0], vectors[new], layout[:0])
