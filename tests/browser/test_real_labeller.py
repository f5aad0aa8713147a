"""The labeller on its real page: searching, and changing classes while labelling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from queued import labellable
from streamlit_server import REPOSITORY, StreamlitServer, free_port

from coldstart.workflow.queue import queue_images

IMAGES = 12


@pytest.fixture
def labeller(page: Page, tmp_path: Path) -> Iterator[Page]:
    """The labeller over twelve queued images, 00.png to 11.png."""
    project = labellable(tmp_path, IMAGES)
    queue_images(project, range(1, IMAGES + 1), "for the test")
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={"COLDSTART_PROJECTS": str(tmp_path / "projects")},
        log=tmp_path / "server.log",
        port=free_port(),
    )
    server.start()
    page.set_default_timeout(30_000)
    page.goto(f"{server.url}/label?project=team")
    yield page
    server.stop()
    project.store.close()


def test_a_second_search_is_shown_and_kept_until_another_list_is_chosen(labeller: Page) -> None:
    cells = labeller.get_by_role("grid", name="Images to label").get_by_role("gridcell")
    expect(cells).to_have_count(IMAGES, timeout=60_000)
    for part, found in (("0", 11), ("1.png", 2)):
        _open_search(labeller)
        labeller.get_by_label("Path contains").fill(part)
        labeller.get_by_label("Path contains").press("Enter")
        labeller.get_by_role("button", name="Show", exact=True).click()
        expect(
            labeller.get_by_text(f"{found} images found, in the order of the scan.")
        ).to_be_visible()
        expect(cells).to_have_count(found)
    # To look at the search once more does not take it away.
    _open_search(labeller)
    expect(labeller.get_by_role("button", name="Search (on)")).to_be_visible()
    expect(labeller.get_by_role("button", name="Clear", exact=True).last).to_be_enabled()
    labeller.keyboard.press("Escape")
    labeller.get_by_text("Skipped", exact=True).first.click()
    expect(labeller.get_by_text("No image stands at")).to_be_visible()
    labeller.get_by_text("Queue", exact=True).first.click()
    expect(cells).to_have_count(IMAGES)
    expect(labeller.get_by_text("images found")).to_have_count(0)


def test_a_class_gets_another_key_and_is_merged_with_a_preview_and_one_undo(labeller: Page) -> None:
    cells = labeller.get_by_role("grid", name="Images to label").get_by_role("gridcell")
    expect(cells).to_have_count(IMAGES, timeout=60_000)
    cells.nth(0).click()
    labeller.keyboard.press("2")
    expect(cells.nth(0)).to_have_attribute("aria-label", re.compile("dog$"))
    labeller.get_by_role("button", name="Classes").click()
    dialog = labeller.get_by_role("dialog")
    _choose(dialog.get_by_role("combobox", name=re.compile("^Class")), "dog")
    _choose(dialog.get_by_role("combobox", name=re.compile("Key")), "q")
    dialog.get_by_role("button", name="Use this key").click()
    expect(dialog.get_by_text("Key changed.")).to_be_visible()
    dialog.get_by_label("New class").fill("dog")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("“dog” is a class already.")).to_be_visible()
    labeller.keyboard.press("Escape")
    expect(labeller.get_by_role("button", name="q dog")).to_be_visible()
    labeller.keyboard.press("q")
    expect(cells.nth(1)).to_have_attribute("aria-label", re.compile("dog$"))

    labeller.get_by_role("button", name="Classes").click()
    dialog.get_by_role("tab", name="Merge").click()
    _choose(dialog.get_by_role("combobox", name=re.compile("Merge these")), "dog")
    dialog.get_by_text("2 images").click()  # the preview; and the open list closes
    dialog.get_by_role("button", name="Merge", exact=True).click()
    undo = dialog.get_by_role("button", name=re.compile("^undo Undo|Undo: ")).last
    expect(undo).to_contain_text("merged")
    undo.click()
    expect(dialog.get_by_text("Undone: “dog” merged into “cat”.")).to_be_visible()
    labeller.keyboard.press("Escape")
    expect(cells.nth(0)).to_have_attribute("aria-label", re.compile("dog$"))


def _choose(box: Locator, option: str) -> None:
    box.click()
    box.page.keyboard.type(option)
    box.page.get_by_role("option", name=option).first.click()


def _open_search(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Search")).first.click()
    expect(page.get_by_label("Path contains")).to_be_visible()
