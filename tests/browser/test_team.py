"""Two people and a reviewer on one real server, each in a browser of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from queued import labellable
from streamlit_server import REPOSITORY, StreamlitServer, free_port
from watched_browser import watched_context

from coldstart.project import Project
from coldstart.workflow.export import manifest_rows
from coldstart.workflow.queue import queue_images
from coldstart.workflow.team import join, set_role

IMAGES = 30

Arrive = Callable[[str], Page]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Project]:
    """Thirty queued images, about a quarter for two people; Olga owns the project, Rita reviews."""
    project = labellable(tmp_path, IMAGES, settings={"overlap": 0.25})
    for name in ("Olga", "Rita"):
        join(project, name)
    set_role(project, "Rita", "reviewer", by="Olga")
    queue_images(project, range(1, IMAGES + 1), "for the test", by="Olga")
    yield project
    project.store.close()


@pytest.fixture
def arrive(team: Project, chromium: Browser, tmp_path: Path) -> Iterator[Arrive]:
    """arrive(name): a browser of this person's own, on the labeller's page."""
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={"COLDSTART_PROJECTS": str(tmp_path / "projects")},
        log=tmp_path / "server.log",
        port=free_port(),
    )
    server.start()
    with ExitStack() as stack:

        def open_page(name: str) -> Page:
            context = stack.enter_context(watched_context(chromium))
            cookie = {"name": "coldstart_name", "value": name, "url": server.url}
            context.add_cookies([cookie])  # type: ignore[list-item]
            page = context.new_page()
            page.set_default_timeout(30_000)
            page.goto(f"{server.url}/label?project=team")
            return page

        yield open_page
    server.stop()


def grid_of(page: Page) -> Locator:
    grid = page.get_by_role("grid", name="Images to label")
    expect(grid.get_by_role("gridcell").first).to_be_visible(timeout=60_000)
    return grid


def names_on(grid: Locator) -> set[str]:
    labels = grid.get_by_role("gridcell").evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('aria-label'))"
    )
    return {label.split(",")[0] for label in labels}


def label_all(page: Page, key: str) -> None:
    page.keyboard.press("Control+a")
    page.keyboard.press(key)
    expect(page.get_by_role("status").filter(has_text="saved")).to_have_text("saved")


def test_two_people_share_a_queue_disagree_and_a_reviewer_decides(
    team: Project, arrive: Arrive
) -> None:
    wanted = {pick.image_id: pick.wanted for pick in team.store.batches.picks(1)}
    twice = {f"{image_id - 1:02}.png" for image_id, number in wanted.items() if number == 2}
    assert 2 <= len(twice) < IMAGES / 2

    # Anna holds every image; Ben is shown those that two people are to answer, and no other.
    anna = arrive("Anna")
    assert len(names_on(grid_of(anna))) == IMAGES
    ben = arrive("Ben")
    assert names_on(grid_of(ben)) == twice

    # Anna leaves by closing her tab, with some images answered: the others are Ben's.
    grid_of(anna).get_by_role("gridcell", name=re.compile(rf"^{min(twice)}, ")).click()
    anna.keyboard.press("1")
    expect(anna.get_by_role("status").filter(has_text="saved")).to_have_text("saved")
    anna.close()
    ben.reload()
    expect(grid_of(ben).get_by_role("gridcell")).to_have_count(IMAGES)
    assert {lease.holder for lease in team.store.leases.current()} == {"Ben"}

    # He does not see what she has said, and says otherwise.
    shared = grid_of(ben).get_by_role("gridcell", name=re.compile(rf"^{min(twice)}, "))
    expect(shared).to_have_attribute("aria-label", f"{min(twice)}, unlabelled")
    shared.click()
    label_all(ben, "2")
    assert team.store.labels.counts() == {"class": IMAGES - 1}
    assert len(team.store.labels.unresolved()) == 1

    # A labeller is not offered the disagreements; the reviewer decides them.
    expect(ben.get_by_text("Disagreements")).to_have_count(0)
    rita = arrive("Rita")
    rita.get_by_text("Disagreements").click()
    grid = grid_of(rita)
    expect(grid.get_by_role("gridcell")).to_have_count(1)
    grid.get_by_role("gridcell").click()
    rita.keyboard.press("2")
    expect(rita.get_by_role("status").filter(has_text="saved")).to_have_text("saved")
    assert team.store.labels.unresolved() == []
    rows = {Path(row.path).name: row for row in manifest_rows(team)}
    assert len(rows) == IMAGES
    assert {row.class_name for row in rows.values()} == {"dog"}
