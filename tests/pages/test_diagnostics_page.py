"""Diagnostics: what is measured, what it is worth, and no verdict without an audit set."""

from __future__ import annotations

from page_helpers import OpenPage, primary, texts

from coldstart.project import Project
from coldstart.workflow.train import train


def test_without_an_audit_set_no_verdict_is_given(open_page: OpenPage, labelled: Project) -> None:
    train(labelled)
    app = open_page("diagnostics", labelled)
    assert not app.error, app.error[0].value
    said = texts(app)
    assert "No verdict can be given: there is no audit set" in said
    assert "no estimate of the accuracy on the pool" in said
    assert primary(app) == ["Label some more"]


def test_every_plot_has_its_question_above_it(open_page: OpenPage, labelled: Project) -> None:
    app = open_page("diagnostics", labelled)
    assert [one.value for one in app.subheader] == [
        "Is another label still worth it?",
        "Are the labels balanced?",
        "What does the pool look like, and where are the labels?",
        "Do images that lie close together belong together?",
    ]
    assert len(app.get("plotly_chart")) == 4


def test_the_map_can_be_coloured_four_ways(open_page: OpenPage, labelled: Project) -> None:
    app = open_page("diagnostics", labelled)
    assert "Shown for now: the two main directions (PCA)" in texts(app)
    for colouring in ("state", "class", "coverage"):
        app.session_state["map_colouring"] = colouring
        app.run()
        assert not app.error
    app.session_state["map_colouring"] = "prediction"
    app.run()
    assert "There is no prediction yet" in texts(app)
    train(labelled)
    app.run()
    assert "There is no prediction yet" not in texts(app)
    assert not app.error


def test_before_any_label_it_still_says_what_labels_would_add(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("diagnostics", embedded)
    assert not app.error, app.error[0].value
    assert "more of the pool close to a label" in texts(app)
    assert "Nothing is labelled yet" in texts(app)
