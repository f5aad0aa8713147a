"""The audit: a fair draw, kept from strategies and models, asked blind, and looked at sparingly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audited_pool import (
    CLASSES,
    IMAGES,
    PICTURES,
    answer,
    class_of,
    make_project,
    make_vectors,
    reasons,
)

from coldstart.embeddings.matrix import write_set
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.stopping import audit_order
from coldstart.store import ScannedImage
from coldstart.training.probe import Probe
from coldstart.workflow.advise import advise
from coldstart.workflow.audit import AUDIT_REASON, audit_answers, change_audit
from coldstart.workflow.diagnose import current_coverage
from coldstart.workflow.embed import import_vectors, use_set
from coldstart.workflow.label import images_by_id, label_page
from coldstart.workflow.overview import overview
from coldstart.workflow.pool import load_pool
from coldstart.workflow.preview import preview
from coldstart.workflow.select import select
from coldstart.workflow.snapshots import Snapshots
from coldstart.workflow.train import KEPT_MODEL, predictions, train, training_state

RESERVED = PICTURES // 5


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path / "project")
    yield made
    made.store.close()


def queue_and_answer(project: Project, budget: int = 80, share: float = 0.5) -> list[int]:
    """One batch, answered by the truth; the ids of its audit images."""
    report = select(project, "kmeans", budget, audit_share=share)
    answer(project, report.image_ids)
    why = reasons(project, report.batch_id)
    return [one for one in report.image_ids if why[one] == AUDIT_REASON]


def pictures(project: Project, image_ids: list[int]) -> set[str]:
    return {str(row.content_hash) for row in project.store.images.get(image_ids).values()}


def snapshots(project: Project) -> Snapshots:
    run = project.store.runs.latest()
    assert run is not None
    said = Snapshots.load(project.directory / run.directory)
    assert said is not None
    return said


def test_the_reserve_is_the_first_fifth_of_the_random_order(project: Project) -> None:
    select(project, "probcover", 5)
    pool = load_pool(project)
    rows = audit_order(pool.content_hashes)[:RESERVED]
    assert project.store.audit.reserved() == pool.image_ids[rows].tolist()
    # Copies of a reserved picture are kept apart too: they are the same row.
    apart = pool.image_ids[pool.apart].tolist()
    assert sorted(apart) == sorted(project.store.audit.reserved())
    reserved = pictures(project, apart)
    copies = [row.image_id for row in project.store.images.usable() if row.content_hash in reserved]
    assert len(copies) > RESERVED
    assert set(pool.rows_of(copies).values()) == set(pool.apart.tolist())
    assert set(copies) == set(pool.rows_of(copies))
    # It is kept, whatever comes later.
    answer(project, project.store.batches.waiting())
    select(project, "random", 20)
    assert project.store.audit.reserved() == pool.image_ids[rows].tolist()


@pytest.mark.parametrize("strategy", ["probcover", "kmeans", "random", "margin"])
def test_no_strategy_picks_or_sees_what_is_kept_aside(project: Project, strategy: str) -> None:
    queue_and_answer(project, 10)
    asked = 0
    for _ in range(3):
        report = select(project, strategy, 15)
        why = reasons(project, report.batch_id)
        audit = [one for one in report.image_ids if why[one] == AUDIT_REASON]
        asked += len(audit)
        assert len(audit) == report.audit
        assert set(audit) <= set(project.store.audit.reserved())
        picked = [one for one in report.image_ids if why[one] != AUDIT_REASON]
        kept_aside = pictures(project, project.store.audit.reserved())
        assert not pictures(project, picked) & kept_aside
        answer(project, report.image_ids)
        pool = load_pool(project)
        for with_labels in (True, False):
            arrays = pool.for_selection(with_labels=with_labels)
            assert not set(arrays.labelled) & set(pool.apart)
            assert not arrays.candidates[pool.apart].any()
    # 5 of the first 10 and 4 later: a project ahead of its share waits, then goes on with a fifth.
    assert asked == (45 + 10) // 5 - 5


def test_every_image_of_a_pool_can_be_asked_and_copies_of_the_reserve_are_not(
    project: Project,
) -> None:
    select(project, "random", 10)
    left = len(load_pool(project).image_ids) - 10
    assert left == PICTURES - 10
    with pytest.raises(ColdstartError, match=f"{left} images can be picked"):
        select(project, "random", IMAGES)
    report = select(project, "random", left)
    assert report.audit == RESERVED - 2
    assert len(set(report.image_ids)) == report.picks == left


def test_single_images_and_tiny_pools_work(tmp_path: Path, project: Project) -> None:
    assert [select(project, "random", 1).audit for _ in range(10)] == [0, 0, 0, 0, 1] * 2
    images = tmp_path / "tiny images"
    images.mkdir()
    tiny = Project.create(tmp_path / "tiny", [images])
    tiny.store.images.save(
        [
            ScannedImage(None, 0, f"{n}.png", 1, 1, f"{n:064x}", 8, 8, "PNG", None, None)
            for n in range(4)
        ]
    )
    np.save(tmp_path / "tiny.npy", make_vectors()[:4])
    import_vectors(tiny, tmp_path / "tiny.npy")
    tiny = Project.open(tiny.directory)
    report = select(tiny, "random", 4)
    assert (report.picks, report.audit, tiny.store.audit.reserved()) == (4, 0, [])
    tiny.store.close()


def test_nothing_tells_an_audit_image_until_it_is_answered(project: Project) -> None:
    report = select(project, "kmeans", 20)
    shown = label_page(project, "queue", 0).images
    assert [one["id"] for one in shown] == report.image_ids
    assert len({one["reason"] for one in shown}) == 1
    assert "or drawn at random" in shown[0]["reason"]
    own = {"id", "name", "path", "thumbnail", "rank"}
    assert len({repr({k: v for k, v in one.items() if k not in own}) for one in shown}) == 1
    assert not {"gain", "audit"} & set(shown[0])
    answer(project, report.image_ids[:10])
    answer(project, report.image_ids[10:11], kind="skipped")
    why = reasons(project, report.batch_id)
    for place, one in enumerate(images_by_id(project, report.image_ids)):
        told = one["reason"] == why[one["id"]]
        assert told == (place < 11)


def test_the_places_of_audit_images_cannot_be_learned(project: Project) -> None:
    places = set()
    for _ in range(4):
        report = select(project, "random", 10)
        why = list(reasons(project, report.batch_id).values())
        places.add(tuple(place for place, one in enumerate(why) if one == AUDIT_REASON))
    assert len(places) > 1


def how_tuned(project: Project) -> tuple[str, float, float]:
    run = project.store.runs.latest()
    assert run is not None
    probe = Probe.load(project.directory / run.directory)
    return probe.model, probe.strength, probe.temperature


def test_answers_to_the_audit_do_not_reach_the_model_that_is_measured(project: Project) -> None:
    audit = queue_and_answer(project)
    assert len(audit) == RESERVED
    # A copy of an audit image is labelled too, as a label file might.
    copy = next(
        row.image_id
        for row in project.store.images.usable()
        if row.image_id not in audit and str(row.content_hash) in pictures(project, audit)
    )
    answer(project, [copy])
    honest = train(project)
    first, chosen = snapshots(project), how_tuned(project)
    answer(project, [*audit, copy], say=lambda _: "poison")
    poisoned = train(project)
    second = snapshots(project)
    assert how_tuned(project) == chosen
    assert second.class_names == sorted(CLASSES)
    np.testing.assert_array_equal(first.stop_set, second.stop_set)
    np.testing.assert_array_equal(first.audit, second.audit)
    assert not set(first.training_ids.tolist()) & {*audit, copy}
    assert (honest.accuracy, honest.interval) == (poisoned.accuracy, poisoned.interval)
    # The model that is kept has learned from everything, and says so.
    assert "poison" in poisoned.classes
    assert KEPT_MODEL in poisoned.how
    assert poisoned.labels == 80  # copies share one label
    table = predictions(project)
    assert table is not None
    assert "poison" in set(table["predicted_class"])


def test_the_look_is_what_an_independent_count_says_and_is_not_taken_again(
    project: Project,
) -> None:
    audit = queue_and_answer(project)
    assert overview(project).accuracy is None
    assert "train" in overview(project).accuracy_words
    train(project)
    said = snapshots(project)
    newest = dict(zip(said.audit_ids.tolist(), said.audit_said(said.audit_ids.tolist())[-1]))
    right = sum(newest[one] == class_of(one) for one in audit)
    verdict = advise(project)
    facts = verdict.as_dict()
    assert facts["accuracy"] == pytest.approx(right / len(audit))
    assert facts["audit_labels"] == len(audit)
    assert facts["interval"][0] < facts["accuracy"] < facts["interval"][1]
    assert overview(project).accuracy == facts["accuracy"]
    assert overview(project).interval == tuple(facts["interval"])
    train(project)
    assert advise(project).measured.looks == verdict.measured.looks
    (look,) = project.store.audit.looks()
    assert look["accuracy"] == facts["accuracy"]


def test_advise_says_all_that_scripts_rely_on(project: Project) -> None:
    import json

    queue_and_answer(project, 120, 0.35)
    train(project)
    facts = json.loads(json.dumps(advise(project, next_labels=30).as_dict()))
    assert {
        "verdict",
        "reasons",
        "accuracy",
        "interval",
        "audit_labels",
        "kappa",
        "forecast",
        "coverage",
    } <= set(facts)
    assert facts["verdict"] in ("keep going", "flattening", "you may stop")
    assert facts["forecast"]["next_labels"] == 30
    assert facts["forecast"]["low"] <= facts["forecast"]["gain"] <= facts["forecast"]["high"]
    assert 0 < facts["coverage"]["reached"] <= 1
    known = {row.image_id for row in project.store.images.usable()}
    assert set(facts["coverage"]["untouched"]) <= known


def test_the_projects_target_decides_unless_another_is_named(project: Project) -> None:
    queue_and_answer(project)
    project = project.set(target=0.1)
    train(project)
    assert advise(project).verdict == "you may stop"
    assert advise(project).target == 0.1
    assert advise(project, target=0.999).verdict != "you may stop"
    assert advise(project, price=1000).target is None
    with pytest.raises(ColdstartError, match="cannot be shown"):
        advise(project, target=90)
    with pytest.raises(ColdstartError, match="No forecast"):
        advise(project, next_labels=0)
    with pytest.raises(ColdstartError, match="setting target is 'high'"):
        advise(project.set(target="high"))


def test_too_early_is_said_and_never_raised(tmp_path: Path) -> None:
    project = make_project(tmp_path / "bare", vectors=False)
    bare = advise(project)
    assert bare.verdict == "too early to say"
    assert any("no embedding set yet" in one for one in bare.reasons)
    np.save(tmp_path / "mine.npy", make_vectors())
    import_vectors(project, tmp_path / "mine.npy")
    project = Project.open(project.directory)
    assert advise(project).verdict == "too early to say"
    # What cannot be done yet is not asked for.
    assert not any("No model has been trained" in one for one in advise(project).reasons)
    reds = [n for n in range(1, 40) if class_of(n) == "red"]
    answer(project, reds[:5])
    assert "only “red” has labels" in advise(project).sentence
    with pytest.raises(ColdstartError, match="only one class"):
        train(project)
    answer(project, range(40, 60))
    assert any("No model has been trained" in one for one in advise(project).reasons)
    train(project)
    verdict = advise(project)
    assert verdict.verdict == "too early to say"
    assert "0 audit labels" in verdict.sentence
    project.store.close()


def test_a_pool_too_small_for_the_audit_is_not_promised_labels_it_does_not_have(
    project: Project,
) -> None:
    audited = queue_and_answer(project, 20, share=0.2)
    assert len(audited) == 4
    assert "after about 130 more labels" in " ".join(advise(project).reasons)
    answer(project, [one.image_id for one in project.store.images.page("unlabelled", 0, 100)])
    said = " ".join(advise(project).reasons)
    assert "after about" not in said
    left = project.store.images.count("unlabelled")
    assert 0 < left < 130
    assert f"{left} images have none: a pool this small may as well be labelled whole" in said


def test_what_changed_since_the_training_is_a_reason(project: Project) -> None:
    queue_and_answer(project)
    train(project)
    assert training_state(project).up_to_date
    taught = snapshots(project).training_ids.tolist()
    answer(project, taught[:3], kind="cleared")
    assert any("3 labels it learned from" in one for one in advise(project).reasons)
    assert not training_state(project).up_to_date
    rows = project.store.images.usable()[:150]
    write_set(
        project.embeddings / "other",
        [make_vectors(seed=1)[:150]],
        8,
        [row.image_id for row in rows],
        [str(row.content_hash) for row in rows],
        {"encoder": "made for the test"},
    )
    project = use_set(project, "other")
    swapped = advise(project)
    assert any("“mine”" in one and "“other”" in one for one in swapped.reasons)
    # Audit images without a vector in the new set cannot be predicted, and count as wrong.
    train(project)
    said = snapshots(project)
    lost = [one > 150 for one in said.audit_ids.tolist()]
    assert any(lost)
    np.testing.assert_array_equal(said.audit[-1] == -1, lost)


def test_a_model_from_before_the_audit_is_trained_again(project: Project) -> None:
    answer(project, range(1, 40))
    train(project)
    assert training_state(project).up_to_date
    select(project, "random", 10)
    assert not training_state(project).up_to_date
    assert any("audit began after" in one for one in advise(project).reasons)


def test_the_reserve_leaves_out_what_was_seen_before(project: Project) -> None:
    early = select(project, "random", 10, audit_share=0)
    answer(project, early.image_ids[:5])
    answer(project, early.image_ids[5:7], kind="unsure")
    select(project, "random", 5)
    reserved = project.store.audit.reserved()
    assert not pictures(project, reserved) & pictures(project, early.image_ids)


def test_a_label_counts_for_the_audit_only_when_its_turn_has_come(project: Project) -> None:
    report = select(project, "random", 10)
    reserved = project.store.audit.reserved()
    answer(project, [reserved[0], reserved[-1]])
    assert audit_answers(project).image_ids == [reserved[0]]
    answer(project, [reserved[1]], kind="unsure")
    assert audit_answers(project).truth == [class_of(reserved[0]), None]
    answer(project, [reserved[1]], kind="excluded")
    assert audit_answers(project).truth == [class_of(reserved[0])]
    assert set(reserved[:2]) <= set(report.image_ids)


def test_an_emptied_queue_is_asked_again(project: Project) -> None:
    select(project, "random", 10)
    assert len(project.store.audit.asked()) == 2
    project.store.batches.withdraw_waiting()
    assert project.store.audit.asked() == set()
    report = select(project, "kmeans", 10)
    assert set(project.store.audit.reserved()[:2]) <= set(report.image_ids)


def test_the_audit_can_be_off(project: Project) -> None:
    report = select(project, "kmeans", 10, audit_share=0)
    assert (report.audit, project.store.audit.reserved()) == (0, [])
    shown = label_page(project, "queue", 0).images
    assert [one["reason"] for one in shown] == list(reasons(project, report.batch_id).values())
    off = project.set(audit_share=0)
    assert select(off, "kmeans", 10).audit == 0
    assert any("The audit is off" in one for one in advise(off).reasons)
    with pytest.raises(ColdstartError, match="not a number from 0 to 1"):
        select(off, "kmeans", 10, audit_share=20)
    assert select(off, "kmeans", 10, audit_share=0.4).audit == 4


def test_the_preview_promises_no_more_than_the_batch_covers(project: Project) -> None:
    shown = preview(project, "probcover", largest_budget=30)
    assert project.store.audit.reserved() == []  # looking at a curve keeps nothing aside
    assert shown.audit[[5, 10, 30]].tolist() == [1, 2, 6]
    report = select(project, "probcover", 10, settings={"delta": shown.picks_delta})
    assert report.audit == 2
    assert report.coverage_after >= shown.coverage[10]


def test_what_the_audit_covers_counts_in_the_preview(project: Project) -> None:
    queue_and_answer(project, 40)
    for strategy in ("probcover", "kmeans", "margin"):
        shown = preview(project, strategy, largest_budget=10)
        covered = current_coverage(project)
        assert covered is not None
        assert shown.start_coverage == pytest.approx(covered.share)
        assert shown.coverage[0] == pytest.approx(shown.start_coverage)
        assert np.all(np.diff(shown.coverage) >= 0)
        assert shown.coverage.max() <= 1


def test_a_new_audit_asks_none_that_was_asked_and_teaches_the_labels_of_the_one_before(
    project: Project,
) -> None:
    with pytest.raises(ColdstartError, match="No audit image has been asked"):
        change_audit(project, new=True)
    reserve = reserve_of(project)
    first = queue_and_answer(project, 16)
    assert first == [one for one in reserve if one in set(first)]
    train(project)
    before = snapshots(project).training_ids.tolist()
    assert not set(before) & set(first)
    begun = change_audit(project, new=True)
    assert begun.audit == 2
    # What was kept aside and not asked is still a draw from the whole pool, in the same order.
    assert project.store.audit.reserved() == reserve[8:]
    assert "the whole pool" in begun.words
    assert begun.looks == begun.labels == 0
    assert any("new audit was begun" in one for one in advise(project).reasons)
    second = queue_and_answer(project, 20)
    assert second
    assert set(second) <= set(reserve[8:])
    train(project)
    assert set(first) < set(snapshots(project).training_ids.tolist())
    assert not set(second) & set(snapshots(project).training_ids.tolist())


def test_a_new_audit_has_looks_of_its_own_and_says_when_no_images_are_left(
    project: Project,
) -> None:
    queue_and_answer(project)
    train(project)
    assert len(project.store.audit.looks()) == 1
    begun = change_audit(project, new=True)
    # All of the reserve was asked, so what has no label yet is drawn from.
    assert "the images without a label" in begun.words
    assert len(project.store.audit.reserved()) >= 30
    assert project.store.audit.looks() == []
    while project.store.audit.asked() != set(project.store.audit.reserved()):
        queue_and_answer(project, 10, 1.0)
    train(project)
    (look,) = project.store.audit.looks()
    assert look["number"] == 1
    answer(project, load_pool(project).image_ids.tolist())
    with pytest.raises(ColdstartError, match="Only 0 images are left"):
        change_audit(project, new=True)


def test_images_that_come_later_are_kept_aside_in_the_same_share(project: Project) -> None:
    asked = queue_and_answer(project, 16)
    before = project.store.audit.reserved()
    project = add_images(project, 400)
    train(project)
    judged = snapshots(project).audit_ids.tolist()
    report = select(project, "random", 30, audit_share=0.5)
    after = project.store.audit.reserved()
    assert set(before) < set(after)
    new = set(after) - set(before)
    # 38 of 190 pictures are a fifth; a fifth of 400 others is 80, give or take four deviations.
    assert abs(len(new) - 80) < 4 * 8
    assert [one for one in after if one in set(before)] == before
    hashes = {
        row.image_id: str(row.content_hash) for row in project.store.images.get(after).values()
    }
    order = audit_order([hashes[one] for one in after])
    assert order.tolist() == list(range(len(after)))
    # Those whose turn had passed are asked first, and the reasons say so until they are.
    turn = after.index(asked[-1])
    overdue = [one for one in after[:turn] if one in new]
    why = reasons(project, report.batch_id)
    drawn = [one for one in report.image_ids if why[one] == AUDIT_REASON]
    assert drawn[: len(overdue)] == overdue[: len(drawn)]
    # A model from before they came is not blamed for what it was never asked.
    assert not new & set(judged)
    answer(project, report.image_ids)
    facts = advise(project).as_dict()
    assert facts["audit_labels"] == len(asked)
    assert any("Images have come to the audit" in one for one in facts["reasons"])
    train(project)
    assert advise(project).as_dict()["audit_labels"] == len(asked) + len(drawn)


def test_how_many_audit_labels_are_asked_can_be_set(project: Project) -> None:
    with pytest.raises(ColdstartError, match="no whole number above 0"):
        change_audit(project, labels=0)
    with pytest.raises(ColdstartError, match="not a number from 0 to 1"):
        change_audit(project, share=7)
    assert change_audit(project).share == 0.2
    report = change_audit(project, share=0.5, labels=3)
    assert (report.share, report.labels_wanted) == (0.5, 3)
    project = Project.open(project.directory)
    assert select(project, "random", 20).audit == 3
    assert "The audit is off" in change_audit(project, share=0).words


def reserve_of(project: Project) -> list[int]:
    """The reserve, drawn by a first batch of one image that is not the audit's."""
    select(project, "random", 1, audit_share=0.01)
    answer(project, project.store.batches.waiting())
    return project.store.audit.reserved()


def add_images(project: Project, count: int) -> Project:
    """More images, with vectors in a set of all, which the project uses from now on."""
    project.store.images.save(
        [
            ScannedImage(
                None, 0, f"late {n:03d}.png", 1, 1, f"{n + 10**6:064x}", 8, 8, "PNG", None, None
            )
            for n in range(count)
        ]
    )
    vectors = np.concatenate([make_vectors(), make_vectors(1), make_vectors(2)])[: IMAGES + count]
    np.save(project.directory / "more.npy", vectors)
    import_vectors(project, project.directory / "more.npy", name="more")
    return use_set(project, "more")
