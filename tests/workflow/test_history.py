"""The history in words, and one person's batch taken back without deleting anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldstart.cli import main
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.history import agreement, history_rows, undo_batch
from coldstart.workflow.queue import queue_images
from coldstart.workflow.scan import scan
from coldstart.workflow.team import join


@pytest.fixture
def told(project: Project) -> Project:
    """Anna changed her mind in batch 1; Ben answered once, outside of it."""
    scan(project)
    project = project.set(overlap=1.0)
    for name in ("olga", "anna", "ben"):
        join(project, name)
    batch = queue_images(project, [1, 2, 3], "for the test").batch_id
    cat, dog = (project.store.labels.add_class(name).class_id for name in ("cat", "dog"))
    project.store.labels.append(
        [
            NewEvent("1", 1, "anna", "class", cat),
            NewEvent("2", 1, "anna", "class", dog, batch_id=batch, origin="model"),
            NewEvent("3", 2, "anna", "class", cat, batch_id=batch),
            NewEvent("4", 2, "ben", "class", dog),
            NewEvent("5", 3, "ben", "unsure"),
        ]
    )
    return project


def standing(project: Project) -> dict[tuple[int, str], str]:
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    return {
        (row.image_id, row.annotator): names.get(row.class_id or 0, row.kind)
        for row in project.store.labels.standing(range(1, 7))
    }


def test_the_history_says_who_what_when_and_how(told: Project) -> None:
    rows = history_rows(told, told.store.events.page(0, 3, annotator="anna"))
    assert [(row.annotator, row.answer) for row in rows] == [
        ("anna", "cat"),
        ("anna", "dog"),
        ("anna", "cat"),
    ]
    assert "person accepted" in rows[1].origin
    assert told.store.events.count(annotator="ben") == 2
    assert told.store.events.annotators() == ["anna", "ben"]
    heaps = [(one.annotator, one.batch_id, one.answers) for one in told.store.events.heaps()]
    assert sorted(heaps, key=str) == sorted(
        [("anna", 1, 1), ("anna", 1, 1), ("ben", None, 2)], key=str
    )


def test_undoing_a_batch_brings_back_what_was_before_and_deletes_nothing(told: Project) -> None:
    before = told.store.labels.events()
    assert undo_batch(told, "anna", batch_id=1, by="olga", dry_run=True).answers == 2
    assert told.store.labels.events() == before
    undone = undo_batch(told, "anna", batch_id=1, by="olga")
    assert (undone.answers, undone.returned) == (2, 1)
    assert standing(told) == {(1, "anna"): "cat", (2, "ben"): "dog", (3, "ben"): "unsure"}
    after = told.store.labels.events()
    assert after[: len(before)] == before
    assert {row.acted_by for row in after[len(before) :]} == {"olga"}
    with pytest.raises(ColdstartError, match="No answer of anna"):
        undo_batch(told, "anna", batch_id=1, by="olga")


def test_only_an_owner_takes_back_what_others_said(told: Project) -> None:
    with pytest.raises(ColdstartError, match="may not undo"):
        undo_batch(told, "anna", batch_id=1, by="ben")
    with pytest.raises(ColdstartError, match="Name a batch or a time"):
        undo_batch(told, "anna", by="anna")
    assert undo_batch(told, "ben", since=0, by="ben").answers == 2


def test_agreement_is_of_blind_answers_and_counts_what_waits(told: Project) -> None:
    found = agreement(told)
    assert (found.fleiss.images, found.fleiss.observed) == (1, 0.0)
    assert [(one.first, one.second) for one in found.pairs] == [("anna", "ben")]
    assert (found.disagreements, found.unsure) == (1, 1)


def test_the_commands_do_the_same(told: Project, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(told.directory)
    assert main(["people", where, "--set-role", "ben=reviewer", "--overlap", "0.2"]) == 0
    assert told.store.members.get("ben").role == "reviewer"  # type: ignore[union-attr]
    assert Project.open(told.directory).settings["overlap"] == 0.2
    assert main(["agreement", where]) == 0
    assert main(["undo", where, "--annotator", "anna", "--batch", "1"]) == 0
    assert "answers: 2" in capsys.readouterr().out
    assert main(["undo", where, "--annotator", "anna", "--since", "yesterday"]) == 1
    assert "no date and time" in capsys.readouterr().err


def test_an_export_as_of_is_a_command(told: Project, tmp_path: Path) -> None:
    where, file = str(told.directory), tmp_path / "m.csv"
    then = ["export", where, "--format", "csv", "--to", str(file), "--as-of", "2001-01-01 14:00"]
    assert main(then) == 0
    assert len(file.read_text().splitlines()) == 1
