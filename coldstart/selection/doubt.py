"""What a model thinks of each image: given probabilities, or those of a probe fitted here.

The probe is a class-balanced logistic regression: a plain one collapses on few, unbalanced labels,
and any strategy that goes by its doubts with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.selection.exact import one_blas_thread
from coldstart.selection.pool import Pool

_STRENGTH = 10.0
_BINS = 10
_TEMPERATURES = np.arange(1.0, 20.05, 0.1)
_FOLDS = 5


@dataclass(frozen=True)
class Doubt:
    """(n, c) class ``probabilities`` and the name of each column."""

    probabilities: NDArray[np.float64]
    classes: list[Any]

    @property
    def margin(self) -> NDArray[np.float64]:
        """(n,) 1 - (p1 - p2): 1 where the two likeliest classes tie, 0 where one is certain."""
        top = np.partition(self.probabilities, -2, axis=1)[:, -2:]
        return 1 - (top[:, 1] - top[:, 0])

    @property
    def entropy(self) -> NDArray[np.float64]:
        """(n,) entropy as a share of the largest possible."""
        return entropy(self.probabilities) / np.log(self.probabilities.shape[1])

    @property
    def least_confidence(self) -> NDArray[np.float64]:
        """(n,) 1 - p1."""
        return 1 - self.probabilities.max(axis=1)

    def in_words(self, row: int) -> str:
        """The two likeliest classes of an image, as a reason for looking at it."""
        first, second = np.argsort(-self.probabilities[row], kind="stable")[:2]
        p = self.probabilities[row]
        return (
            f"the model hesitates between {self.classes[first]} ({p[first]:.0%}) "
            f"and {self.classes[second]} ({p[second]:.0%})"
        )


def entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy in nats over the last axis."""
    found: NDArray[np.float64] = -np.sum(
        probabilities * np.log(np.maximum(probabilities, 1e-300)), axis=-1
    )
    return found


def knows_two_classes(pool: Pool) -> bool:
    """Whether the pool brings probabilities, or labels of at least two classes to fit them on."""
    if pool.probabilities is not None:
        return True
    return pool.labels is not None and len(set(pool.labels.tolist())) > 1


def doubt_of(pool: Pool, strategy: str) -> Doubt:
    """The pool's own probabilities, else those of a probe fitted on its labels.

    Raises ValueError when there is neither; ``strategy`` names who asked.
    """
    if pool.probabilities is not None:
        columns = pool.probabilities.shape[1]
        return Doubt(
            pool.probabilities, pool.class_names or [f"class {one}" for one in range(columns)]
        )
    if not knows_two_classes(pool):
        raise ValueError(
            f"{strategy} goes by a model's doubts, so it needs probabilities, or labels of at "
            "least two classes; label a first batch with another strategy"
        )
    known: Doubt | None = pool.cache.get("doubt")
    if known is None:
        probe = fit_probe(pool.unit[pool.labelled], pool.labels)
        known = Doubt(probabilities_by(probe, pool), probe.classes_.tolist())
        pool.cache["doubt"] = known
    return known


def calibrated(pool: Pool, doubt: Doubt) -> tuple[Doubt, str]:
    """Probabilities softened by the temperature with the least calibration error (UHerding, §4),
    and a sentence about it. The error is measured on labelled images the probe was not fitted on;
    with fewer than two labels in some class that cannot be done."""
    counts = np.unique(pool.labels, return_counts=True)[1] if pool.labels is not None else [0]
    if pool.probabilities is not None or min(counts) < 2:
        return doubt, "Probabilities are used as they are: too few labels to calibrate them."
    held_out, right = _held_out(pool, min(_FOLDS, int(min(counts))))
    errors = [_calibration_error(_soften(held_out, one), right) for one in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(errors))])
    softened = Doubt(_soften(doubt.probabilities, temperature), doubt.classes)
    return softened, f"Probabilities are calibrated with temperature {temperature:.1f}."


def fit_probe(unit: NDArray[np.float32], labels: Any) -> Any:
    """A class-balanced logistic regression (scikit-learn's)."""
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000)
    with one_blas_thread():
        return probe.fit(unit, labels)


def probabilities_by(probe: Any, pool: Pool) -> NDArray[np.float64]:
    """(n, c) what a probe thinks of each image; of exact copies the same, to the last bit."""
    with one_blas_thread():
        found = probe.predict_proba(pool.unit)
    said: NDArray[np.float64] = found.astype(np.float64)[pool.lowest_copy]
    return said


def _held_out(pool: Pool, folds: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities of each labelled image by a probe that has not seen it, and its true column."""
    from sklearn.model_selection import StratifiedKFold

    classes, true = np.unique(np.asarray(pool.labels), return_inverse=True)
    unit = pool.unit[pool.labelled]
    out = np.zeros((len(true), len(classes)))
    for train, test in StratifiedKFold(folds).split(unit, true):
        probe = fit_probe(unit[train], true[train])
        out[np.ix_(test, probe.classes_)] = probe.predict_proba(unit[test])
    return out, true


def _soften(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    softened: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return softened


def _calibration_error(probabilities: NDArray[np.float64], true: NDArray[np.int64]) -> float:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == true
    of_bin = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gap = np.bincount(of_bin, weights=confidence - right, minlength=_BINS)
    return float(np.abs(gap).sum() / len(true))
