"""Several people in one project: work handed out, second opinions, reviews, and who may do what."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from coldstart import jobs
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.ui.routes import ProjectGate
from coldstart.workflow.export import manifest_rows
from coldstart.workflow.history import history_rows
from coldstart.workflow.label import append_events, images_by_id, label_page
from coldstart.workflow.projects import open_project, open_served
from coldstart.workflow.queue import queue_images
from coldstart.workflow.scan import scan
from coldstart.workflow.team import hand_out, join, may, next_work, set_role


@pytest.fixture
def team(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """Olga owns it, Rita reviews, Anna and Ben label; all six images go to two people."""
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path))
    scan(project)
    project = project.set(overlap=1.0)
    for name in ("olga", "rita", "anna", "ben"):
        join(project, name)
    set_role(project, "rita", "reviewer", by="olga")
    queue_images(project, range(1, 7), "for the test", by="olga")
    return project


def say(project: Project, who: str, image_id: int, class_name: str) -> None:
    class_id = project.store.labels.add_class(class_name).class_id
    event = NewEvent(str(uuid4()), image_id, who, "class", class_id)
    assert append_events(project, [event]) == {}


def label_of(project: Project, image_id: int) -> str | None:
    rows = {row.path: row.class_name for row in manifest_rows(project)}
    return rows.get(project.store.images.get([image_id])[image_id].path)


def test_two_people_answer_blind_and_a_reviewer_decides(team: Project) -> None:
    assert next_work(team, "anna", 3) == [1, 2, 3]
    assert next_work(team, "ben", 2) == [1, 2]
    assert next_work(team, "olga", 2) == [3, 4]
    say(team, "anna", 1, "cat")
    assert images_by_id(team, [1], seen_by="ben")[0]["state"] is None
    assert images_by_id(team, [1], seen_by="anna")[0]["state"] is not None
    say(team, "ben", 1, "dog")
    assert label_of(team, 1) is None
    assert team.store.labels.unresolved() == [1]
    say(team, "rita", 1, "dog")
    assert label_of(team, 1) == "dog"
    say(team, "anna", 1, "bird")  # a labeller's change of mind does not undo the decision
    assert label_of(team, 1) == "dog"
    say(team, "rita", 1, "cat")
    assert label_of(team, 1) == "cat"


def test_no_list_tells_what_others_said_before_one_has_answered(team: Project) -> None:
    say(team, "anna", 1, "cat")
    for name, state, words in (
        ("ben", None, "not shown: you are to answer it blind"),
        ("rita", "anna", "cat"),
        ("anna", "anna", "cat"),
    ):
        page = label_page(team, "class", 0, seen_by=name)
        shown = page.images[0]["state"]
        assert (shown and shown["annotator"]) == state
        (row,) = history_rows(team, team.store.labels.events(), seen_by=name)
        assert row.answer == words
    say(team, "ben", 1, "dog")  # from now on he may know
    assert history_rows(team, team.store.labels.events(), seen_by="ben")[0].answer == "cat"


def test_a_reviewers_blind_answer_is_one_among_others(team: Project) -> None:
    say(team, "anna", 1, "cat")
    assert next_work(team, "rita", 1) == [1]
    say(team, "rita", 1, "dog")
    assert team.store.labels.unresolved() == [1]
    team.store.leases.give_back("rita")
    say(team, "rita", 1, "dog")  # having seen that they differ
    assert label_of(team, 1) == "dog"


def test_a_page_is_refilled_with_what_is_free(team: Project) -> None:
    queue_images(team, [1], "again", by="olga")
    for name in ("olga", "rita"):
        team.store.leases.take(name, [2, 3])
    assert hand_out(team, "anna", [1, 2, 3, 4, 5, 6], 0, 2) == [1, 4, 5, 6]
    assert team.store.leases.held("anna", range(1, 7)) == {1, 4}
    assert hand_out(team, "anna", [1, 4, 5, 6], 2, 2) == [1, 4, 5, 6]
    assert hand_out(team, "ben", [2, 3], 0, 2) == []


@pytest.mark.parametrize("name", ["anna", "ben"])
def test_a_labeller_may_label_and_no_more(team: Project, name: str) -> None:
    assert [one for one in ("label", "queue", "run", "people") if may(team, name, one)] == ["label"]
    with pytest.raises(ColdstartError, match="labeller in this project and may not queue"):
        queue_images(team, [1], "mine", by=name)
    with pytest.raises(ColdstartError, match="may not compute"):
        jobs.submit(team, "train", by=name)
    with pytest.raises(ColdstartError, match="may not change people"):
        set_role(team, name, "owner", by=name)
    assert team.store.jobs.recent(5) == []


def test_events_that_cannot_be_are_refused_one_by_one_and_a_wrong_clock_decides_nothing(
    team: Project,
) -> None:
    cat = team.store.labels.add_class("cat").class_id
    tomorrow = 4e12
    events = [
        NewEvent("a", 1, "anna", "class", cat, client_time=tomorrow),
        NewEvent("b", 1, "anna", "skipped", client_time=0.0),
        NewEvent("c", 99, "anna", "class", cat),
        NewEvent("d", 1, "anna", "class", 99),
    ]
    assert set(append_events(team, events)) == {"c", "d"}
    # The order of arrival counts, whatever the annotator's clock says.
    assert team.store.labels.current([1])[1].kind == "skipped"
    assert team.store.labels.events()[0].at < 3e9


def test_the_server_opens_only_what_is_on_its_lists(
    team: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_served(team.directory).name == team.name
    elsewhere = tmp_path / "projects"
    elsewhere.mkdir()
    (elsewhere / "linked").symlink_to(team.directory)
    monkeypatch.setenv("COLDSTART_PROJECTS", str(elsewhere))
    for directory in (team.directory, elsewhere / "linked", elsewhere / ".." / "project"):
        with pytest.raises(ColdstartError, match="outside the projects folder"):
            open_served(directory)
    for name in ("linked", "../project", str(team.directory)):
        with pytest.raises(ColdstartError):
            open_project(name)
    inside = Project.create(elsewhere / "inside", [tmp_path / "images"])
    monkeypatch.setenv("COLDSTART_ROOTS", str(elsewhere))
    with pytest.raises(ColdstartError, match="reads images from"):
        open_served(inside.directory)
    monkeypatch.setenv("COLDSTART_ROOTS", str(tmp_path / "images"))
    assert open_served(inside.directory).name == "inside"


def test_a_link_that_leads_out_of_the_allowed_folders_is_not_followed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.png"
    (tmp_path / "images" / "a.png").rename(secret)
    (tmp_path / "images" / "out.png").symlink_to(secret)
    monkeypatch.setenv("COLDSTART_ROOTS", str(tmp_path / "images"))
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path / "project"))
    scan(project)
    assert "out.png" not in {row.path for row in project.store.images.usable()}
    # Swapped for a link after the scan, the file is not given out either.
    row = next(row for row in project.store.images.usable() if row.path == "b.jpg")
    (tmp_path / "images" / "b.jpg").unlink()
    (tmp_path / "images" / "b.jpg").symlink_to(secret)
    assert ProjectGate().image_file(project.directory, row.image_id, row.content_hash) is None
