"""Splits and runs: what a strategy sees, and what it is measured on."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.errors import ColdstartError
from coldstart.rehearsal import (
    draw_split,
    label_budgets,
    measure_again,
    parse_strategy,
    run_everything,
    run_once,
    summarise,
)
from coldstart.selection import Random
from coldstart.selection.usl import USL
from coldstart.training.probe import fit_probe


def blobs(
    per_class: int = 40, classes: int = 4, spread: float = 0.35
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(classes, 12))
    truth = np.repeat(np.arange(classes), per_class)
    rows = middles[truth] + spread * generator.normal(size=(len(truth), 12))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), truth


def test_a_split_has_every_class_on_both_sides_and_no_picture_twice() -> None:
    _, truth = blobs()
    pictures = np.arange(len(truth))
    pictures[1::2] = pictures[::2]  # every picture is there twice
    split = draw_split(truth, 3, groups=pictures)
    assert set(truth[split.pool]) == set(truth[split.test]) == {0, 1, 2, 3}
    assert not set(pictures[split.pool]) & set(pictures[split.test])
    assert len(split.test) == pytest.approx(0.25 * len(truth), abs=4)


def test_the_same_number_gives_the_same_split_and_another_number_another() -> None:
    _, truth = blobs()
    assert draw_split(truth, 5).pool.tolist() == draw_split(truth, 5).pool.tolist()
    assert draw_split(truth, 5).pool.tolist() != draw_split(truth, 6).pool.tolist()


@pytest.mark.parametrize("imbalance", [5.0, 10.0])
def test_an_imbalanced_pool_falls_off_to_the_ratio_and_the_test_set_does_not(
    imbalance: float,
) -> None:
    _, truth = blobs(per_class=200)
    split = draw_split(truth, 0, imbalance=imbalance)
    counts = np.sort(np.bincount(truth[split.pool]))
    assert counts[-1] / counts[0] == pytest.approx(imbalance, rel=0.1)
    assert np.allclose(counts[1:] / counts[:-1], imbalance ** (1 / 3), rtol=0.15)
    assert len(set(np.bincount(truth[split.test]).tolist())) == 1


def test_which_class_is_the_rare_one_is_chance() -> None:
    _, truth = blobs(per_class=200)
    rare = {
        int(np.argmin(np.bincount(truth[draw_split(truth, number, imbalance=10).pool])))
        for number in range(12)
    }
    assert len(rare) > 1


def test_too_few_images_of_a_class_are_refused() -> None:
    with pytest.raises(ColdstartError, match="3 different pictures"):
        draw_split(np.array([0] * 10 + [1] * 3), 0)


def test_budgets_end_before_the_pool_does() -> None:
    assert label_budgets((1, 2, 50), 4, 100) == (4, 8)
    assert label_budgets((50,), 4, 10) == (4,)


def test_a_run_asks_for_the_budget_and_never_sees_the_test_set() -> None:
    vectors, truth = blobs()
    split = draw_split(truth, 0)
    run = run_once(vectors, truth, split, "auto", (4, 8, 20))
    assert run.error == ""
    assert len(run.picks) == len(set(run.picks)) == 20
    assert set(run.picks) <= set(split.pool.tolist())
    assert run.classes_found[0] == 4
    assert run.accuracy[-1] > 0.8


def test_the_accuracy_is_that_of_the_probe_on_the_test_set() -> None:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.neighbors import KNeighborsClassifier

    vectors, truth = blobs(spread=1.2)
    split = draw_split(truth, 1)
    run = run_once(vectors, truth, split, "kmeans", (12,))
    picked = np.array(run.picks)
    # Under 20 labels the probe is a class-balanced ridge of strength 1.
    ridge = RidgeClassifier(alpha=1.0, class_weight="balanced").fit(vectors[picked], truth[picked])
    assert run.accuracy[0] == pytest.approx(
        ridge.score(vectors[split.test], truth[split.test]), abs=1e-4
    )
    nearest = KNeighborsClassifier(1).fit(vectors[picked], truth[picked])
    assert run.nearest[0] == pytest.approx(
        nearest.score(vectors[split.test], truth[split.test]), abs=1e-4
    )


def test_the_pool_accuracy_counts_classes_as_the_pool_has_them() -> None:
    vectors, truth = blobs(per_class=200, spread=1.2)
    split = draw_split(truth, 1, imbalance=10)
    run = run_once(vectors, truth, split, "kmeans", (4, 40))
    names = np.unique(truth)
    share = np.array([np.mean(truth[split.pool] == one) for one in names])
    for at, budget in enumerate(run.budgets):
        picked = np.array(run.picks[:budget])
        probe = fit_probe(vectors[picked], [str(one) for one in truth[picked]], seed=0)
        said = np.array(probe.class_names)[probe.predict(vectors[split.test]).class_indices]
        right = said == truth[split.test].astype(str)
        recall = np.array([right[truth[split.test] == one].mean() for one in names])
        assert run.pool_accuracy[at] == pytest.approx(float(share @ recall), abs=1e-4)
    even = run_once(vectors, truth, draw_split(truth, 1), "kmeans", (4,))
    assert even.pool_accuracy == pytest.approx(even.accuracy, abs=1e-4)


def test_a_run_is_cut_to_its_first_budgets() -> None:
    vectors, truth = blobs()
    split = draw_split(truth, 2)
    short = run_once(vectors, truth, split, "kmeans", (4, 8, 20)).cut(1)
    whole = run_once(vectors, truth, split, "kmeans", (4,))
    assert short.budgets == [4]
    for name in ("accuracy", "balanced_accuracy", "pool_accuracy", "nearest", "classes_found"):
        assert getattr(short, name) == getattr(whole, name)


def test_a_run_can_be_repeated_pick_by_pick() -> None:
    vectors, truth = blobs()
    split = draw_split(truth, 2)
    for strategy in ("random", "kmeans", "uherding"):
        one = run_once(vectors, truth, split, strategy, (4, 12))
        assert one.picks == run_once(vectors, truth, split, strategy, (4, 12)).picks


def test_picks_that_are_measured_again_are_worth_the_same() -> None:
    vectors, truth = blobs()
    split = draw_split(truth, 2)
    run = run_once(vectors, truth, split, "kmeans", (4, 12))
    assert measure_again(vectors, truth, split, run) == run
    with pytest.raises(ValueError, match="not of split 3"):
        measure_again(vectors, truth, draw_split(truth, 3), run)


def test_a_strategy_that_needs_labels_starts_with_the_batch_of_random() -> None:
    vectors, truth = blobs()
    split = draw_split(truth, 2)
    random = run_once(vectors, truth, split, "random", (4, 12))
    margin = run_once(vectors, truth, split, "margin", (4, 12))
    assert margin.picks[:4] == random.picks[:4]
    assert margin.accuracy[0] == random.accuracy[0]
    assert margin.picks[4:] != random.picks[4:]


def test_smaller_batches_are_asked_between_the_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    plain = Random.select

    def watched(self: Random, pool: object, budget: int, **more: object) -> object:
        asked.append(budget)
        return plain(self, pool, budget, **more)

    monkeypatch.setattr(Random, "select", watched)
    vectors, truth = blobs()
    run = run_once(vectors, truth, draw_split(truth, 0), "random", (4, 16), batch=5)
    assert asked == [4, 5, 5, 2]
    assert run.budgets == [4, 16]


def test_settings_are_part_of_a_strategys_name() -> None:
    assert parse_strategy("probcover+delta=paper", 7).delta == "paper"
    assert parse_strategy("probcover+delta=0.5", 7).seed == 7
    with pytest.raises(ValueError, match="key=value"):
        parse_strategy("probcover+delta", 0)


def test_a_strategy_that_fails_is_written_down_and_the_others_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("it takes one image at a time")

    monkeypatch.setattr(USL, "_pick", fail)
    vectors, truth = blobs()
    runs = []
    for number in range(6):
        split = draw_split(truth, number)
        runs.append(run_everything(vectors, truth, split))
        runs += [run_once(vectors, truth, split, s, (4, 8)) for s in ("random", "kmeans")]
        runs.append(run_once(vectors, truth, split, "usl", (4, 8)))
    summary = summarise(runs, 4)
    assert summary is not None
    assert summary.splits == 6
    failed = summary.get("usl")
    assert failed is not None
    assert (failed.runs, failed.failed) == (0, 6)
    assert failed.error == "ValueError: it takes one image at a time"
    best = summary.get("kmeans")
    assert best is not None
    assert best.to_random is not None
    by_hand = np.mean(
        [
            np.mean(one.accuracy) - np.mean(two.accuracy)
            for one, two in zip(
                [r for r in runs if r.strategy == "kmeans"],
                [r for r in runs if r.strategy == "random"],
                strict=True,
            )
        ]
    )
    assert best.to_random.mean == pytest.approx(by_hand)
    assert best.classes_found[0] > summary.get("random").classes_found[0]  # type: ignore[union-attr]


def test_nothing_is_said_before_random_has_run() -> None:
    vectors, truth = blobs()
    split = draw_split(truth, 0)
    assert summarise([run_once(vectors, truth, split, "kmeans", (4,))], 4) is None
