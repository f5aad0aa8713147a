"""Coverage as a signal: what is reached, what the last labels added, what is untouched."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coldstart.stopping.coverage import measure_coverage


def circle(*centres_and_sizes: tuple[float, int]) -> np.ndarray:
    """(n, 2) float32 unit vectors in tight groups at these angles."""
    angles = np.concatenate(
        [centre + np.linspace(-0.05, 0.05, size) for centre, size in centres_and_sizes]
    )
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_three_groups_one_labelled() -> None:
    unit = circle((0, 50), (2, 30), (4, 20))
    signal = measure_coverage(unit, [25, 26], 0.2)
    assert signal.reached == 0.5
    assert signal.per_label == pytest.approx(0.25)
    assert signal.curve.tolist() == [0, 0.5, 0.5]
    assert 50 <= signal.untouched[0] < 80 <= signal.untouched[1]
    np.testing.assert_allclose(signal.untouched_share, [0.3, 0.2])
    assert "50% of the images" in signal.words
    json.dumps(signal.as_dict(), allow_nan=False)


def test_the_last_labels_count_only() -> None:
    unit = circle((0, 50), (2, 50))
    order = [25, 75, *range(0, 20)]
    signal = measure_coverage(unit, order, 0.3)
    assert signal.reached == 1
    assert signal.per_label == 0
    assert len(signal.untouched) == 0
    assert "after 2 labels already" in signal.words
    assert "already" not in measure_coverage(unit, order[:4], 0.3).words


def test_no_labels_yet() -> None:
    signal = measure_coverage(circle((0, 50), (2, 30)), [], 0.2)
    assert signal.reached == 0
    assert signal.per_label == 0
    np.testing.assert_allclose(signal.untouched_share, [50 / 80, 30 / 80])


def test_regions_of_a_large_pool_are_found_on_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldstart.stopping.coverage.LOOKED_AT", 100)
    unit = circle((0, 500), (2, 300), (4, 200))
    signal = measure_coverage(unit, [250], 0.2)
    assert signal.untouched_share.sum() == pytest.approx(0.5)
    assert signal.untouched_share[0] == pytest.approx(0.3, abs=0.1)
    assert 500 <= signal.untouched[0] < 800 <= signal.untouched[1]
