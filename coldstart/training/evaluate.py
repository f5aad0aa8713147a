"""How good a probe is, measured on the labelled images themselves, and what that is worth.

Without an audit set all there is are images that somebody chose: cross-validation says how well
the probe predicts *those* when they are left out. It is no estimate of the accuracy on the pool,
in either direction, and `Evaluation.how` says so wherever the number goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from coldstart.progress import Progress, silent
from coldstart.training.calibration import CalibrationBin, calibration_bins
from coldstart.training.folds import group_numbers, stratified_folds
from coldstart.training.intervals import clopper_pearson
from coldstart.training.out_of_fold import OutOfFold
from coldstart.training.probe import check_training_data, fit_probe
from coldstart.training.probes import AUTOMATIC, probe_model
from coldstart.training.threads import in_one_thread

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
    The intervals are exact 95% limits of the two.
    """

    class_name: str
    labels: int
    precision: float | None
    recall: float | None
    f1: float | None
    precision_interval: tuple[float, float] | None = None
    recall_interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured. Everything but ``how`` and the counts is None when it is too few to say.

    accuracy : mean over the repeats of the share predicted right. interval : exact 95% limits.
    confusion : (k, k) float64, row = label, column = prediction, out of fold, mean over the
    repeats; its rows add up to the labels of each class. predicted : (n,) int64, the out-of-fold
    prediction of the first repeat. probe : a key of `PROBES`. calibration : bins of left-out
    predictions, empty when there are too few. out_of_fold : what was said of each image.
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
    probe: str = ""
    calibration: tuple[CalibrationBin, ...] = ()
    out_of_fold: OutOfFold | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything but what was said of single images, as JSON can hold it."""
        result: dict[str, Any] = {
            name: value
            for name, value in vars(self).items()
            if name not in ("per_class", "confusion", "predicted", "calibration", "out_of_fold")
        }
        result["class_names"] = list(self.class_names)
        result["interval"] = None if self.interval is None else list(self.interval)
        result["per_class"] = [vars(one) for one in self.per_class]
        result["calibration"] = [vars(one) for one in self.calibration]
        result["confusion"] = None if self.confusion is None else self.confusion.tolist()
        return result

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Evaluation:
        """What `as_dict` wrote, without what was said of single images."""
        confusion = values["confusion"]
        known = {one.name for one in fields(cls)}
        return cls(
            **{name: value for name, value in values.items() if name in known}
            | {
                "class_names": tuple(values["class_names"]),
                "interval": _pair(values["interval"]),
                "per_class": tuple(_class_from_dict(one) for one in values["per_class"]),
                "confusion": None if confusion is None else np.array(confusion),
                "predicted": None,
                "calibration": tuple(
                    CalibrationBin(**one | {"interval": _pair(one["interval"])})
                    for one in values.get("calibration", ())
                ),
            }
        )


@in_one_thread
def cross_validate(
    vectors: np.ndarray,
    class_names: Sequence[str],
    *,
    content_hashes: Sequence[str] | None = None,
    image_ids: Sequence[int] | None = None,
    model: str = AUTOMATIC,
    repeats: int | None = None,
    picked_by: str = "a strategy",
    seed: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Stratified, repeated 5-fold cross-validation of the probe on the labelled images.

    Everything that `fit_probe` chooses by the labels it chooses anew within each fold, from that
    fold's training images alone. Copies of one picture (equal ``content_hashes``) are never on
    both sides, and the interval counts them as one picture.

    vectors : (n, d) float. class_names : the n labels. image_ids : what `Evaluation.out_of_fold`
    calls them (default: their rows). repeats : None takes 5 up to 200 labels, 3
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
    # Chosen once for all folds, so that one kind of probe is measured and not two.
    model = probe_model(model, len(classes), len(names)).name
    votes = np.zeros((len(classes), len(names)), dtype=np.int64)
    total = np.zeros((len(classes), len(names)), dtype=np.float64)
    sure, right = [], []
    first = np.empty(0, dtype=np.int64)
    for repeat in range(repeats):
        folds = stratified_folds(classes, groups, FOLDS, seed + repeat)
        said = np.zeros((len(classes), len(names)), dtype=np.float64)
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
            columns = np.searchsorted(names, probe.class_names)
            said[np.ix_(test, columns)] = probe.probabilities(vectors[test])
        predicted = said.argmax(axis=1)
        votes[np.arange(len(classes)), predicted] += 1
        total += said
        sure.append(said.max(axis=1))
        right.append(predicted == classes)
        first = predicted if repeat == 0 else first
    progress(repeats * FOLDS, repeats * FOLDS, "cross-validating")
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, classes, votes / repeats)

    distinct = pictures / len(classes)
    accuracy = float(np.trace(confusion) / len(classes))
    per_class = tuple(
        _class_result(name, which, confusion, distinct) for which, name in enumerate(names)
    )
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
        probe=model,
        calibration=calibration_bins(np.concatenate(sure), np.concatenate(right), repeats),
        out_of_fold=OutOfFold(
            image_ids=np.arange(len(classes)) if image_ids is None else np.asarray(image_ids),
            class_names=names,
            labels=classes,
            votes=votes,
            probabilities=(total / repeats).astype(np.float32),
        ),
    )


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


def _class_result(name: str, which: int, confusion: np.ndarray, distinct: float) -> ClassResult:
    """``distinct`` is the share of the labelled images that are pictures of their own."""
    right = confusion[which, which]
    labels, predicted = confusion[which].sum(), confusion[:, which].sum()
    return ClassResult(
        class_name=name,
        labels=round(labels),
        precision=float(right / predicted) if predicted else None,
        recall=float(right / labels),
        f1=float(2 * right / (labels + predicted)),
        precision_interval=_limits(right, predicted, distinct),
        recall_interval=_limits(right, labels, distinct),
    )


def _limits(right: float, n: float, distinct: float) -> tuple[float, float] | None:
    return clopper_pearson(right * distinct, n * distinct) if n else None


def _class_from_dict(values: dict[str, Any]) -> ClassResult:
    return ClassResult(
        **values
        | {name: _pair(values.get(name)) for name in ("precision_interval", "recall_interval")}
    )


def _pair(values: Sequence[float] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])


def _how(
    model: str, labels: int, pictures: int, repeats: int, picked_by: str, lone: np.ndarray
) -> str:
    copies = "" if pictures == labels else f" ({pictures} different pictures; copies stay together)"
    title = probe_model(model).title
    times = "" if repeats == 1 else f", repeated {repeats} times"
    sentences = [
        f"Measured by {FOLDS}-fold cross-validation{times}, on the {labels} labelled images"
        f"{copies}: each was predicted by {title[0].lower()}{title[1:]} trained without it, on "
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
