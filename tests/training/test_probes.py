"""Every kind of probe against an independent reference, through disk and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import LinearSVC

from coldstart.training import PROBES, Probe, fit_probe
from coldstart.training.calibration import calibration_bins, calibration_error
from coldstart.training.linear import balanced_svm, class_means, shrinkage_lda
from coldstart.training.probes import default_probe
from coldstart.training.scorers import NeighbourScorer


def drawn(n: int, dimension: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.concatenate([np.arange(classes), random.integers(classes, size=n - classes)])
    x = random.normal(size=(n, dimension)) + 2 * random.normal(size=(classes, dimension))[y]
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


@pytest.mark.parametrize("dimension", [6, 200])  # fewer dimensions than labels, and more
def test_lda_has_scikit_learns_covariance(dimension: int) -> None:
    x, y = drawn(40, dimension)
    [(coefficients, intercepts)] = shrinkage_lda(x, y, 4, [1.0])
    means = np.stack([x[y == one].mean(axis=0) for one in range(4)])
    covariance = LedoitWolf(assume_centered=True).fit(x - means[y]).covariance_
    expected = np.linalg.solve(covariance, means.T).T
    np.testing.assert_allclose(coefficients, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(intercepts, -0.5 * (expected * means).sum(axis=1), rtol=1e-6)


def test_lda_with_one_label_a_class_is_the_nearest_mean() -> None:
    x, y = drawn(4, 10)
    [(coefficients, intercepts)] = shrinkage_lda(x, y, 4, [1.0])
    assert ((x @ coefficients.T + intercepts).argmax(axis=1) == y).all()


@pytest.mark.parametrize("dimension", [6, 200])
def test_svm_is_scikit_learns(dimension: int) -> None:
    x, y = drawn(60, dimension)
    [(coefficients, intercepts)] = balanced_svm(x, y, 4, [1.0])
    reference = LinearSVC(
        C=1.0, class_weight="balanced", dual="auto", max_iter=5000, random_state=0
    ).fit(x, y)
    expected = reference.decision_function(x)
    np.testing.assert_allclose(x @ coefficients.T + intercepts, expected, atol=0.01)


def test_class_means_and_neighbours_are_scikit_learns() -> None:
    x, y = drawn(60, 20)
    new = drawn(200, 20)[0][60:]
    [(coefficients, intercepts)] = class_means(x, y, 4, [1.0])
    said = (new @ coefficients.T + intercepts).argmax(axis=1)
    assert (said == NearestCentroid().fit(x, y).predict(new)).all()
    nearest = NeighbourScorer(x, y, 1, 4).scores(new).argmax(axis=1)
    assert (nearest == KNeighborsClassifier(1).fit(x, y).predict(new)).all()


@pytest.mark.parametrize("model", PROBES)
def test_every_probe_survives_the_disk(model: str, tmp_path: Path) -> None:
    x, y = drawn(40, 12)
    names = [f"class {one}" for one in y]
    probe = fit_probe(x.astype(np.float32), names, model=model)
    probe.save(tmp_path)
    again = Probe.load(tmp_path)
    assert again.model == model
    assert (again.probabilities(x) == probe.probabilities(x)).all()


def test_the_default_does_not_fall_when_labels_are_added() -> None:
    pixels, digit = load_digits(return_X_y=True)
    x = (pixels - pixels.mean(axis=0)).astype(np.float32)
    means = []
    for budget in (20, 40, 80, 160):
        right = []
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(x))
            train, test = order[:budget], order[1000:]
            probe = fit_probe(x[train], digit[train].astype(str).tolist())
            said = np.array(probe.class_names)[probe.predict(x[test]).class_indices]
            right.append(np.mean(said == digit[test].astype(str)))
        means.append(np.mean(right))
    assert (np.diff(means) > 0).all(), means
    assert default_probe(40, 10) == "ridge"
    assert default_probe(160, 10) == "logistic"


def test_calibration_bins() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1.0, 4000)
    bins = calibration_bins(sure, random.uniform(size=4000) < sure)
    assert len(bins) == 8
    assert sum(one.images for one in bins) == 4000
    assert calibration_error(bins) < 0.03
    assert all(one.interval[0] <= one.right <= one.interval[1] for one in bins)
    too_sure = calibration_bins(sure, random.uniform(size=4000) < sure - 0.3)
    assert calibration_error(too_sure) == pytest.approx(0.3, abs=0.03)
    assert calibration_bins(sure[:49], np.ones(49, dtype=bool)) == ()
    assert calibration_error(()) is None
