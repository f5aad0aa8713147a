"""UMAP itself, which compiles for seconds: neighbours stay neighbours, a seed repeats itself."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.embeddings.layout import nearest_neighbours, neighbour_preservation, umap_layout
from coldstart.progress import Cancelled


def test_umap_keeps_groups_together_and_repeats_itself() -> None:
    random = np.random.default_rng(0)
    member = np.arange(120) % 3
    vectors = random.normal(size=(3, 16))[member] * 4 + random.normal(size=(120, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    told: list[tuple[int, int | None, str]] = []
    layout = umap_layout(vectors, seed=1, progress=lambda *steps: told.append(steps))
    assert "compiles" in told[0][2]
    assert told[-1] == (500, 500, "Laying out the map")  # its epochs, counted one by one
    assert layout.shape == (120, 2)
    assert layout.dtype == np.float32
    nearest = nearest_neighbours(layout, 6)[0][:, 1:]
    assert (member[nearest] == member[:, None]).mean() > 0.95
    np.testing.assert_array_equal(umap_layout(vectors, seed=1), layout)
    assert neighbour_preservation(vectors, layout) > neighbour_preservation(
        vectors, np.random.default_rng(0).normal(size=(120, 2))
    )


def test_it_can_be_cancelled_while_it_lays_out() -> None:
    def stop(done: int, total: int | None, message: str = "") -> None:
        if done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        umap_layout(np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32), progress=stop)
