"""The two class-balanced linear models a probe can be: their arithmetic, on arrays.

Class-balanced means that every class has the same total weight, n / k, however many labels it
has: with few, unbalanced labels a plain model predicts the largest class for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Weights = tuple[np.ndarray, np.ndarray]
"""Coefficients (k, d) and intercepts (k,), float64: the scores of X are X @ coefficients.T + b."""


def balanced_ridge(
    vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
) -> list[Weights]:
    """One-against-rest least squares on ±1 with an L2 penalty, for each penalty in ``strengths``.

    The same model as scikit-learn's ``RidgeClassifier(class_weight="balanced")``; the products of
    the vectors are computed once for all penalties.

    vectors : (n, d) float; classes : (n,) int64 in 0..count-1, each occurring at least once.
    """
    from scipy.linalg import solve

    n, dimension = vectors.shape
    weights = _balanced_weights(classes, count)
    targets = np.where(classes[:, None] == np.arange(count), 1.0, -1.0)
    centre = weights @ vectors / n
    target_centre = weights @ targets / n
    root = np.sqrt(weights)[:, None]
    x = (vectors - centre) * root
    y = (targets - target_centre) * root
    if n <= dimension:
        products = x @ x.T
        penalties = (strength * np.eye(n) for strength in strengths)
        fitted = [solve(products + penalty, y, assume_a="pos").T @ x for penalty in penalties]
    else:
        products, right = x.T @ x, x.T @ y
        penalties = (strength * np.eye(dimension) for strength in strengths)
        fitted = [solve(products + penalty, right, assume_a="pos").T for penalty in penalties]
    return [(coefficients, target_centre - coefficients @ centre) for coefficients in fitted]


def balanced_logistic(
    vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
) -> list[Weights]:
    """Multinomial logistic regression, for each inverse penalty C in ``strengths``.

    Arguments as for `balanced_ridge`. With two classes each has half of the one score, so that a
    softmax gives the logistic function.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = []
    for strength in strengths:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
        model.fit(vectors, classes)
        coefficients, intercepts = model.coef_, model.intercept_
        if count == 2:
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        fitted.append((coefficients, intercepts))
    return fitted


def _balanced_weights(classes: np.ndarray, count: int) -> np.ndarray:
    """(n,) weights with mean 1 that give every class the same total."""
    return (len(classes) / (count * np.bincount(classes, minlength=count)))[classes]


@dataclass(frozen=True)
class ProbeModel:
    """One kind of probe.

    ``strengths`` of the penalty are tried from the strongest on; the first is taken while there
    are too few labels to choose by. ``temperature`` divides the scores before the softmax until
    there are labels enough to fit it; that of ridge was between 0.07 (digits) and 0.6 (photos with
    poor embeddings) where it was measured, at 1 to 10 labels per class.
    """

    name: str
    title: str
    words: str
    strengths: tuple[float, ...]
    temperature: float
    fit: Callable[[np.ndarray, np.ndarray, int, Sequence[float]], list[Weights]]


PROBES: dict[str, ProbeModel] = {
    model.name: model
    for model in (
        ProbeModel(
            "ridge",
            "Balanced ridge",
            "Least squares with every class weighted alike; sound from one label per class on.",
            (1.0, 0.3, 0.1),
            0.2,
            balanced_ridge,
        ),
        ProbeModel(
            "logistic",
            "Balanced logistic regression",
            "Maximum likelihood with every class weighted alike; as good, and slower.",
            (1.0, 3.0, 10.0),
            1.0,
            balanced_logistic,
        ),
    )
}
"""Every kind of probe, the default first."""

DEFAULT_PROBE = next(iter(PROBES))
