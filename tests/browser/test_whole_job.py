"""The whole job on the demo, as a person does it: from one click to a manifest on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from streamlit_server import REPOSITORY, StreamlitServer, free_port

from coldstart.labels.manifest import MANIFEST_COLUMNS, read_manifest
from coldstart.project import Project
from coldstart.workflow.demo import DEMO_FOLDER, write_digits

EMBEDDED_WITHIN_MS = 240_000
STEP_WITHIN_MS = 60_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StreamlitServer]:
    """The real app, with no project yet."""
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={"COLDSTART_PROJECTS": str(tmp_path / "projects")},
        log=tmp_path / "server.log",
        port=free_port(),
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, str]:
    """File name -> the class a person would see on it."""
    digits: np.ndarray = write_digits(tmp_path / "truth")
    names = [file.name for file in sorted((tmp_path / "truth").rglob("*.png"))]
    return {name: WORDS[digit] for name, digit in zip(names, digits.tolist(), strict=True)}


def test_from_one_click_to_a_manifest(
    page: Page, server: StreamlitServer, truth: dict[str, str], tmp_path: Path
) -> None:
    # Open the demo: written, scanned, and its embeddings are on their way.
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo").click(timeout=STEP_WITHIN_MS)
    queue_button = page.get_by_role("button", name="Queue these")
    expect(queue_button).to_be_enabled(timeout=EMBEDDED_WITHIN_MS)

    # Choose 20, having seen what each budget would cover.
    expect(page.get_by_text("How much of the pool would each budget cover?")).to_be_visible()
    _set_budget(page, 20)
    page.get_by_role("button", name="Queue these 20").click()
    grid = page.get_by_role("grid", name="Images to label")
    expect(grid.get_by_role("gridcell")).to_have_count(20, timeout=STEP_WITHIN_MS)

    # Label them with the keyboard alone, naming classes on the way.
    answers = _label_everything(page, truth)
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    assert len(answers) == 20

    # See them counted.
    _go_to(page, "Train")
    expect(page.get_by_text("20 images labelled")).to_be_visible(timeout=STEP_WITHIN_MS)

    # The batch is done, so the probe is trained by itself.
    expect(page.get_by_text("What does it say about the whole pool?")).to_be_visible(
        timeout=STEP_WITHIN_MS
    )
    expect(page.get_by_text("It has seen every label.")).to_be_visible()

    # Download the manifest and check the file.
    with page.expect_download() as download:
        page.get_by_role("button", name="Manifest (csv)").click()
    file = tmp_path / "manifest.csv"
    download.value.save_as(file)
    table = read_manifest(file)
    assert tuple(table.columns) == MANIFEST_COLUMNS
    assert {Path(path).name: name for path, name in zip(table["path"], table["class_name"])} == (
        answers
    )
    assert set(table["state"]) == {"class"}
    assert sorted(table["rank"].tolist()) == list(range(1, 21))

    # See the map, first by principal components, then by UMAP.
    _go_to(page, "Diagnostics")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=STEP_WITHIN_MS)
    page.get_by_role("button", name="Compute the map").click(timeout=STEP_WITHIN_MS)
    expect(page.get_by_text("laid out by UMAP")).to_be_visible(timeout=EMBEDDED_WITHIN_MS)
    assert "Traceback" not in page.content()

    # The other two pages too ask nobody outside (the window watches all of its requests).
    _go_to(page, "Embeddings")
    expect(page.get_by_text("Does it find alike what you find alike?")).to_be_visible(
        timeout=STEP_WITHIN_MS
    )
    _go_to(page, "Data")
    expect(page.get_by_text("and every folder below")).to_be_visible(timeout=STEP_WITHIN_MS)

    # What the person did is in the store, whatever became of the tab.
    project = Project.open(tmp_path / "projects" / DEMO_FOLDER)
    assert project.store.labels.counts() == {"class": 20}
    project.store.close()


def test_a_deep_link_runs_the_entry_script_first(page: Page, server: StreamlitServer) -> None:
    # The very first request to this server is for a page, not for the start.
    page.goto(f"{server.url}/train")
    expect(page.get_by_role("link", name="Select & Label")).to_be_visible(timeout=STEP_WITHIN_MS)
    expect(page.get_by_role("link", name="Data", exact=True)).to_be_visible()
    assert "Traceback" not in page.content()


def _label_everything(page: Page, truth: dict[str, str]) -> dict[str, str]:
    """Answer every image of the page from the truth; file name -> class given."""
    cells = page.get_by_role("grid", name="Images to label").get_by_role("gridcell")
    names = [str(cells.nth(i).get_attribute("aria-label")).split(",")[0] for i in range(20)]
    known: list[str] = []
    keys = "1234567890"
    cells.first.click()
    page.keyboard.press("Escape")
    answers = {}
    for position, name in enumerate(names):
        cell = cells.nth(position)
        word = truth[name]
        if word in known:
            page.keyboard.press(keys[known.index(word)])
        else:
            page.keyboard.press("n")
            page.keyboard.type(word)
            page.keyboard.press("Enter")
            known.append(word)
        expect(cell).to_have_attribute("aria-label", f"{name}, {word}")
        answers[name] = word
    return answers


def _set_budget(page: Page, budget: int) -> None:
    slider = page.get_by_role("slider", name="Budget")
    slider.focus()
    for _ in range(50):
        now = int(slider.input_value())
        if now == budget:
            break
        slider.press("ArrowLeft" if now > budget else "ArrowRight")
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)


def _go_to(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
