"""What holds for every page: strip, project in the URL, what to do next, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_helpers import OpenPage, buttons, press, primary, strip, texts
from streamlit.testing.v1 import AppTest

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui.places import ENTRY_SCRIPT, page_file

PAGES = ("embeddings", "label", "train", "diagnostics")


@pytest.mark.parametrize("page", PAGES)
def test_without_a_project_a_page_says_how_to_get_one(open_page: OpenPage, page: str) -> None:
    app = open_page(page)
    assert primary(app) == ["Choose a project"]
    assert "Open the demo" in app.info[0].value
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_without_embeddings_each_page_leads_to_the_step_before(
    open_page: OpenPage, scanned: Project, page: str
) -> None:
    app = open_page(page, scanned)
    assert not app.error
    assert len(primary(app)) == 1
    assert primary(app)[0] in ("Compute embeddings", "Go to Embeddings", "Go to Select & Label")


@pytest.mark.parametrize("page", ["data", *PAGES])
def test_the_strip_stands_on_every_page(open_page: OpenPage, labelled: Project, page: str) -> None:
    app = open_page(page, labelled)
    assert not app.error, [one.value for one in app.error]
    assert "Dark and light" in strip(app)
    assert "<b>24</b>" in strip(app)
    assert "<b>20</b>" in strip(app)
    assert "accuracy</i><b>not measured yet" in strip(app)


def test_the_project_survives_page_changes_and_reload(
    open_page: OpenPage, scanned: Project
) -> None:
    app = open_page("train", scanned)
    assert app.query_params["project"] == "Dark-and-light"
    # A link to another page empties the query; the session still knows.
    del app.query_params["project"]
    app.switch_page(page_file("embeddings")).run()
    assert app.query_params["project"] == "Dark-and-light"
    # A reload is a new session with the same address.
    again = AppTest.from_file(str(ENTRY_SCRIPT), default_timeout=60)
    again.query_params["project"] = "Dark-and-light"
    assert "Dark and light" in strip(again.run())


def test_a_project_that_is_not_there_is_one_sentence(open_page: OpenPage) -> None:
    app = AppTest.from_file(str(ENTRY_SCRIPT), default_timeout=60)
    app.query_params["project"] = "../../etc"
    app.run()
    assert len(app.error) == 1
    assert "no project" in app.error[0].value
    assert "Open the demo" in buttons(app)
    assert "project" not in app.query_params


@pytest.mark.parametrize("page", PAGES)
def test_a_refusal_is_problem_and_remedy_and_nothing_else(
    open_page: OpenPage, labelled: Project, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ColdstartError("The disk is full.", "Make room.")

    monkeypatch.setattr("coldstart.workflow.pool.active_set", refuse)
    monkeypatch.setattr("coldstart.workflow.embed.embedding_sets", refuse)
    monkeypatch.setattr("coldstart.workflow.train.load_pool", refuse)
    app = open_page(page, labelled)
    said = " ".join(one.value for one in app.error) + texts(app)
    assert "The disk is full." in said
    assert "Make room." in said
    assert "Traceback" not in said
    assert "ColdstartError" not in said


def test_a_bug_names_the_log_and_shows_no_traceback(
    open_page: OpenPage, scanned: Project, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("secret inner words")

    monkeypatch.setattr("coldstart.ui.data_view.counts", break_down)
    app = open_page("data", scanned)
    assert len(app.error) == 1
    assert "app.log" in app.error[0].value
    assert "secret inner words" not in app.error[0].value
    log = (places / "projects" / "app.log").read_text()
    assert "secret inner words" in log
    assert "Traceback" in log


def test_markup_in_names_is_shown_as_it_is(open_page: OpenPage, places: Path) -> None:
    (places / "images").mkdir()
    project = Project.create(
        places / "projects" / "odd", [places / "images"], name="<b>*bold*</b> & co"
    )
    app = open_page("data", project)
    assert "&lt;b&gt;*bold*&lt;/b&gt; &amp; co" in strip(app)
    project.store.close()


def test_switching_the_project_goes_back_to_the_start(
    open_page: OpenPage, scanned: Project
) -> None:
    app = press(open_page("data", scanned), "Switch project")
    assert primary(app)[0] == "Open the demo"
    assert "project" not in app.query_params
    assert "Dark and light" in texts(app)


def test_the_annotator_is_asked_once_and_kept(open_page: OpenPage, labelled: Project) -> None:
    app = open_page("data", labelled)
    app.text_input(key="annotator_name").set_value("Grace").run()
    app.switch_page(page_file("train")).run()
    assert app.text_input(key="annotator_name").value == "Grace"
    assert "not checked" in app.text_input(key="annotator_name").help
