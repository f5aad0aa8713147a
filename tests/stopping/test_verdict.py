"""The verdict: never more than the data carry, always in sentences, whatever the labels are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from coldstart.errors import ColdstartError
from coldstart.stopping import Verdict, advise
from coldstart.stopping.coverage import measure_coverage

LABELS = [40, 60, 90, 130, 200, 300, 400]
CLASSES = ("cat", "dog", "elk")


def situation(
    curve: list[float], audit: int = 100, changing: float = 0.0, seed: int = 0, **more: Any
) -> dict[str, Any]:
    """What `advise` is given when models reach these accuracies and change so many predictions."""
    random = np.random.default_rng(seed)
    truth = [CLASSES[one] for one in random.integers(0, 3, audit)]
    luck = random.permutation(audit) / audit
    predicted = [
        [
            answer if luck[place] < accuracy else CLASSES[CLASSES.index(answer) - 1]
            for place, answer in enumerate(truth)
        ]
        for accuracy in curve
    ]
    said = [random.integers(0, 3, 1000)]
    for _ in curve[1:]:
        rows = random.permutation(1000)[: int(1000 * changing)]
        following = said[-1].copy()
        following[rows] = (following[rows] + 1) % 3
        said.append(following)
    taught = [CLASSES[one % 3] for one in range(LABELS[-1])]
    return {
        "training_labels": LABELS[: len(curve)],
        "stop_set": said,
        "audit_predicted": predicted,
        "audit_truth": truth,
        "training_classes": taught,
        "pool_size": 5000,
    } | more


FLAT = [0.8, 0.88, 0.9, 0.9, 0.9, 0.9, 0.9]
RISING = [0.3, 0.39, 0.48, 0.57, 0.67, 0.77, 0.85]


def test_a_flat_curve_may_stop() -> None:
    answer = advise(**situation(FLAT), price=75)
    assert answer.verdict == "you may stop"
    assert answer.sentence.startswith("You may stop: the next 80 labels")
    assert any("never seen (90%)" in reason for reason in answer.reasons)
    assert any("have settled" in reason for reason in answer.reasons)


def test_a_rising_curve_goes_on() -> None:
    answer = advise(**situation(RISING, changing=0.2), price=150)
    assert answer.verdict == "keep going"
    assert answer.worth is not None
    assert answer.worth > 2


def test_a_higher_price_never_stops_earlier() -> None:
    order = ["you may stop", "flattening", "keep going"]
    words = [
        order.index(advise(**situation(RISING, changing=0.1), price=price).verdict)
        for price in (1, 5, 10, 15, 20, 30, 50, 100, 300)
    ]
    assert words == sorted(words)
    assert set(words) == {0, 1, 2}


def test_a_target_is_reached_by_the_lower_limit() -> None:
    answer = advise(**situation(FLAT), target=0.75)
    assert answer.verdict == "you may stop"
    assert "75%" in answer.sentence
    # 90% were measured, but 83% is not shown by 100 audit labels.
    near = advise(**situation(FLAT), target=0.83)
    assert near.verdict == "keep going"
    assert any("audit labels would show it" in reason for reason in near.reasons)


def test_a_target_out_of_reach_is_flattening() -> None:
    answer = advise(**situation(FLAT), target=0.97)
    assert answer.verdict == "flattening"
    assert "another embedding" in answer.sentence


def test_with_target_and_price_either_may_stop() -> None:
    assert advise(**situation(FLAT), target=0.97, price=75).verdict == "you may stop"
    rising = situation(RISING, changing=0.2)
    assert advise(**rising, target=0.5, price=75).verdict == "you may stop"


def test_too_few_audit_labels() -> None:
    answer = advise(**situation(FLAT, audit=28))
    assert answer.verdict == "too early to say"
    assert answer.sentence.startswith("28 audit labels: too few to say")
    shown = answer.as_dict()
    assert shown["accuracy"] is None
    assert shown["interval"] is None


def test_no_audit_at_all() -> None:
    answer = advise(**{**situation(FLAT), "audit_predicted": [[]] * 7, "audit_truth": []})
    assert answer.verdict == "too early to say"
    assert answer.sentence.startswith("0 audit labels")


def test_audit_labels_before_a_model() -> None:
    given = situation(FLAT, training_labels=[], stop_set=[], audit_predicted=[])
    answer = advise(**given)
    assert answer.verdict == "too early to say"
    assert "wait for a first model" in answer.sentence
    assert answer.measured.looks == ()


def test_nothing_at_all() -> None:
    answer = advise(
        training_labels=[],
        stop_set=[],
        audit_predicted=[],
        audit_truth=[],
        training_classes=[],
        pool_size=100,
    )
    assert answer.verdict == "too early to say"
    assert "no image has a class yet" in answer.sentence
    json.dumps(answer.as_dict(), allow_nan=False)


def test_one_class_only() -> None:
    answer = advise(**situation(FLAT, training_classes=["cat"] * 400))
    assert answer.verdict == "too early to say"
    assert "only “cat” has labels" in answer.sentence


def test_a_class_with_one_label_is_named() -> None:
    answer = advise(**situation(FLAT, training_classes=["cat"] * 200 + ["dog"] * 199 + ["elk"]))
    assert "There is one training label only of “elk”: hardly learned." in answer.reasons


def test_all_audit_labels_of_one_class() -> None:
    given = situation(FLAT)
    given["audit_truth"] = ["cat"] * 100
    given["audit_predicted"] = [["cat"] * 100] * 7
    answer = advise(**given, target=0.5)
    assert answer.verdict == "too early to say"
    assert "all 100 audit labels are “cat”" in answer.sentence


def test_too_few_models_for_a_forecast() -> None:
    answer = advise(**situation(FLAT[:3]), price=75)
    assert answer.verdict == "too early to say"
    assert "four sizes" in answer.sentence
    assert answer.as_dict()["accuracy"] == 0.9
    assert advise(**situation(FLAT[:3]), target=0.75).verdict == "you may stop"


def test_images_of_unknown_classes_forbid_a_stop_by_price() -> None:
    given = situation(FLAT)
    for place in range(5):
        given["audit_truth"][place] = f"new {place}"
    answer = advise(**given, price=75)
    assert answer.verdict == "flattening"
    assert "classes without a label" in answer.sentence
    assert answer.as_dict()["unseen_share"] == 0.05


def test_images_the_embedding_does_not_cover_count_as_wrong() -> None:
    given = situation(FLAT)
    given["audit_predicted"] = [[None] * 50 + said[50:] for said in given["audit_predicted"]]
    accuracy = advise(**given).as_dict()["accuracy"]
    assert accuracy <= 0.5


def test_labels_withdrawn_after_training() -> None:
    first = advise(**situation(FLAT))
    fewer = situation(FLAT, audit=20, training_classes=["cat", "dog"] * 20)
    answer = advise(**fewer, looks=first.measured.looks)
    assert answer.verdict == "too early to say"
    assert any("withdrawn" in reason for reason in answer.reasons)


def test_an_embedding_set_swapped_midway_is_a_new_look_only_when_due() -> None:
    first = advise(**situation(FLAT))
    swapped = advise(**situation(RISING, changing=0.2, seed=5), looks=first.measured.looks)
    assert swapped.measured.looks == first.measured.looks
    assert not swapped.measured.new_look


def test_the_dictionary_is_what_the_command_prints() -> None:
    unit = np.eye(10, dtype=np.float32)
    coverage = measure_coverage(unit, [0, 1], 0.5)
    answer = advise(**situation(FLAT), coverage=coverage)
    shown = json.loads(json.dumps(answer.as_dict(), allow_nan=False))
    keys = "verdict reasons accuracy interval audit_labels kappa forecast coverage sentence looks"
    assert set(keys.split()) <= set(shown)
    assert shown["coverage"]["reached"] == 0.2
    assert shown["price"] == 75
    assert shown["interval"] == list(answer.measured.looks[0].interval)


@pytest.mark.parametrize("wrong", [{"target": 90.0}, {"target": 0.0}, {"price": 0.0}])
def test_targets_and_prices_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ColdstartError) as refused:
        advise(**situation(FLAT), **wrong)
    assert refused.value.remedy


def test_every_reason_is_a_sentence() -> None:
    answers: list[Verdict] = [
        advise(**situation(curve, audit=audit), target=target)
        for curve in (FLAT, RISING, FLAT[:2])
        for audit in (5, 40, 100)
        for target in (None, 0.6, 0.95)
    ]
    for answer in answers:
        for sentence in (answer.sentence, *answer.reasons):
            assert sentence.endswith(".")
            assert sentence[0].isupper() or sentence[0].isdigit()
