"""Embeddings: the encoders on offer, vectors of one's own, and what a finished set finds alike."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from page_helpers import OpenPage, buttons, press, primary, texts
from PIL import Image

from coldstart.embeddings.encoders import ENCODERS
from coldstart.project import Project
from coldstart.workflow.embed import import_vectors, use_set
from coldstart.workflow.pool import active_set
from coldstart.workflow.scan import scan


def test_every_encoder_has_a_card(open_page: OpenPage, scanned: Project) -> None:
    app = open_page("embeddings", scanned)
    said = texts(app)
    for card in ENCODERS.values():
        assert card.title in said
        assert card.knows in said
        assert card.licence in said
    assert primary(app) == ["Compute embeddings"]


def test_mirror_is_remembered_in_the_project(open_page: OpenPage, scanned: Project) -> None:
    app = open_page("embeddings", scanned)
    app.toggle[0].set_value(False).run()
    assert Project.open(scanned.directory).settings["mirror"] is False


def test_a_finished_set_shows_six_images_with_five_neighbours(
    open_page: OpenPage, embedded: Project
) -> None:
    app = open_page("embeddings", embedded)
    alike = next(one.value for one in app.html if 'class="cs-likenesses"' in one.value)
    assert alike.count('class="cs-likeness"') == 6
    assert alike.count("<img") == 6 * 6
    assert primary(app) == ["Go to Select & Label"]
    assert "24 vectors of 6 dimensions" in texts(app)


def test_images_that_came_later_are_told_and_computed(
    open_page: OpenPage, embedded: Project, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Compute what is missing" not in buttons(open_page("embeddings", embedded))
    Image.fromarray(np.full((24, 24, 3), 99, np.uint8)).save(images / "later.png")
    scan(embedded)
    started: list[list[str]] = []
    monkeypatch.setattr("coldstart.jobs.submit", lambda _, kind, words, by: started.append(words))
    app = open_page("embeddings", embedded)
    assert "**1 image** without a vector" in texts(app)
    press(app, "Compute what is missing")
    assert started == [["--encoder", "made for the test", "--name", "made"]]

    np.save(images / "mine.npy", np.random.default_rng(2).normal(size=(25, 3)))
    import_vectors(embedded, images / "mine.npy")
    (images / "later.png").unlink()
    Image.fromarray(np.full((24, 24, 3), 98, np.uint8)).save(images / "last.png")
    scan(embedded)
    app = open_page("embeddings", embedded)
    assert "Import your vectors again" in texts(app)
    assert "Compute what is missing" not in buttons(app)


def test_a_running_job_shows_how_far_it_is(open_page: OpenPage, scanned: Project) -> None:
    job = scanned.store.jobs.start("embed", ["--encoder", "folder"], "ann")
    assert job is not None
    scanned.store.jobs.update(job, done=6, total=24, first_done=0, message="Embedding images")
    app = open_page("embeddings", scanned)
    assert app.progress[0].value == 25
    assert "25%" in app.progress[0].text
    assert "coldstart embed" in app.code[0].value
    press(app, "Cancel")
    assert scanned.store.jobs.cancel_requested(job)
    assert "Stopping at the next step" in texts(app)


def test_a_stopped_job_can_be_resumed(
    open_page: OpenPage, scanned: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scanned.store.jobs.start("embed", ["--encoder", "folder"], "ann")
    assert job is not None
    scanned.store.jobs.finish(job, "failed", error="The disk is full. Make room.")
    resumed = []
    monkeypatch.setattr("coldstart.jobs.resume", lambda _, row, by: resumed.append(row.arguments))
    app = open_page("embeddings", scanned)
    assert "The disk is full" in app.error[0].value
    press(app, "Resume")
    assert resumed == [["--encoder", "folder"]]


def test_a_stopped_job_names_the_command_as_code_and_can_be_closed(
    open_page: OpenPage, scanned: Project
) -> None:
    job = scanned.store.jobs.start("embed", ["--encoder", "vgg16"], "ann")
    assert job is not None
    said = "No *weights*. Run `curl -LO https://example.org/a_b.pth` elsewhere."
    scanned.store.jobs.finish(job, "failed", error=said)
    app = open_page("embeddings", scanned)
    shown = app.error[0].value
    assert shown == r"**No \*weights\*.** Run `curl -LO https://example.org/a_b.pth` elsewhere."
    press(app, "Close")
    assert not app.error
    assert "Resume" not in buttons(app)


def test_own_vectors_are_checked_and_taken(open_page: OpenPage, scanned: Project) -> None:
    good = np.random.default_rng(0).normal(size=(24, 8)).astype(np.float32)
    app = open_page("embeddings", scanned)
    app.file_uploader(key="own_matrix").upload("mine.npy", _npy(good[:20])).run()
    press(app, "Check and import")
    assert len(app.error) == 1
    assert "20" in app.error[0].value
    assert active_set(scanned) is None

    app = open_page("embeddings", scanned)
    app.file_uploader(key="own_matrix").upload("mine.npy", _npy(good)).run()
    press(app, "Check and import")
    assert not app.error, app.error[0].value
    found = active_set(Project.open(scanned.directory))
    assert found is not None
    assert found.name == "mine"


def test_a_weights_file_that_is_not_there_is_one_sentence(
    open_page: OpenPage, scanned: Project, places: Path
) -> None:
    app = open_page("embeddings", scanned)
    app.text_input(key="weights_vgg16").set_value(str(places / "gone.pth")).run()
    assert "no file" in app.error[0].value
    assert "Compute" in buttons(app)


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_two_sets_are_shown_beside_each_other_and_measured(
    open_page: OpenPage, embedded: Project, tmp_path: Path
) -> None:
    file = tmp_path / "other.npy"
    np.save(file, np.random.default_rng(1).normal(size=(24, 5)).astype(np.float32))
    first = active_set(embedded)
    assert first is not None
    import_vectors(embedded, file)
    use_set(Project.open(embedded.directory), first.name)
    app = open_page("embeddings", Project.open(embedded.directory))
    beside = [one.value for one in app.html if 'class="cs-compare"' in one.value]
    assert len(beside) == 4
    assert all(one.count("<img") == 1 + 2 * 5 for one in beside)
    app.toggle(key="compare_measure").set_value(True).run()
    said = texts(app)
    assert "no accuracy can be told yet" in said
    assert "None of these is an accuracy" in said
    used = active_set(Project.open(embedded.directory))
    assert used is not None
    assert used.name == first.name


def test_simclr_shows_its_curve_and_what_came_of_it(open_page: OpenPage, embedded: Project) -> None:
    run = embedded.models / "mine"
    run.mkdir(parents=True)
    rows = [
        {"epoch": 0, "loss": None, "consistency": 0.2, "seconds": 0.0},
        {"epoch": 1, "loss": 5.0, "consistency": 0.6, "seconds": 1.0},
    ]
    (run / "history.json").write_text(json.dumps(rows))
    job = embedded.store.jobs.start("simclr", [], "ann")
    assert job is not None
    result = {"started_from": "tiny.pth", "verdict": "No telling.", "embedding_set": "mine"}
    embedded.store.jobs.finish(job, "done", result=result)
    said = texts(open_page("embeddings", embedded))
    assert "Does training “mine” still help?" in said
    assert "Started from tiny.pth. No telling." in said


def test_a_model_of_timm_is_found_by_its_name(open_page: OpenPage, scanned: Project) -> None:
    app = open_page("embeddings", scanned)
    app.text_input(key="timm_name").set_value("test_resnat").run()
    assert "Did you mean test_resnet" in app.error[0].value.replace("\\", "")
    app.text_input(key="timm_name").set_value("test_resnet").run()
    assert "curl -L -o test_resnet" in " ".join(one.value for one in app.code)
