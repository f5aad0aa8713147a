"""The forecast finds the curve that made the data, says how sure it is, and when it cannot say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coldstart.stopping.forecast import (
    changed_by_next,
    default_next_labels,
    fit_power_law,
    forecast_gain,
)

LABELS = np.array([20, 30, 45, 70, 100, 150, 220, 320])


def models(
    accuracies: np.ndarray, audit: int, stop: int, seed: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Nested models of these accuracies: (m, audit) right or wrong, and (m, stop) predictions.

    A tenth of all changes is for the better, as the forecast supposes.
    """
    random = np.random.default_rng(seed)
    correct = random.random(audit) < accuracies[:, None]
    luck = random.random(audit)
    correct = luck < accuracies[:, None]
    said = [random.integers(0, 1000, stop)]
    for gain in np.diff(accuracies):
        changed = said[-1].copy()
        rows = random.permutation(stop)[: int(10 * gain * stop)]
        changed[rows] += 1
        said.append(changed)
    return correct, said


@pytest.mark.parametrize(("top", "drop", "power"), [(0.95, 1.5, 0.6), (0.8, 3.0, 1.0)])
def test_a_power_law_is_found_again(top: float, drop: float, power: float) -> None:
    exact = top - drop * LABELS.astype(float) ** -power
    at = np.array([400.0, 1000.0])
    found = fit_power_law(LABELS.astype(float), exact[None], at)
    np.testing.assert_allclose(found[0], top - drop * at**-power, atol=1e-9)


def test_a_fitted_curve_never_falls_and_never_passes_one() -> None:
    random = np.random.default_rng(0)
    accuracies = random.random((200, len(LABELS)))
    grid = np.geomspace(20, 1e6, 50)
    found = fit_power_law(LABELS.astype(float), accuracies, grid)
    assert (np.diff(found, axis=1) >= -1e-12).all()
    assert found.max() <= 1


def test_the_band_holds_the_next_gain() -> None:
    """Fresh audit images each time; the true gain of the next 80 labels is 1.4 points."""
    true = 0.95 - 1.5 * np.append(LABELS, 400).astype(float) ** -0.6
    held, gains = [], []
    for seed in range(60):
        correct, said = models(true[:-1], 100, 500, seed)
        found = forecast_gain(
            LABELS.tolist(), correct, said, 2000, next_labels=80, draws=200, seed=seed
        )
        assert found.gain is not None
        assert found.low is not None
        assert found.high is not None
        held.append(found.low <= true[-1] - true[-2] <= found.high)
        gains.append(found.gain)
    assert np.mean(held) >= 0.9
    assert np.mean(gains) == pytest.approx(true[-1] - true[-2], abs=0.006)


def test_what_is_shown() -> None:
    true = 0.95 - 1.5 * LABELS.astype(float) ** -0.6
    correct, said = models(true, 100, 500, 3)
    found = forecast_gain(LABELS.tolist(), correct, said, 2000)
    again = forecast_gain(LABELS.tolist(), correct, said, 2000)
    assert found.as_dict() == again.as_dict()
    assert found.next_labels == 60
    assert found.words.startswith("The next 60 labels: between ")
    assert found.labels[0] == pytest.approx(20)
    assert found.labels[-1] == pytest.approx(380)
    assert (found.curve_low <= found.curve).all()
    assert (found.curve <= found.curve_high).all()
    np.testing.assert_allclose(found.points, correct.mean(axis=1))
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_settled_model_gains_nothing() -> None:
    correct = np.repeat(np.arange(100)[None] < 90, len(LABELS), axis=0)
    said = [np.arange(50)] * len(LABELS)
    found = forecast_gain(LABELS.tolist(), correct, said, 2000)
    assert found.gain == pytest.approx(0, abs=1e-12)
    assert found.changed == 0


@pytest.mark.parametrize(
    ("labels", "audit", "words"),
    [
        ([], 50, "four sizes"),
        ([20, 30, 40], 50, "four sizes"),
        ([30, 40, 50, 59], 50, "twice the labels"),
        ([20, 30, 40, 50], 29, "29 audit labels are too few"),
    ],
)
def test_it_says_when_it_cannot(labels: list[int], audit: int, words: str) -> None:
    correct = np.ones((len(labels), audit), dtype=bool)
    found = forecast_gain(labels, correct, [np.zeros(5)] * len(labels), 100)
    assert found.gain is None
    assert found.low is None
    assert words in found.words
    json.dumps(found.as_dict(), allow_nan=False)


def test_change_is_taken_from_as_many_labels_back() -> None:
    said = [np.zeros(100, dtype=int) for _ in range(3)]
    said[1][:50] = 1
    said[2][:60] = 1
    labels = np.array([100.0, 200.0, 300.0])
    assert changed_by_next(labels, said, 100) == pytest.approx(0.85 * 0.1)
    assert changed_by_next(labels, said, 200) == pytest.approx(0.85 * 0.6)
    assert changed_by_next(labels, said, 25) == pytest.approx(0.85 * 0.1 / 2)


def test_arrays_must_belong_together() -> None:
    with pytest.raises(ValueError, match="same models"):
        forecast_gain([20, 30], np.ones((3, 40)), [np.zeros(5)] * 2, 100)


@pytest.mark.parametrize(("labels", "ahead"), [(0, 50), (100, 50), (320, 60), (1000, 200)])
def test_how_far_ahead(labels: int, ahead: int) -> None:
    assert default_next_labels(labels) == ahead
