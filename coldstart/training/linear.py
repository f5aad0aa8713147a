"""The linear models a probe can be: their arithmetic, on arrays.

Class-balanced means that every class has the same total weight, n / k, however many labels it
has: with few, unbalanced labels a plain model predicts the largest class for everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_EPSILON = float(np.finfo(np.float64).eps)

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

    Arguments as for `balanced_ridge`. The same model as scikit-learn's
    ``LogisticRegression(class_weight="balanced")``: what that checks at every call takes longer
    than fitting few labels, and here one strength goes on from the last. With two classes each has
    half of the one score, so that a softmax gives the logistic function.
    """
    from scipy.optimize import minimize

    turned, back = _turned(vectors)
    n, dimension = turned.shape
    size = count * dimension
    weights = _balanced_weights(classes, count) / n
    rows = np.arange(n)

    def loss(values: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
        coefficients, intercepts = values[:size].reshape(count, dimension), values[size:]
        scores = turned @ coefficients.T + intercepts
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[rows, classes]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        square = values[:size] @ values[:size]
        loss = float(weights @ (np.log(total) - own) + penalty / 2 * square)
        scores *= (weights / total)[:, None]
        scores[rows, classes] -= weights
        gradient = np.empty_like(values)
        gradient[:size] = (scores.T @ turned).ravel() + penalty * values[:size]
        gradient[size:] = scores.sum(axis=0)
        return loss, gradient

    fitted = []
    values = np.zeros(size + count)
    for strength in strengths:
        # Two classes: scikit-learn's one score is the difference of these two.
        penalty = (2 if count == 2 else 1) / (strength * n)
        # From the last strength's answer; scikit-learn's limits.
        values = minimize(
            loss,
            values,
            (penalty,),
            method="L-BFGS-B",
            jac=True,
            options={"maxiter": 1000, "maxls": 50, "gtol": 1e-4, "ftol": 64 * _EPSILON},
        ).x
        coefficients = values[:size].reshape(count, dimension)
        fitted.append((coefficients @ back, values[size:].copy()))
    return fitted


def balanced_svm(
    vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
) -> list[Weights]:
    """One-against-rest linear support vector machines, for each inverse penalty C.

    Arguments as for `balanced_ridge`; scikit-learn's ``LinearSVC`` (squared hinge).
    """
    from sklearn.svm import LinearSVC

    turned, back = _turned(vectors)
    fitted = []
    for strength in strengths:
        # Seeded: the coordinate descent goes through the rows in a random order.
        model = LinearSVC(
            C=strength, class_weight="balanced", dual="auto", max_iter=5000, random_state=0
        )
        model.fit(turned, classes)
        fitted.append(_one_score_a_class(model.coef_ @ back, model.intercept_))
    return fitted


def shrinkage_lda(
    vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
) -> list[Weights]:
    """Linear discriminants with equal priors and a Ledoit-Wolf covariance, for each multiple of
    its shrinkage in ``strengths``.

    One covariance within the classes, shrunk towards a multiple of the identity (Ledoit & Wolf
    2004). With one label a class there is nothing within them, and it is the nearest class mean.
    Arguments as for `balanced_ridge`; no (d, d) matrix is made while there are fewer labels than d.
    """
    from scipy.linalg import solve

    n, dimension = vectors.shape
    means = _class_means(vectors, classes, count)
    within = vectors - means[classes]
    products = within @ within.T  # (n, n)
    shrinkage, spread = _ledoit_wolf(products, dimension)
    fitted = []
    for strength in strengths:
        towards = float(np.clip(strength * shrinkage, 1e-3, 1.0))
        ridge = towards * spread if spread > 0 else 1.0
        if spread == 0 or towards == 1.0:
            coefficients = means / ridge
        elif n <= dimension:
            # Woodbury: (ridge I + share R'R)^-1 M' through an (n, n) system.
            share = (1 - towards) / n
            inner = solve(
                products + ridge / share * np.eye(n), within @ means.T, assume_a="pos"
            )  # (n, k)
            coefficients = (means - inner.T @ within) / ridge
        else:
            covariance = (1 - towards) / n * (within.T @ within) + ridge * np.eye(dimension)
            coefficients = solve(covariance, means.T, assume_a="pos").T
        fitted.append((coefficients, -0.5 * (coefficients * means).sum(axis=1)))
    return fitted


def class_means(
    vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
) -> list[Weights]:
    """The nearest class mean, as scores 2 x·m - |m|²; nothing is there to be tuned."""
    means = _class_means(vectors, classes, count)
    return [(2 * means, -(means**2).sum(axis=1)) for _ in strengths]


def _class_means(vectors: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    members = (classes == np.arange(count)[:, None]).astype(np.float64)  # (k, n)
    return members @ vectors / members.sum(axis=1, keepdims=True)


def _ledoit_wolf(products: np.ndarray, dimension: int) -> tuple[float, float]:
    """The shrinkage, 0 to 1, and the mean variance, from the (n, n) products of centred rows."""
    n = len(products)
    squares = np.diag(products)
    spread = float(squares.sum() / n / dimension)
    whole = float((products**2).sum() / n**2)
    noise = float(((squares**2).sum() / n - whole) / (dimension * n))
    distance = whole / dimension - spread**2
    if distance <= 0:
        return 1.0, spread
    return min(1.0, max(0.0, noise / distance)), spread


def _turned(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows in the coordinates of the space they span, and the way back: exact, for a penalty
    on the length of the coefficients knows no directions, and many times smaller on few labels."""
    n, dimension = vectors.shape
    if n >= dimension:
        return vectors, np.eye(dimension)
    basis, coordinates = np.linalg.qr(vectors.T)  # (d, n), (n, n)
    return np.ascontiguousarray(coordinates.T), basis.T


def _one_score_a_class(coefficients: np.ndarray, intercepts: np.ndarray) -> Weights:
    """scikit-learn has one score for two classes: each gets half of it."""
    if len(coefficients) == 1:
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    return coefficients, intercepts


def _balanced_weights(classes: np.ndarray, count: int) -> np.ndarray:
    """(n,) weights with mean 1 that give every class the same total."""
    return (len(classes) / (count * np.bincount(classes, minlength=count)))[classes]
