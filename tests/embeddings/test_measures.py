"""Measures of a set without labels, against data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics.pairwise

from coldstart.embeddings import measures


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _clusters(spread: float, rows: int = 400, dimension: int = 32) -> np.ndarray:
    random = np.random.default_rng(0)
    centres = random.normal(size=(10, dimension))
    return _unit(centres[np.arange(rows) % 10] + spread * random.normal(size=(rows, dimension)))


@pytest.mark.parametrize("true", [2, 5])
def test_intrinsic_dimension_of_a_curved_sheet(true: int) -> None:
    random = np.random.default_rng(1)
    sheet = np.c_[random.uniform(-0.3, 0.3, size=(1500, true)), np.ones(1500)]
    lifted = _unit(sheet @ random.normal(size=(true + 1, 40)))
    assert measures.intrinsic_dimension(lifted) == pytest.approx(true, rel=0.2)


def test_purity_is_the_share_of_balls_of_one_group() -> None:
    unit = _clusters(0.3, rows=120)
    radii, purity = measures.purity_against_radius(unit, classes=10)
    groups = measures._groups(unit, 10, 0)
    distances = sklearn.metrics.pairwise.euclidean_distances(unit)
    for radius, share in zip(radii, purity):
        pure = [len(set(groups[row < radius].tolist())) <= 1 for row in distances]
        assert share == pytest.approx(np.mean(pure), abs=0.02)
    assert (np.diff(purity) <= 0).all()


def test_clear_groups_beat_a_haze_and_repeats_agree() -> None:
    clear, haze = measures.measure(_clusters(0.15)), measures.measure(_clusters(3.0))
    assert clear.purity_area > haze.purity_area + 0.2
    assert clear.neighbour_stability > haze.neighbour_stability
    assert clear.intrinsic_dimension < 40
    again = measures.measure(_clusters(0.15))
    assert (again.purity == clear.purity).all()
    assert again.neighbour_stability == clear.neighbour_stability


def test_stability_is_one_when_a_half_tells_all_and_chance_for_noise() -> None:
    line = np.linspace(0.0, 1.0, 300)[:, None] * np.ones((1, 64))
    circle = _unit(np.c_[np.cos(line), np.sin(line)])
    assert measures.neighbour_stability(circle) > 0.8
    noise = _unit(np.random.default_rng(2).normal(size=(300, 200)))
    assert measures.neighbour_stability(noise) < 0.2


def test_hubs_are_seen_and_agreement_is_of_neighbours() -> None:
    random = np.random.default_rng(3)
    assert measures.hubness(_unit(random.normal(size=(400, 3)))) < 0.8
    assert measures.hubness(_unit(random.normal(size=(400, 300)) + 1.0)) > 1.0
    one = _clusters(0.5)
    turn, _ = np.linalg.qr(random.normal(size=(32, 32)))
    assert measures.neighbour_agreement(one, one @ turn) == pytest.approx(1.0, abs=0.01)
    assert measures.neighbour_agreement(one, _unit(random.normal(size=(400, 8)))) < 0.1


def test_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="four different"):
        measures.measure(np.ones((10, 4), np.float32))
