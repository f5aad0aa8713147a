"""The one list of probes: kinds of classifiers on frozen embeddings, and the default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.training.linear import (
    Weights,
    balanced_logistic,
    balanced_ridge,
    balanced_svm,
    class_means,
    shrinkage_lda,
)
from coldstart.training.scorers import LinearScorer, NeighbourScorer, Scorer

Fit = Callable[[np.ndarray, np.ndarray, int, Sequence[float]], list[Scorer]]

AUTOMATIC = "auto"
DEFAULT_PROBE = "ridge"
LABELS_A_CLASS = 5


@dataclass(frozen=True)
class ProbeModel:
    """One kind of probe.

    ``strengths`` of the penalty (the number of neighbours, for k-NN) are tried in their order; the
    first is taken while there are too few labels to choose by. ``temperature`` divides the scores
    before the softmax until there are labels enough to fit it; that of ridge was between 0.07
    (digits) and 0.6 (photos with poor embeddings) where it was measured, at 1 to 10 labels a class.
    ``fit`` takes (n, d) unit vectors, their (n,) classes in 0..k-1, k and the strengths.
    """

    name: str
    title: str
    words: str
    strengths: tuple[float, ...]
    temperature: float
    fit: Fit


def default_probe(labels: int, classes: int) -> str:
    """The name of the probe to take with so many labels of so many classes.

    Ridge below five labels a class, logistic regression from then on. In `benchmarks/probes.py`, on
    three kinds of images, ridge is ahead by up to 2.2 points on very few labels; later it
    falls behind by up to three where labels are picked for doubt, and logistic regression does not.
    The accuracy of neither the one nor the other, so joined, fell when labels were added.
    """
    return DEFAULT_PROBE if labels < LABELS_A_CLASS * classes else "logistic"


def probe_model(name: str, labels: int = 0, classes: int = 0) -> ProbeModel:
    """The probe of that name; ``auto`` takes `default_probe`.

    Raises ColdstartError when there is none.
    """
    chosen = PROBES.get(default_probe(labels, classes) if name == AUTOMATIC else name)
    if chosen is None:
        raise ColdstartError(
            f"There is no probe “{name}”.", f"Use one of {', '.join((AUTOMATIC, *PROBES))}."
        )
    return chosen


def _linear(
    fit: Callable[[np.ndarray, np.ndarray, int, Sequence[float]], list[Weights]],
) -> Fit:
    def fit_scorers(
        vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
    ) -> list[Scorer]:
        return [LinearScorer(*weights) for weights in fit(vectors, classes, count, strengths)]

    return fit_scorers


def _neighbours(
    vectors: np.ndarray, classes: np.ndarray, count: int, strengths: Sequence[float]
) -> list[Scorer]:
    return [NeighbourScorer(vectors, classes, int(strength), count) for strength in strengths]


PROBES: dict[str, ProbeModel] = {
    model.name: model
    for model in (
        ProbeModel(
            "ridge",
            "Balanced ridge",
            "Least squares with every class weighted alike; sound from one label per class on.",
            (1.0, 0.3, 0.1),
            0.2,
            _linear(balanced_ridge),
        ),
        ProbeModel(
            "logistic",
            "Balanced logistic regression",
            "Maximum likelihood with every class weighted alike; as good, and slower.",
            (1.0, 3.0, 10.0),
            1.0,
            _linear(balanced_logistic),
        ),
        ProbeModel(
            "svm",
            "Linear SVM",
            "The widest margin, every class weighted alike; a little behind on few labels.",
            (1.0, 3.0, 10.0),
            0.3,
            _linear(balanced_svm),
        ),
        ProbeModel(
            "lda",
            "Shrinkage LDA",
            "Gaussian classes of one shape, shrunk by Ledoit and Wolf's rule; for many labels.",
            (1.0,),
            3.0,
            _linear(shrinkage_lda),
        ),
        ProbeModel(
            "knn",
            "k nearest neighbours",
            "The vote of the nearest labelled images; no shape of the classes is assumed.",
            (1.0, 3.0, 5.0, 9.0, 15.0),
            1.0,
            _neighbours,
        ),
        ProbeModel(
            "means",
            "Nearest class mean",
            "One average image a class; hard to beat with one label a class, soon behind.",
            (1.0,),
            0.2,
            _linear(class_means),
        ),
    )
}
"""Every kind of probe, in the order in which pages offer them."""
