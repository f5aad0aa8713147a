"""Classes, search and pace without a screen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coldstart.cli import main
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.scan import scan


@pytest.fixture
def labelled(project: Project) -> Project:
    """Six images: two labelled cat, one dog, each in three seconds."""
    scan(project)
    classes = [project.store.classes.add(name).class_id for name in ("cat", "cat", "dog")]
    rows = project.store.images.usable()
    project.store.labels.append(
        [
            NewEvent(f"u{n}", rows[n].image_id, "ann", "class", one, seconds=3.0)
            for n, one in enumerate(classes)
        ]
    )
    return project


@pytest.fixture
def command(labelled: Project, capsys: pytest.CaptureFixture[str]):
    """command("classes", "--undo"): the JSON that the command prints, or its refusal."""

    def run(name: str, *arguments: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert main([name, str(labelled.directory), "--json", *arguments]) == status
        out = capsys.readouterr()
        return json.loads(out.out) if status == 0 else out.err + out.out

    return run


def test_a_merge_is_told_then_done_then_undone(command) -> None:
    shown = command("classes", "--merge", "cat", "dog", "--dry-run")
    assert "2 images go from “cat” to “dog”, which then has 3" in shown["said"]
    assert shown["classes"] == ["cat (2)", "dog (1)"]
    assert command("classes", "--merge", "cat", "dog")["classes"] == ["dog (3)"]
    assert command("classes", "--undo")["classes"] == ["cat (2)", "dog (1)"]


def test_every_change_of_a_class_is_a_command(command) -> None:
    command("classes", "--rename", "cat", "kitten")
    command("classes", "--color", "kitten", "#ff8800")
    command("classes", "--key", "kitten", "q")
    assert command("classes", "--order", "dog")["classes"] == ["dog (1)", "kitten (2)"]
    assert command("classes", "--delete", "dog")["classes"] == ["kitten (2)"]
    assert "There is no class “cat”" in command("classes", "--delete", "cat", status=1)


def test_find_by_state_class_annotator_and_path_and_queue_it(command) -> None:
    assert command("find", "--state", "class", "--class", "cat")["found"] == 2
    assert command("find", "--by", "nobody")["found"] == 0
    found = command("find", "--state", "unlabelled", "--path", "DEEP/", "--queue")
    assert all("deep/" in path for path in found["paths"])
    assert found["queued"].startswith(f"{found['found']:,} image")
    assert command("find", "--state", "queue")["found"] == found["found"]


def test_pace_tells_nothing_before_five_labels_and_hours_after(command, labelled: Project) -> None:
    assert command("pace")["everybody"]["per_minute"] is None
    image = labelled.store.images.usable()[0].image_id
    labelled.store.labels.append(
        [NewEvent(f"v{n}", image, "ann", "unsure", seconds=3.0) for n in range(3)]
    )
    told = command("pace", "--labels", "1200")["ann"]
    assert told["seconds_each"] == 3.0
    assert told["per_minute"] == pytest.approx(20)
    assert told["hours_to_1200_labels"] == pytest.approx(1)
