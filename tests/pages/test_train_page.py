"""Train: the measured accuracy first, and nothing to press when there is nothing to gain."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from audited_pool import answer, make_project
from page_helpers import OpenPage, press, primary, strip, texts

from coldstart import cli
from coldstart.jobs import JOB_VARIABLE
from coldstart.labels.manifest import MANIFEST_FORMATS
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.ui import mistakes_view
from coldstart.workflow.select import select
from coldstart.workflow.train import train


def test_before_labels_it_says_to_label(open_page: OpenPage, embedded: Project) -> None:
    app = open_page("train", embedded)
    assert primary(app) == ["Go to Select & Label"]
    assert "Nothing is labelled yet" in texts(app)
    assert not app.get("download_button")


def test_one_class_is_refused_in_words(open_page: OpenPage, embedded: Project) -> None:
    dark = embedded.store.labels.add_class("dark").class_id
    image_id = embedded.store.images.usable()[0].image_id
    embedded.store.labels.append([NewEvent("one", image_id, "ann", "class", dark)])
    app = open_page("train", embedded)
    assert "one class" in texts(app)
    assert "Train" not in primary(app)


def test_train_is_a_job(
    open_page: OpenPage, labelled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(
        "coldstart.jobs.submit", lambda _, kind, arguments=(), by="": started.append(kind)
    )
    app = open_page("train", labelled)
    assert primary(app) == ["Train"]
    press(app, "Train")
    assert started == ["train"]


def test_the_measured_accuracy_stands_first(open_page: OpenPage, labelled: Project) -> None:
    report = train(labelled)
    app = open_page("train", labelled)
    assert not app.error, app.error[0].value
    said = texts(app)
    assert report.how in said
    assert "Accuracy and its 95% interval" in said
    # Of chosen images; the strip speaks of the pool.
    assert "accuracy</i><b>not measured yet" in strip(app)
    assert app.get("plotly_chart")
    assert list(app.dataframe[0].value["Labels"]) == [10, 10]
    assert primary(app) == ["Go to Diagnostics"]


def test_the_accuracy_of_the_audit_comes_before_that_of_the_labels(
    open_page: OpenPage, places: Path
) -> None:
    project = make_project(places / "projects" / "audited")
    answer(project, select(project, "kmeans", 80, audit_share=0.5).image_ids)
    train(project)
    app = open_page("train", project)
    assert not app.error, app.error[0].value
    facts = next(one.value for one in app.html if '<div class="cs-facts">' in one.value)
    assert facts.index("on the rest of the pool") < facts.index("In cross-validation")
    assert "Measured on 38 images drawn at random" in texts(app)
    assert "has also learned from the audit labels" in texts(app)
    assert "<small>" in strip(app)
    project.store.close()


def test_a_click_on_a_cell_chooses_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {"confusion": {"selection": {"points": [{"customdata": [1, 0]}]}}}
    monkeypatch.setattr(mistakes_view.st, "session_state", state)
    mistakes_view._clicked(["cat", "dog"])
    assert (state["mistakes_list"], state["mistakes_cell"]) == ("cell", ("dog", "cat"))


def test_new_labels_make_it_worth_training_again(open_page: OpenPage, labelled: Project) -> None:
    train(labelled)
    dark = labelled.store.labels.add_class("dark").class_id
    image_id = labelled.store.images.usable()[-1].image_id
    labelled.store.labels.append([NewEvent("late", image_id, "ann", "class", dark)])
    app = open_page("train", labelled)
    assert primary(app) == ["Train again"]
    assert "1 label came since" in texts(app)


def test_labels_and_predictions_can_be_taken_away(open_page: OpenPage, labelled: Project) -> None:
    train(labelled)
    app = open_page("train", labelled)
    names = [one.proto.label for one in app.get("download_button")]
    assert names == [
        "CSV",  # the numbers behind the confusion matrix
        "Predictions (csv)",
        "Predictions (parquet)",
        *(f"Manifest ({name})" for name in MANIFEST_FORMATS),
    ]
    assert "from coldstart.training import load_labelled" in app.code[-1].value


def test_folders_of_images_and_coco_are_written_by_the_job_of_the_page(
    open_page: OpenPage, labelled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_this_process(command: Sequence[str], *, env: Mapping[str, str], **_: object) -> object:
        assert command[:3] == [sys.executable, "-m", "coldstart"]
        with monkeypatch.context() as patch:
            patch.setenv(JOB_VARIABLE, env[JOB_VARIABLE])
            assert cli.main(command[3:]) == 0
        return SimpleNamespace(pid=0, wait=lambda: 0)

    monkeypatch.setattr(subprocess, "Popen", in_this_process)
    app = open_page("train", labelled)
    written = labelled.directory / "exports"
    for format, place in (("imagefolder", "by class"), ("hf", "for hub"), ("coco", "coco.json")):
        app.selectbox(key="export_format").set_value(format).run()
        app.text_input(key=f"export_to_{format}").set_value(place).run()
        press(app, "Export")
        assert not app.error, app.error[0].value
        assert f"20 images: `{written / place}`" in texts(app)
    folders = {one.name: len(list(one.glob("*.png"))) for one in (written / "by class").iterdir()}
    assert folders["dark"] == folders["light"] == 10
    assert (written / "for hub" / "metadata.csv").is_file()
    assert json.loads((written / "coco.json").read_text())["categories"]
