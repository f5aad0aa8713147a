"""The strength of a probe's penalty and its softmax temperature, chosen by cross-validation."""

from __future__ import annotations

import numpy as np

from coldstart.progress import Progress
from coldstart.training.folds import stratified_folds
from coldstart.training.probes import ProbeModel

LABELS_TO_TUNE = 20
CONTENTS_TO_TUNE = 3
MANY_LABELS = 300


def tuning_folds(classes: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray | None:
    """Five folds of the classes that have enough pictures, three of many labels; None for few."""
    count = 5 if len(classes) <= MANY_LABELS else 3
    folds = stratified_folds(classes, groups, count, seed, rare_below=CONTENTS_TO_TUNE)
    held_out = folds >= 0
    enough = len(classes) >= LABELS_TO_TUNE and len(np.unique(classes[held_out])) >= 2
    return folds if enough else None


def tune(
    model: ProbeModel,
    x: np.ndarray,
    classes: np.ndarray,
    count: int,
    folds: np.ndarray,
    progress: Progress,
) -> tuple[float, float]:
    """The strength and the temperature under which labels left out are most likely."""
    scores = np.full((len(model.strengths), len(x), count), -np.inf)
    total = int(folds.max()) + 1
    for fold in range(total):
        progress(fold, total, "choosing the strength of the penalty")
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        # A class may be missing here when copies of one picture have different labels.
        present, within = np.unique(classes[train], return_inverse=True)
        if len(test) == 0 or len(present) < 2:
            continue
        fitted = model.fit(x[train], within, len(present), model.strengths)
        for which, scorer in enumerate(fitted):
            scores[which][np.ix_(test, present)] = scorer.scores(x[test])
    rows = np.flatnonzero(np.isfinite(scores[0][np.arange(len(x)), classes]))
    if len(rows) == 0:
        return model.strengths[0], model.temperature
    tried = [
        (*fit_temperature(one[rows], classes[rows], model.temperature), strength)
        for one, strength in zip(scores, model.strengths)
    ]
    _, temperature, strength = min(tried, key=lambda found: found[0])
    return strength, temperature


def fit_temperature(
    scores: np.ndarray, classes: np.ndarray, expected: float
) -> tuple[float, float]:
    """The mean negative log likelihood at the best temperature, and that temperature.

    A weak prior around ``expected`` (one factor e each way) keeps it finite when few labels are
    all predicted right (Guo et al., ICML 2017, without the prior).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(log_temperature: float) -> float:
        likelihood = log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float(likelihood[np.arange(len(classes)), classes].mean())

    middle = np.log(expected)
    best = minimize_scalar(
        lambda t: loss(t) + (t - middle) ** 2 / (2 * len(classes)),
        bounds=(middle - 4, middle + 4),
        method="bounded",
    ).x
    return loss(best), float(np.exp(best))
