"""Pace and the way to the target, beside numbers counted by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from coldstart.project import Project
from coldstart.store import NewEvent, ScannedImage
from coldstart.workflow import to_target as ahead
from coldstart.workflow.pace import paces
from coldstart.workflow.snapshots import Snapshots
from coldstart.workflow.to_target import to_target

_numbers = itertools.count()


@pytest.fixture
def project(tmp_path) -> Iterator[Project]:
    (tmp_path / "images").mkdir()
    made = Project.create(tmp_path / "p", [tmp_path / "images"], name="p")
    made.store.images.save(
        [
            ScannedImage(None, 0, f"{i}.png", 1, 1, f"{i // 2:016}", 1, 1, "PNG", None, None)
            for i in range(40)
        ]
    )
    made.store.classes.add("cat")
    yield made
    made.store.close()


def say(project: Project, who: str, image_id: int, kind: str = "class", **more: object) -> None:
    class_id = 1 if kind == "class" else None
    event = NewEvent(f"event-{next(_numbers)}", image_id, who, kind, class_id, **more)  # type: ignore[arg-type]
    project.store.label_writer.append([event])


def test_pauses_imports_and_undone_steps_are_no_pace(project: Project) -> None:
    for image_id, seconds in enumerate((2.0, 4.0, 6.0, 8.0, 500.0), start=1):
        say(project, "ann", image_id, seconds=seconds)
    say(project, "ann", 6, origin="import")
    say(project, "ann", 1, "cleared", step_action="undo")
    say(project, "ben", 7, seconds=1.0)
    everybody, ann, ben = paces(project)
    assert (ann.answers, ann.seconds) == (5, 6.0)
    assert ann.per_minute == pytest.approx(5 / ((2 + 4 + 6 + 8 + 120) / 60))
    assert (ben.answers, ben.per_minute) == (1, None)
    assert everybody.answers == 6
    say(project, "ben", 8, seconds=1.0)  # counted on from where it was
    assert [one.answers for one in paces(project)] == [7, 5, 2]


def test_the_target_is_not_known_before_the_curve_can_carry_it(project: Project) -> None:
    assert to_target(project).answers is None
    assert "set one on Diagnostics" in to_target(project).words
    project = project.set(target=0.9)
    assert to_target(project).words == "Not known yet: train a model first."


def test_answers_to_the_target_follow_the_learning_curve(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models right on exactly 1 - n^-0.6 of the audit: 90% stands at 46.4 labels."""
    project = project.set(target=0.9)
    sizes = np.array([8, 12, 16, 24, 32])
    images = 10_000
    right = np.array([np.arange(images) < images * (1 - size**-0.6) for size in sizes])
    said = Snapshots(
        class_names=["cat", "dog"],
        training_labels=sizes,
        training_ids=np.arange(32),
        training_classes=np.zeros(32, dtype=np.int64),
        stop_set=np.zeros((len(sizes), 200), dtype=np.int64),
        audit_ids=np.arange(images),
        audit=np.where(right, 0, 1),
    )
    answers = SimpleNamespace(image_ids=list(range(images)), truth=["cat"] * images)
    monkeypatch.setattr(ahead, "Snapshots", SimpleNamespace(load=lambda folder: said))
    monkeypatch.setattr(ahead, "judged_answers", lambda project, said: answers)
    monkeypatch.setattr(ahead, "share_for_audit", lambda project: 0.2)
    run = SimpleNamespace(run_id=1, directory="models/1")
    monkeypatch.setattr(type(project.store.runs), "latest", lambda self: run)
    found = to_target(project)
    assert found.answers == pytest.approx((46.4 - 32) / 0.8, rel=0.25)
    assert found.low is not None
    assert found.low <= found.answers
    far = to_target(project.set(target=0.97))  # at 345 labels, further than the curve is followed
    assert far.answers is None
    assert "does not reach 97% by 64 labels" in far.words
