"""Measured accuracy: exact, valid at all looks together, and silent when it cannot say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coldstart.stopping.audit import (
    ALPHA,
    LOOKS,
    RUNGS,
    AuditLook,
    clopper_pearson,
    labels_until_a_look,
    look_is_due,
    measure_accuracy,
    unseen_classes,
)


def answers(right: int, wrong: int) -> tuple[list[str | None], list[str | None]]:
    """Predictions and truth of two classes, so many right and so many wrong."""
    truth = [("cat", "dog")[one % 2] for one in range(right + wrong)]
    said = truth[:right] + [{"cat": "dog", "dog": "cat"}[one] for one in truth[right:]]
    return list(said), list(truth)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.data(), st.sampled_from([0.05, 0.05 / 9, 0.3]))
def test_clopper_pearson_is_scipys(n: int, data: st.DataObject, alpha: float) -> None:
    right = data.draw(st.integers(0, n))
    exact = stats.binomtest(right, n).proportion_ci(1 - alpha, method="exact")
    np.testing.assert_allclose(clopper_pearson(right, n, alpha), [exact.low, exact.high], atol=1e-9)


def test_nothing_is_said_below_thirty_audit_labels() -> None:
    said, truth = answers(25, 3)
    measured = measure_accuracy(said, truth, ["cat", "dog"] * 20)
    assert measured.look is None
    assert measured.looks == ()
    assert measured.words[0].startswith("28 audit labels: too few to say")


def test_a_first_look() -> None:
    said, truth = answers(27, 3)
    measured = measure_accuracy(said, truth, ["cat", "dog"] * 60)
    look = measured.look
    assert look is not None
    assert measured.new_look
    assert (look.number, look.audit_labels, look.right, look.training_labels) == (1, 30, 27, 120)
    exact = stats.binomtest(27, 30).proportion_ci(1 - ALPHA / LOOKS, method="exact")
    np.testing.assert_allclose(look.interval, [exact.low, exact.high])
    assert "90%" in measured.words[0]


def test_between_looks_the_last_one_stands() -> None:
    first = measure_accuracy(*answers(27, 3), ["cat", "dog"] * 60)
    between = measure_accuracy(*answers(27, 9), ["cat", "dog"] * 70, first.looks)
    assert not between.new_look
    assert between.look == first.look
    later = measure_accuracy(*answers(27, 13), ["cat", "dog"] * 80, between.looks)
    assert later.look is not None
    assert (later.look.number, later.look.right, later.look.audit_labels) == (2, 27, 40)


def test_looks_come_at_the_rungs_and_when_the_model_has_grown() -> None:
    looks: tuple[AuditLook, ...] = ()
    seen = []
    for audit_labels in range(1, 800):
        measured = measure_accuracy(
            *answers(audit_labels, 0), ["cat", "dog"] * 2 * audit_labels, looks
        )
        looks = measured.looks
        if measured.new_look:
            seen.append(audit_labels)
    assert seen == list(RUNGS)

    looks = ()
    for training_labels in range(400, 4000, 10):
        measured = measure_accuracy(
            *answers(80, 20), ["cat", "dog"] * (training_labels // 2), looks
        )
        looks = measured.looks
    assert [look.training_labels for look in looks] == [400, 650, 1030, 1600, 2450, 3730]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200)), max_size=40))
def test_never_more_looks_than_alpha_is_there_for(steps: list[tuple[int, int]]) -> None:
    looks: tuple[AuditLook, ...] = ()
    audit, training = 0, 10
    taught = ["cat", "dog"] * 5000
    for more_audit, more_training in steps:
        audit, training = audit + more_audit, training + more_training
        waiting = labels_until_a_look(audit, training, looks)
        assert look_is_due(audit, training, looks) == (waiting == 0)
        measured = measure_accuracy(["cat"] * audit, ["cat"] * audit, taught[:training], looks)
        looks = measured.looks
        assert len(looks) <= LOOKS
        if waiting:
            assert not measured.new_look
            assert look_is_due(audit + waiting, training, looks)


@pytest.mark.parametrize("accuracy", [0.7, 0.9, 0.97])
def test_the_interval_holds_at_all_looks_together_and_wherever_one_stops(accuracy: float) -> None:
    """Every look judges a new model that is a little better, on all audit images so far."""
    random = np.random.default_rng(int(1000 * accuracy))
    rungs = RUNGS
    p = accuracy + (1 - accuracy) * np.linspace(0, 0.5, len(rungs))
    runs = 3000
    # An image is right when its luck is below p: errors of successive models are nested.
    luck = random.random((runs, rungs[-1]))
    missed, missed_alone, at_stop = (np.zeros(runs, dtype=bool) for _ in range(3))
    stopped = np.zeros(runs, dtype=bool)
    for n, truth in zip(rungs, p):
        right = (luck[:, :n] < truth).sum(axis=1)
        limits = np.array([clopper_pearson(k, n, ALPHA / LOOKS) for k in range(n + 1)])[right]
        alone = np.array([clopper_pearson(k, n) for k in range(n + 1)])[right]
        outside = (truth < limits[:, 0]) | (truth > limits[:, 1])
        missed |= outside
        missed_alone |= (truth < alone[:, 0]) | (truth > alone[:, 1])
        # One who wants to look good stops as soon as the lower limit is high.
        stops = ~stopped & (limits[:, 0] >= accuracy - 0.02)
        at_stop |= stops & outside
        stopped |= stops
    assert missed.mean() <= 0.05
    assert at_stop.mean() <= 0.05
    assert missed_alone.mean() > 0.05


def test_at_most_one_point_six_times_as_wide_as_one_look() -> None:
    for n in RUNGS:
        for right in (n // 2, int(0.7 * n), int(0.9 * n), n):
            low, high = clopper_pearson(right, n, ALPHA / LOOKS)
            one_low, one_high = clopper_pearson(right, n)
            assert (high - low) / (one_high - one_low) <= 1.6


def test_skipped_images_do_not_count_and_images_without_a_prediction_are_wrong() -> None:
    said, truth = answers(30, 0)
    measured = measure_accuracy([*said, None, "cat"], [*truth, "dog", None], ["cat", "dog"] * 50)
    look = measured.look
    assert look is not None
    assert (look.right, look.audit_labels, measured.unanswered) == (30, 31, 1)
    assert any("1 audit image was skipped" in sentence for sentence in measured.words)


def test_withdrawn_audit_labels_are_said() -> None:
    first = measure_accuracy(*answers(27, 3), ["cat", "dog"] * 60)
    fewer = measure_accuracy(*answers(20, 3), ["cat", "dog"] * 60, first.looks)
    assert fewer.look is None
    assert "withdrawn" in fewer.words[1]


@pytest.mark.parametrize(
    ("said", "taught"), [([None] * 40, ["cat", "dog"] * 20), (["cat"] * 40, ["cat"] * 40)]
)
def test_no_look_is_spent_without_a_model(said: list[str | None], taught: list[str]) -> None:
    measured = measure_accuracy(said, ["cat", "dog"] * 20, taught)
    assert measured.looks == ()
    assert measured.look is None
    assert measured.words == ("40 audit labels wait for a first model to judge.",)


def test_all_audit_labels_of_one_class() -> None:
    measured = measure_accuracy(["cat"] * 31, ["cat"] * 31, ["cat", "dog"] * 60)
    assert measured.one_class == "cat"
    assert any("All 31 audit labels" in sentence for sentence in measured.words)


def test_looks_survive_json() -> None:
    look = measure_accuracy(*answers(27, 3), ["cat", "dog"] * 60).looks[0]
    assert AuditLook.from_dict({**look.as_dict(), "newer": 1}) == look


def test_predictions_must_fit_the_answers() -> None:
    with pytest.raises(ValueError, match="2 predictions for 1 audit"):
        measure_accuracy(["cat", "dog"], ["cat"], ["cat", "dog"])


def test_unseen_classes_by_hand() -> None:
    audit = ["cat"] * 20 + ["owl", "bat", "bat", "elk"]
    share, at_most = unseen_classes(audit, ["cat", "dog"])
    assert share == 2 / 24
    exact = stats.binomtest(4, 24, alternative="less").proportion_ci(0.95, method="exact")
    assert at_most == pytest.approx(exact.high)


def test_the_unseen_share_is_unbiased_and_its_limit_holds() -> None:
    random = np.random.default_rng(5)
    share_of_class = np.full(60, 1 / 60)
    taught = {str(one) for one in range(40)}
    estimates, truths, held = [], [], []
    for _ in range(600):
        audit = [str(one) for one in random.choice(60, 50, p=share_of_class)]
        estimate, at_most = unseen_classes(audit, taught)
        truths.append(
            share_of_class[[str(one) not in taught | set(audit) for one in range(60)]].sum()
        )
        estimates.append(estimate)
        held.append(at_most >= 20 / 60)
    assert np.mean(estimates) == pytest.approx(np.mean(truths), abs=0.01)
    assert np.mean(held) >= 0.95 - 0.02
