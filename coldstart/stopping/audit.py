"""Measured accuracy, with an exact 95% interval that stays valid although it is looked at often.

Every look asks about a *new* model on all audit labels so far, so a confidence sequence, which
speaks of one unchanging share, would not be valid. What holds without further assumptions is alpha
spending: at most `LOOKS` looks are taken, each an exact Clopper-Pearson interval at 5% / `LOOKS`.
All of them hold together with at least 95% (Bonferroni), so the one a person stops at does too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

FEWEST_AUDIT_LABELS = 30
"""With fewer nothing is said: the interval would be some 30 points wide."""

RUNGS = (30, 40, 55, 75, 100, 135, 180, 240, 320)
"""Audit labels at which a look is due; each about a third more than the one before."""

GROWTH_FOR_A_LOOK = 1.5
"""A look is also due when all labels have grown by this much: the model is no longer the same."""

SMALLEST_STEP = 1.2
"""A rung that is nearer than this to the last look is passed over."""

ALPHA = 0.05
LOOKS = 9
"""With nine an interval is never more than 1.6 times as wide as that of one single look."""


@dataclass(frozen=True)
class AuditLook:
    """One look: what was measured, and what may be said about it.

    Attributes
    ----------
    number : 1 for the first look of this audit.
    audit_labels, right : answers so far, and how many of them the model predicted.
    training_labels : labels the judged model was trained on; none of them an audit label.
    accuracy : right / audit_labels. interval : exact limits, valid at all looks together.
    unseen_share : Good-Turing estimate of the share of the pool whose class has no label yet.
    unseen_at_most : the share of the pool in classes without a training label, exact upper limit.
    """

    number: int
    audit_labels: int
    right: int
    training_labels: int
    accuracy: float
    interval: tuple[float, float]
    unseen_share: float
    unseen_at_most: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it; `from_dict` takes it back."""
        return {**asdict(self), "interval": list(self.interval)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AuditLook:
        """The look that `as_dict` described; unknown keys are ignored."""
        known = {one.name: values[one.name] for one in fields(cls)}
        return cls(**{**known, "interval": tuple(values["interval"])})


@dataclass(frozen=True)
class MeasuredAccuracy:
    """What the audit says now.

    Attributes
    ----------
    audit_labels : audit images with a class. unanswered : those that were skipped or unsure.
    looks : every look of this audit, to be kept and handed in next time.
    new_look : whether the last of ``looks`` was taken just now.
    one_class : the class of all audit labels when there is only one; None otherwise.
    words : what a person should know, one sentence each, the main one first.
    """

    audit_labels: int
    unanswered: int
    looks: tuple[AuditLook, ...]
    new_look: bool
    one_class: str | None
    words: tuple[str, ...]

    @property
    def look(self) -> AuditLook | None:
        """The look that stands; None when there are too few audit labels to say."""
        if self.audit_labels < FEWEST_AUDIT_LABELS or not self.looks:
            return None
        return self.looks[-1]


def measure_accuracy(
    predicted: Sequence[str | None],
    truth: Sequence[str | None],
    training_classes: Sequence[str],
    looks: Sequence[AuditLook] = (),
) -> MeasuredAccuracy:
    """Judge a model by the audit images, if a look is due; else the last look stands.

    The model must never have been trained, tuned or chosen on the audit labels.

    Parameters
    ----------
    predicted : what the model says of each audit image; None where it cannot say (no vector), which
        counts as wrong.
    truth : the person's answers in the same order; None for skipped or unsure, which do not count.
    training_classes : the class of each label the model was trained on.
    looks : the looks taken before, oldest first. They must be kept and handed in: the 5% that may
        go wrong is shared out among them.

    Raises ValueError when ``predicted`` and ``truth`` differ in length.
    """
    if len(predicted) != len(truth):
        raise ValueError(f"{len(predicted)} predictions for {len(truth)} audit images")
    pairs = [(guess, answer) for guess, answer in zip(predicted, truth) if answer is not None]
    answers = [answer for _, answer in pairs]
    taken = tuple(looks)
    # Without a model there is nothing to judge, and no look to spend on it.
    has_model = len(set(training_classes)) > 1 and any(guess is not None for guess, _ in pairs)
    due = has_model and look_is_due(len(pairs), len(training_classes), taken)
    if due:
        right = sum(guess == answer for guess, answer in pairs)
        taken += (_look(len(taken) + 1, right, answers, training_classes),)
    kinds = set(answers)
    one_class = kinds.pop() if len(kinds) == 1 and len(answers) >= FEWEST_AUDIT_LABELS else None
    unanswered = len(truth) - len(pairs)
    words = _words(len(pairs), unanswered, taken, len(training_classes), one_class)
    return MeasuredAccuracy(len(pairs), unanswered, taken, due, one_class, tuple(words))


def look_is_due(audit_labels: int, training_labels: int, looks: Sequence[AuditLook]) -> bool:
    """Whether the audit may be looked at now. It depends on counts alone, never on the answers."""
    return labels_until_a_look(audit_labels, training_labels, looks) == 0


def labels_until_a_look(
    audit_labels: int, training_labels: int, looks: Sequence[AuditLook]
) -> int | None:
    """After how many more labels, all of them for the audit, a look is due; None: all are taken."""
    if len(looks) >= LOOKS:
        return None
    missing = max(0, FEWEST_AUDIT_LABELS - audit_labels)
    if not looks:
        return missing
    last = looks[-1]
    before = last.audit_labels + last.training_labels
    steps = [math.ceil(GROWTH_FOR_A_LOOK * before) - audit_labels - training_labels]
    steps += [r - audit_labels for r in RUNGS if r >= SMALLEST_STEP * last.audit_labels]
    return max(missing, min(steps))


def clopper_pearson(right: int, n: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Exact two-sided limits for a share of which ``right`` of ``n`` were seen (1934)."""
    from scipy.stats import beta

    low = 0.0 if right == 0 else float(beta.ppf(alpha / 2, right, n - right + 1))
    high = 1.0 if right == n else float(beta.ppf(1 - alpha / 2, right + 1, n - right))
    return low, high


def unseen_classes(
    answers: Sequence[str], training_classes: Iterable[str], alpha: float = ALPHA
) -> tuple[float, float]:
    """How much of the pool is in classes without a label: an estimate, and an exact upper limit.

    The estimate is Good-Turing's f1 / n with the training labels counted as seen: the share of
    audit images that are the only label of their class. The upper limit (one-sided, Clopper and
    Pearson) is for classes without a *training* label, which the audit cannot have influenced; the
    classes without any label are among them, so it holds for both.
    """
    known = set(training_classes)
    strangers = [answer for answer in answers if answer not in known]
    lone = sum(strangers.count(one) == 1 for one in set(strangers))
    at_most = clopper_pearson(len(strangers), len(answers), 2 * alpha)[1]
    return lone / len(answers), at_most


def _look(
    number: int, right: int, answers: Sequence[str], training_classes: Sequence[str]
) -> AuditLook:
    share = ALPHA / LOOKS
    unseen, at_most = unseen_classes(answers, training_classes, share)
    return AuditLook(
        number=number,
        audit_labels=len(answers),
        right=right,
        training_labels=len(training_classes),
        accuracy=right / len(answers),
        interval=clopper_pearson(right, len(answers), share),
        unseen_share=unseen,
        unseen_at_most=at_most,
    )


def _words(
    audit_labels: int,
    unanswered: int,
    looks: tuple[AuditLook, ...],
    training_labels: int,
    one_class: str | None,
) -> list[str]:
    plural = "" if audit_labels == 1 else "s"
    if audit_labels < FEWEST_AUDIT_LABELS:
        words = [
            f"{audit_labels} audit label{plural}: too few to say how good the model is; "
            f"{FEWEST_AUDIT_LABELS} are needed."
        ]
        if looks:
            words.append(
                f"There were {looks[-1].audit_labels} at the last look; some have been withdrawn."
            )
        return words + _unanswered(unanswered)
    if not looks:
        return [f"{audit_labels} audit labels wait for a first model to judge."]
    last = looks[-1]
    words = [
        f"The model was right on {last.right} of {last.audit_labels} images drawn at random that "
        f"it had never seen ({last.accuracy:.0%}); with 95% confidence it is right on "
        f"{last.interval[0]:.0%} to {last.interval[1]:.0%} of all."
    ]
    if one_class is not None:
        words.append(
            f"All {audit_labels} audit labels are “{one_class}”: this says nothing about how well "
            "classes are told apart."
        )
    if last.unseen_at_most >= 0.01:
        words.append(
            f"An estimated {last.unseen_share:.0%} of the images are of classes without any label "
            f"(Good-Turing); with 95% confidence at most {last.unseen_at_most:.0%} are of classes "
            "the model was not taught."
        )
    words.append(_when_next(audit_labels, training_labels, looks))
    return words + _unanswered(unanswered)


def _when_next(audit_labels: int, training_labels: int, looks: tuple[AuditLook, ...]) -> str:
    last = looks[-1]
    waiting = labels_until_a_look(audit_labels, training_labels, looks)
    stood = (
        f"Measured when there were {last.training_labels} training labels, as look {last.number} "
        f"of {LOOKS} (with more of them every interval would have to be wider). "
    )
    if waiting is None:
        return stood + "All are taken, so this one stands until you begin a new audit."
    labels = "label" if waiting == 1 else "labels"
    return stood + f"The next is due after at most {waiting} more {labels}."


def _unanswered(unanswered: int) -> list[str]:
    if not unanswered:
        return []
    was = "image was" if unanswered == 1 else "images were"
    return [
        f"{unanswered} audit {was} skipped or unsure and do not count: the accuracy is that of "
        "images a person can name."
    ]
