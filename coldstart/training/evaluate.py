"""How good a probe is, measured on the labelled images themselves, and what that is worth.

Without an audit set all there is are images that somebody chose: cross-validation says how well
the probe predicts *those* when they are left out. It is no estimate of the accuracy on the pool,
in either direction, and `Evaluation.how` says so wherever the number goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coldstart.progress import Progress, silent
from coldstart.training.folds import group_numbers, stratified_folds
from coldstart.training.linear import DEFAULT_PROBE, PROBES
from coldstart.training.probe import check_training_data, fit_probe

PICTURES_TO_SAY = 20
"""With fewer labelled pictures no accuracy is given: the interval would be some 45 points wide."""

LONE_SHARE_TO_SAY = 0.1
"""No accuracy is given when a larger share of the pictures is the only one of its class."""

FOLDS = 5


@dataclass(frozen=True)
class ClassResult:
    """One class: how many labels it has, and how well it was predicted (None: cannot be said).

    precision : of the images predicted to be of this class, the share that are; None when none
    was predicted. recall : of the images of this class, the share that were predicted to be.
    """

    class_name: str
    labels: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured. Everything but ``how`` and the counts is None when it is too few to say.

    accuracy : mean over the repeats of the share predicted right. interval : exact 95% limits.
    confusion : (k, k) float64, row = label, column = prediction, out of fold, mean over the
    repeats; its rows add up to the labels of each class. predicted : (n,) int64, the out-of-fold
    prediction of the first repeat, for opening the images behind a cell.
    """

    class_names: tuple[str, ...]
    labels: int
    pictures: int
    accuracy: float | None
    interval: tuple[float, float] | None
    balanced_accuracy: float | None
    macro_f1: float | None
    per_class: tuple[ClassResult, ...]
    confusion: np.ndarray | None
    predicted: np.ndarray | None
    how: str

    def as_dict(self) -> dict[str, Any]:
        """Everything but the (n,) predictions, as JSON can hold it."""
        result: dict[str, Any] = {
            name: value
            for name, value in vars(self).items()
            if name not in ("per_class", "confusion", "predicted")
        }
        result["class_names"] = list(self.class_names)
        result["interval"] = None if self.interval is None else list(self.interval)
        result["per_class"] = [vars(one) for one in self.per_class]
        result["confusion"] = None if self.confusion is None else self.confusion.tolist()
        return result


def cross_validate(
    vectors: np.ndarray,
    class_names: Sequence[str],
    *,
    content_hashes: Sequence[str] | None = None,
    model: str = DEFAULT_PROBE,
    repeats: int | None = None,
    picked_by: str = "a strategy",
    seed: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Stratified, repeated 5-fold cross-validation of the probe on the labelled images.

    Everything that `fit_probe` chooses by the labels it chooses anew within each fold, from that
    fold's training images alone. Copies of one picture (equal ``content_hashes``) are never on
    both sides, and the interval counts them as one picture.

    vectors : (n, d) float. class_names : the n labels. repeats : None takes 5 up to 200 labels, 3
    up to 1,000, else 1. picked_by : what chose the images, for the sentence in ``how``.

    Raises ColdstartError as `fit_probe` does (no labels, one class, embeddings that do not fit).
    """
    names, classes = check_training_data(vectors, class_names)
    groups = group_numbers(content_hashes, len(classes))
    pictures = len(np.unique(groups))
    counts = np.bincount(classes, minlength=len(names))
    why_not = _too_few(names, classes, groups)
    if why_not:
        return _unsaid(names, counts, pictures, why_not)

    if repeats is None:
        repeats = 5 if len(classes) <= 200 else 3 if len(classes) <= 1000 else 1
    labels = np.asarray(class_names, dtype=object)
    confusion = np.zeros((len(names), len(names)))
    first = np.empty(0, dtype=np.int64)
    for repeat in range(repeats):
        folds = stratified_folds(classes, groups, FOLDS, seed + repeat)
        predicted = np.empty(len(classes), dtype=np.int64)
        for fold in range(FOLDS):
            progress(repeat * FOLDS + fold, repeats * FOLDS, "cross-validating")
            test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            if len(test) == 0:
                continue
            probe = fit_probe(
                vectors[train],
                labels[train].tolist(),
                model=model,
                content_hashes=groups[train].astype(str).tolist(),
                seed=seed + repeat,
            )
            column_of = np.searchsorted(names, probe.class_names)
            predicted[test] = column_of[probe.predict(vectors[test]).class_indices]
        np.add.at(confusion, (classes, predicted), 1.0)
        first = predicted if repeat == 0 else first
    progress(repeats * FOLDS, repeats * FOLDS, "cross-validating")
    confusion /= repeats

    accuracy = float(np.trace(confusion) / len(classes))
    per_class = tuple(_class_result(name, which, confusion) for which, name in enumerate(names))
    return Evaluation(
        class_names=names,
        labels=len(classes),
        pictures=pictures,
        accuracy=accuracy,
        interval=clopper_pearson(accuracy * pictures, pictures),
        balanced_accuracy=float(np.mean([one.recall for one in per_class])),
        macro_f1=float(np.mean([one.f1 for one in per_class])),
        per_class=per_class,
        confusion=confusion,
        predicted=first,
        how=_how(model, len(classes), pictures, repeats, picked_by, _lone(classes, groups)),
    )


def clopper_pearson(right: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact limits for a share of which ``right`` of ``n`` were seen (Clopper & Pearson 1934).

    ``right`` may lie between two whole numbers, as the mean of several counts does.
    """
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if right < 1e-9 else float(beta.ppf(tail, right, n - right + 1))
    high = 1.0 if n - right < 1e-9 else float(beta.ppf(1 - tail, right + 1, n - right))
    return low, high


def _lone(classes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The classes of which there is one picture only."""
    first = np.unique(groups, return_index=True)[1]
    found, pictures = np.unique(classes[first], return_counts=True)
    return found[pictures == 1]


def _too_few(names: tuple[str, ...], classes: np.ndarray, groups: np.ndarray) -> str:
    """Why nothing can be said yet; empty when something can."""
    first = np.unique(groups, return_index=True)[1]
    pictures = len(first)
    if pictures < PICTURES_TO_SAY:
        return (
            f"{pictures} different pictures have a class, and it takes {PICTURES_TO_SAY} to "
            "measure anything."
        )
    lone = _lone(classes, groups)
    several = len(np.unique(classes[first])) - len(lone)
    if several < 2 or len(lone) > LONE_SHARE_TO_SAY * pictures:
        shown = ", ".join(f"“{names[which]}”" for which in lone[:3])
        more = f" and {len(lone) - 3} more" if len(lone) > 3 else ""
        return (
            f"There is only one labelled picture of {shown}{more}, which cannot be learned and "
            "tested at once: label one more of each."
        )
    return ""


def _unsaid(names: tuple[str, ...], counts: np.ndarray, pictures: int, why: str) -> Evaluation:
    return Evaluation(
        class_names=names,
        labels=int(counts.sum()),
        pictures=pictures,
        accuracy=None,
        interval=None,
        balanced_accuracy=None,
        macro_f1=None,
        per_class=tuple(
            ClassResult(name, int(count), None, None, None) for name, count in zip(names, counts)
        ),
        confusion=None,
        predicted=None,
        how=f"Too few to say. {why}",
    )


def _class_result(name: str, which: int, confusion: np.ndarray) -> ClassResult:
    right = confusion[which, which]
    labels, predicted = confusion[which].sum(), confusion[:, which].sum()
    return ClassResult(
        class_name=name,
        labels=round(labels),
        precision=float(right / predicted) if predicted else None,
        recall=float(right / labels),
        f1=float(2 * right / (labels + predicted)),
    )


def _how(
    model: str, labels: int, pictures: int, repeats: int, picked_by: str, lone: np.ndarray
) -> str:
    copies = "" if pictures == labels else f" ({pictures} different pictures; copies stay together)"
    times = "" if repeats == 1 else f", repeated {repeats} times"
    sentences = [
        f"Measured by {FOLDS}-fold cross-validation{times}, on the {labels} labelled images"
        f"{copies}: each was predicted by {PROBES[model].title.lower()} trained without it, on "
        "four fifths of the labels.",
        f"These images were picked by {picked_by} and are not a random draw from the pool, so on "
        "the pool the accuracy may be higher or lower, and by more than the interval says: the "
        "interval (exact, 95%) covers chance only.",
    ]
    if len(lone):
        sentences.insert(
            1,
            f"{len(lone)} {'class has' if len(lone) == 1 else 'classes have'} one picture only, "
            "which cannot be learned without it and counts as wrong.",
        )
    return " ".join(sentences)
