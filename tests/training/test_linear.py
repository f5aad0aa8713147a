"""The linear models against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from coldstart.training.linear import balanced_logistic, balanced_ridge
from coldstart.training.probe import softmax


def unbalanced(classes: int, dimension: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), random.choice(classes, 40, p=_skewed(classes))])
    x = random.normal(size=(len(y), dimension)) + 2 * random.normal(size=(classes, dimension))[y]
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


def _skewed(classes: int) -> np.ndarray:
    shares = 0.5 ** np.arange(classes)
    return shares / shares.sum()


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("dimension", [6, 200])  # fewer dimensions than labels, and more
def test_ridge_is_scikit_learns(classes: int, dimension: int) -> None:
    x, y = unbalanced(classes, dimension)
    for alpha, (coefficients, intercepts) in zip(
        (1.0, 0.1), balanced_ridge(x, y, classes, (1.0, 0.1))
    ):
        reference = RidgeClassifier(alpha=alpha, class_weight="balanced").fit(x, y)
        scores = x @ coefficients.T + intercepts
        expected = reference.decision_function(x)
        if classes == 2:
            np.testing.assert_allclose(scores[:, 1], expected, atol=1e-8)
            np.testing.assert_allclose(scores[:, 0], -expected, atol=1e-8)
        else:
            np.testing.assert_allclose(scores, expected, atol=1e-8)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("dimension", [10, 200])
def test_logistic_is_scikit_learns(classes: int, dimension: int) -> None:
    """Each strength, whatever came before it, near where scikit-learn ends when it goes on."""
    x, y = unbalanced(classes, dimension)
    strengths = (0.3, 3.0, 30.0)
    fitted = balanced_logistic(x, y, classes, strengths)
    for strength, (coefficients, intercepts) in zip(strengths, fitted, strict=True):
        reference = LogisticRegression(
            C=strength, class_weight="balanced", max_iter=10_000, tol=1e-9
        ).fit(x, y)
        probabilities = softmax(x @ coefficients.T + intercepts)
        np.testing.assert_allclose(probabilities, reference.predict_proba(x), atol=3e-3)
