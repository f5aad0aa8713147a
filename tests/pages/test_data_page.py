"""Data: the demo, a new project, recent projects, and what is in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_helpers import OpenPage, buttons, press, primary, strip, texts

from coldstart.project import Project
from coldstart.workflow.projects import recent_projects


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The jobs a page starts, noted instead of run."""
    jobs: list[tuple[str, list[str]]] = []

    def note(project: Project, kind: str, arguments: list[str] | None = None, by: str = "") -> int:
        jobs.append((kind, list(arguments or [])))
        return 1

    monkeypatch.setattr("coldstart.jobs.submit", note)
    return jobs


def test_the_start_offers_demo_folder_and_recent(open_page: OpenPage, scanned: Project) -> None:
    app = open_page("data")
    assert primary(app)[0] == "Open the demo"
    assert "Make the project and scan" in buttons(app)
    assert "24 images · 0 labelled" in texts(app)


def test_one_click_opens_the_demo_and_starts_its_embeddings(
    open_page: OpenPage,
    images: Path,
    started: list[tuple[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In place of the 1,797 digits, 24 images: the browser test opens the real demo.
    monkeypatch.setattr(
        "coldstart.ui.project_picker.open_demo",
        lambda projects, progress: Project.create(projects / "digits-demo", [images], name="demo"),
    )
    app = press(open_page("data"), "Open the demo")
    assert not app.error
    assert started == [("embed", ["--encoder", "folder"])]
    assert app.query_params["project"] == "digits-demo"
    assert "<b>24</b>" in strip(app)
    assert "Select &amp; Label" in texts(app)


def test_a_folder_becomes_a_project_and_is_scanned(
    open_page: OpenPage, places: Path, started: list[tuple[str, list[str]]]
) -> None:
    (places / "my photos").mkdir()
    (places / "my photos" / "a.txt").write_text("something")
    app = open_page("data")
    app.text_input(key="new_project_folder").set_value(str(places / "my photos")).run()
    press(app, "Make the project and scan")
    assert not app.error
    assert started == [("scan", [])]
    assert [one.name for one in recent_projects()] == ["my photos"]
    assert app.query_params["project"] == "my-photos"


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("nowhere", "does not exist"),
        ("empty", "is empty"),
        ("file.txt", "is a file"),
        ("../..", "outside the folders"),
    ],
)
def test_a_folder_that_will_not_do_is_one_sentence(
    open_page: OpenPage, places: Path, folder: str, reason: str
) -> None:
    (places / "empty").mkdir()
    (places / "file.txt").write_text("x")
    app = open_page("data")
    app.text_input(key="new_project_folder").set_value(str(places / folder)).run()
    press(app, "Make the project and scan")
    assert len(app.error) == 1
    assert reason in app.error[0].value
    assert recent_projects() == []


def test_browsing_fills_in_the_folder(open_page: OpenPage, places: Path) -> None:
    (places / "photos" / "summer").mkdir(parents=True)
    app = open_page("data")
    press(app, str(places))
    press(app, "photos")
    press(app, "summer")
    press(app, "Use this folder")
    assert app.text_input(key="new_project_folder").value == str(places / "photos" / "summer")


def test_a_recent_project_opens(open_page: OpenPage, scanned: Project) -> None:
    app = press(open_page("data"), "Open")
    assert app.query_params["project"] == "Dark-and-light"
    assert "What is in this folder?" in texts(app)


def test_what_is_in_the_folder(open_page: OpenPage, scanned: Project) -> None:
    app = open_page("data", scanned)
    said = texts(app)
    assert "<b>24</b>" in said
    assert "PNG" in said
    assert "24 px" in said
    assert "<span>Kinds of finding</span><b>1</b>" in said
    assert [tab.label for tab in app.tabs] == [
        "Images",
        "Findings",
        "Gone since the last scan",
        "Labels you have",
    ]
    app.session_state["data_tab"] = "Findings"
    assert "box-0/notes.png" in texts(app.run())
    unusable = press(app.run(), "Show").dataframe[0].value
    assert list(unusable["File"]) == ["box-0/notes.png"]
    assert "not an image" in unusable["Why it cannot be used"][0]
    assert primary(app) == ["Go to Embeddings"]


def test_thumbnails_come_by_route_and_never_as_bytes(open_page: OpenPage, scanned: Project) -> None:
    grid = next(
        one.value for one in open_page("data", scanned).html if "cs-thumb" in one.value[:200]
    )
    assert grid.count("<img") == 24
    assert grid.count('src="/thumbnails/') == 24
    assert "base64" not in grid


def test_scanning_again_is_a_job(
    open_page: OpenPage, scanned: Project, started: list[tuple[str, list[str]]]
) -> None:
    press(open_page("data", scanned), "Scan again")
    assert started == [("scan", [])]


def test_all_thumbnails_can_be_made_at_once(
    open_page: OpenPage, scanned: Project, started: list[tuple[str, list[str]]]
) -> None:
    press(open_page("data", scanned), "Make all thumbnails")
    assert started == [("thumbnails", [])]


def test_another_folder_is_added_and_scanned(
    open_page: OpenPage, scanned: Project, places: Path, started: list[tuple[str, list[str]]]
) -> None:
    (places / "more").mkdir()
    (places / "more" / "a.jpg").write_bytes(b"x")
    app = open_page("data", scanned)
    field = next(one for one in app.text_input if one.label.startswith("Another folder"))
    field.set_value(str(places / "more"))
    press(app, "Add and scan")
    assert not app.error
    assert started == [("scan", [])]
    assert Project.open(scanned.directory).roots[-1] == places / "more"

    next(one for one in app.text_input if one.label.startswith("Another")).set_value("nowhere")
    press(app, "Add and scan")
    assert "full path" in app.error[0].value
