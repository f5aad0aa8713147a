"""Diagnostics: the verdict with its reasons first, and no number that was not measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from audited_pool import answer, make_project
from page_helpers import OpenPage, buttons, press, strip, texts

from coldstart.project import Project
from coldstart.workflow.select import select
from coldstart.workflow.train import train

QUESTIONS = [
    "How good is the model on the rest of the pool?",
    "Do more labels still change what it says?",
    "Is another label still worth it?",
    "How much of the pool do the labels cover?",
]


@pytest.fixture
def audited(places: Path) -> Iterator[Project]:
    """200 images, 120 of them labelled, 38 for the audit, and a model."""
    made = make_project(places / "projects" / "audited")
    answer(made, select(made, "kmeans", 120, audit_share=0.35).image_ids)
    train(made)
    yield made
    made.store.close()


def test_without_an_audit_no_verdict_is_given(open_page: OpenPage, labelled: Project) -> None:
    train(labelled)
    app = open_page("diagnostics", labelled)
    assert not app.error, app.error[0].value
    said = texts(app)
    assert "0 audit labels: too few to say how good the model is" in said
    assert "accuracy</i><b>not measured yet" in strip(app)
    assert "Label some more" in buttons(app)
    assert [one.proto.label for one in app.get("download_button")][:1] == ["Report"]


def test_the_audit_off_is_said(open_page: OpenPage, labelled: Project) -> None:
    app = open_page("diagnostics", labelled.set(audit_share=0))
    assert "nobody can tell you how good the model is" in texts(app)


def test_with_an_audit_the_verdict_stands_first(open_page: OpenPage, audited: Project) -> None:
    app = open_page("diagnostics", audited)
    assert not app.error, app.error[0].value
    verdict = next(one.value for one in app.html if '<section class="cs-verdict"' in one.value)
    assert "labels are expected to bring" in verdict
    assert "that it had never seen" in verdict
    assert "<small>" in strip(app)
    assert len(audited.store.audit.looks()) == 1
    assert [one.value for one in app.subheader][:5] == [
        *QUESTIONS,
        "What do the regions without a label look like?",
    ]
    assert len(app.get("plotly_chart")) == 9


def test_a_target_and_a_price_are_kept_and_decide(open_page: OpenPage, audited: Project) -> None:
    app = open_page("diagnostics", audited)
    app.number_input[0].set_value(20.0)
    press(app, "Use these")
    assert Project.open(audited.directory).settings["target"] == 0.2
    assert "You may stop: with 95% confidence" in texts(app)
    app.number_input[0].set_value(None)
    app.number_input[1].set_value(1000.0)
    press(app, "Use these")
    assert Project.open(audited.directory).settings["price"] == 1000
    assert "at 1000 labels a point" in texts(app)
    mended = open_page("diagnostics", audited.set(target="much"))
    assert "setting target is" in mended.error[0].value


def test_every_plot_has_its_question_above_it(open_page: OpenPage, labelled: Project) -> None:
    app = open_page("diagnostics", labelled)
    asked = [one.value for one in app.subheader]
    assert asked[:4] == QUESTIONS
    assert asked[-5:] == [
        "Are the labels balanced?",
        "What does the pool look like, and where are the labels?",
        "What did each batch bring, and would random have brought it too?",
        "How much would count as covered if the radius were another?",
        "Do images that lie close together belong together?",
    ]
    # Before a model there are no looks, no kappa and no learning curve, and no empty plots of them.
    assert len(app.get("plotly_chart")) == 6


def test_the_map_can_be_coloured_six_ways(open_page: OpenPage, labelled: Project) -> None:
    app = open_page("diagnostics", labelled)
    assert "Shown for now: the two main directions (PCA)" in texts(app)
    for colouring in ("state", "class", "coverage", "annotator"):
        app.session_state["map_colouring"] = colouring
        app.run()
        assert not app.error
    app.session_state["map_colouring"] = "prediction"
    app.run()
    assert "There is no prediction yet" in texts(app)
    train(labelled)
    app.run()
    assert "There is no prediction yet" not in texts(app)
    app.session_state["map_colouring"] = "uncertainty"
    app.run()
    assert not app.error


def test_before_any_label_it_still_says_what_labels_would_add(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("diagnostics", embedded)
    assert not app.error, app.error[0].value
    assert "of the pool close to a label" in texts(app)
    assert "Nothing is labelled yet" in texts(app)


def test_a_new_audit_begins_by_a_button_and_its_size_can_be_set(
    open_page: OpenPage, audited: Project
) -> None:
    app = open_page("diagnostics", audited)
    assert "1 of 9 looks of this audit are taken." in texts(app)
    share = next(one for one in app.number_input if one.label.startswith("Of each batch"))
    share.set_value(0.0)
    next(one for one in app.number_input if one.label == "Audit labels wanted").set_value(200)
    press(app, "Use these for the audit")
    settings = Project.open(audited.directory).settings
    assert (settings["audit_share"], settings["audit_labels"]) == (0, 200)
    assert any("nobody can tell you" in one.value for one in app.warning)
    press(app, "Begin a new audit")
    assert any("Audit 2 has" in one.value for one in app.success)
    assert "0 audit labels: too few to say" in texts(app)
    assert audited.store.audit.number() == 2
