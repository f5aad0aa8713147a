"""The verdict: may I stop labelling now? In one sentence, with its reasons, or why nobody can say.

A target is reached when the *lower* limit of the measured accuracy is. A price (how many labels one
point of accuracy is worth) says stop when the next labels are expected to bring less than they
cost. Both speak only after enough audit labels; the rule and its defaults were chosen by replay
(benchmarks/stopping.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from coldstart.errors import ColdstartError
from coldstart.stopping.audit import (
    ALPHA,
    LOOKS,
    RUNGS,
    AuditLook,
    MeasuredAccuracy,
    clopper_pearson,
    measure_accuracy,
)
from coldstart.stopping.coverage import CoverageSignal
from coldstart.stopping.forecast import Forecast, forecast_gain
from coldstart.stopping.stability import Stability, measure_stability

Word = Literal["keep going", "flattening", "you may stop", "too early to say"]

LABELS_A_POINT_IS_WORTH = 75.0
"""The price when the person names neither a price nor a target."""

FLATTENING_BELOW = 2.0
"""While the next labels are worth this many times their number there is no question."""

NO_REASON_TO_STOP = (
    "Flattening is a sign that the end is near, not a reason to stop: in the replays, going on "
    "until “you may stop” cost as little or less."
)

_BRING = "are expected to bring"

UNSEEN_SHARE_TO_WAIT_FOR = 0.03
"""With a larger share of the images in classes without a label no price says stop."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """The answer, and everything it rests on.

    Attributes
    ----------
    verdict : one of the four words. sentence : the answer with its main reason.
    reasons : plain sentences, the weightiest first.
    worth : labels the next labels are worth, at the price, for each label spent; None: cannot say.
    target : share of images, from 0 to 1, or None. price : labels a point is worth, or None.
    """

    verdict: Word
    sentence: str
    reasons: tuple[str, ...]
    measured: MeasuredAccuracy
    stability: Stability
    forecast: Forecast
    coverage: CoverageSignal | None
    training_labels: int
    worth: float | None
    target: float | None
    price: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it; what ``coldstart advise --json`` prints."""
        look = self.measured.look
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "reasons": list(self.reasons),
            "accuracy": None if look is None else look.accuracy,
            "interval": None if look is None else list(look.interval),
            "audit_labels": self.measured.audit_labels,
            "training_labels": self.training_labels,
            "unseen_share": None if look is None else look.unseen_share,
            "unseen_at_most": None if look is None else look.unseen_at_most,
            "kappa": self.stability.kappa,
            "stable": self.stability.stable,
            "f_change_at_most": _finite(self.stability.f_change_at_most),
            "forecast": self.forecast.as_dict(),
            "coverage": None if self.coverage is None else self.coverage.as_dict(),
            "worth": self.worth,
            "target": self.target,
            "price": self.price,
            "looks": [one.as_dict() for one in self.measured.looks],
        }


def advise(
    *,
    training_labels: Sequence[int],
    stop_set: Sequence[ArrayLike],
    audit_predicted: Sequence[Sequence[str | None]],
    audit_truth: Sequence[str | None],
    training_classes: Sequence[str],
    pool_size: int,
    looks: Sequence[AuditLook] = (),
    coverage: CoverageSignal | None = None,
    target: float | None = None,
    price: float | None = None,
    next_labels: int | None = None,
    seed: int = 0,
) -> Verdict:
    """All signals and the verdict, from what the models so far say of two fixed sets of images.

    The models are one recipe trained on the first labels only, oldest label first, in the sizes of
    `snapshot_sizes`; the last one is trained on all. None was trained, tuned or chosen on audit
    labels. Keep ``result.measured.looks`` and hand it in as ``looks`` next time.

    Parameters
    ----------
    training_labels : (m,) how many labels each model was trained on, ascending; may be empty.
    stop_set : (m, s) the class each model says of each image of the stop set.
    audit_predicted : (m, n) what each says of each audit image; None where it cannot say (wrong).
    audit_truth : (n,) the person's answers; None for skipped or unsure (does not count).
    training_classes : the class of each training label.
    pool_size : images of the pool. target, price, next_labels : see `weigh` and `forecast_gain`.
    """
    newest = audit_predicted[-1] if len(audit_predicted) else [None] * len(audit_truth)
    measured = measure_accuracy(newest, audit_truth, training_classes, looks)
    answered = [place for place, answer in enumerate(audit_truth) if answer is not None]
    correct = np.array(
        [[said[place] == audit_truth[place] for place in answered] for said in audit_predicted],
        dtype=bool,
    ).reshape(len(audit_predicted), len(answered))
    settled = measure_stability(training_labels, stop_set)
    gain = forecast_gain(
        training_labels, correct, stop_set, pool_size, next_labels=next_labels, seed=seed
    )
    return weigh(
        measured, settled, gain, training_classes, coverage=coverage, target=target, price=price
    )


def weigh(
    measured: MeasuredAccuracy,
    settled: Stability,
    gain: Forecast,
    training_classes: Sequence[str],
    *,
    coverage: CoverageSignal | None = None,
    target: float | None = None,
    price: float | None = None,
) -> Verdict:
    """Weigh the signals.

    target : the accuracy wanted, between 0 and 1. price : how many labels one point of accuracy is
    worth. With neither, a point is worth 75 labels; with both, either may say stop.

    Raises ColdstartError for a target or a price that makes no sense.
    """
    _check(target, price)
    if target is None and price is None:
        price = LABELS_A_POINT_IS_WORTH
    worth = None
    if gain.gain is not None:
        worth = 100 * gain.gain * (price or LABELS_A_POINT_IS_WORTH) / gain.next_labels
    word, sentence = _decide(measured, gain, training_classes, worth, target, price)
    flat = word == "flattening" and target is None
    reasons = [NO_REASON_TO_STOP if flat else "", *measured.words]
    reasons.append("" if _BRING in sentence else gain.words)
    if word == "keep going" and target is not None:
        reasons.insert(2, _audit_labels_for(measured, target))
    reasons += [settled.words, "" if coverage is None else coverage.words]
    reasons.append(_lone_classes(training_classes))
    return Verdict(
        verdict=word,
        sentence=sentence,
        reasons=tuple(reason for reason in reasons if reason and reason != sentence),
        measured=measured,
        stability=settled,
        forecast=gain,
        coverage=coverage,
        training_labels=len(training_classes),
        worth=worth,
        target=target,
        price=price,
    )


def _decide(
    measured: MeasuredAccuracy,
    gain: Forecast,
    training_classes: Sequence[str],
    worth: float | None,
    target: float | None,
    price: float | None,
) -> tuple[Word, str]:
    classes = sorted(set(training_classes))
    if len(classes) < 2:
        had = f"only “{classes[0]}” has labels" if classes else "no image has a class yet"
        return "too early to say", f"Too early to say: {had}, and a model needs two classes."
    look = measured.look
    if look is None:
        return "too early to say", measured.words[0]
    if measured.one_class is not None:
        return "too early to say", (
            f"Too early to say: all {measured.audit_labels} audit labels are "
            f"“{measured.one_class}”."
        )
    if target is not None and look.interval[0] >= target:
        return "you may stop", (
            f"You may stop: with 95% confidence at least {look.interval[0]:.0%} of the images are "
            f"predicted right, and you asked for {target:.0%}."
        )
    if target is not None and price is None:
        return _short_of(target, look, worth)
    return _by_price(look, gain, worth, price or LABELS_A_POINT_IS_WORTH)


def _short_of(target: float, look: AuditLook, worth: float | None) -> tuple[Word, str]:
    short = (
        f"{target:.0%} is not shown yet: the model is right on {look.interval[0]:.0%} to "
        f"{look.interval[1]:.0%} of the images"
    )
    if worth is not None and worth < 1 and look.accuracy < target:
        return "flattening", (
            f"Flattening: {short}, and more labels of this kind bring little; another embedding "
            "or fine-tuning may bring more."
        )
    return "keep going", f"Keep going: {short}."


def _by_price(
    look: AuditLook, gain: Forecast, worth: float | None, price: float
) -> tuple[Word, str]:
    if worth is None or gain.gain is None or gain.low is None or gain.high is None:
        return "too early to say", f"Too early to say. {gain.words}"
    bring = (
        f"the next {gain.next_labels} labels {_BRING} {100 * gain.gain:+.1f} points "
        f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), worth "
        f"{worth * gain.next_labels:.0f} labels at {price:g} labels a point"
    )
    if worth >= FLATTENING_BELOW:
        return "keep going", f"Keep going: {bring}."
    if worth >= 1:
        return "flattening", f"Flattening: {bring}, little more than they cost."
    if look.unseen_share >= UNSEEN_SHARE_TO_WAIT_FOR:
        return "flattening", (
            f"Flattening: {bring}; but about {look.unseen_share:.0%} of the images are of classes "
            "without a label, so look for those before you stop."
        )
    return "you may stop", f"You may stop: {bring}."


def _audit_labels_for(measured: MeasuredAccuracy, target: float) -> str:
    """With how many audit labels the target would be shown, were the accuracy as measured."""
    look = measured.look
    if look is None or look.accuracy <= target:
        return ""
    for rung in RUNGS:
        enough = clopper_pearson(int(look.accuracy * rung), rung, ALPHA / LOOKS)[0] >= target
        if enough and rung > measured.audit_labels:
            return (
                f"The measured {look.accuracy:.0%} is above your {target:.0%}: about {rung} audit "
                "labels would show it, if it stays like this."
            )
    return f"It is so near the target that not even {RUNGS[-1]} audit labels would show it."


def _lone_classes(training_classes: Sequence[str]) -> str:
    lone = sorted(one for one, count in Counter(training_classes).items() if count == 1)
    if not lone:
        return ""
    named = ", ".join(f"“{one}”" for one in lone[:3])
    more = f" and {len(lone) - 3} more" if len(lone) > 3 else ""
    return f"There is one training label only of {named}{more}: hardly learned."


def _check(target: float | None, price: float | None) -> None:
    if target is not None and not 0 < target < 1:
        raise ColdstartError(
            f"A target accuracy of {target:g} cannot be shown.",
            "Give a share between 0 and 1, such as 0.9.",
        )
    if price is not None and not 0 < price < float("inf"):
        raise ColdstartError(
            f"A point of accuracy cannot be worth {price:g} labels.",
            "Give a number above 0, such as 75.",
        )


def _finite(number: float | None) -> float | None:
    """JSON knows no infinity."""
    return number if number is not None and np.isfinite(number) else None
