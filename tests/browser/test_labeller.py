"""The labeller in a real browser: every key, and no label lost whatever happens around it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect
from streamlit_server import REPOSITORY, StreamlitServer, free_port
from watched_browser import watched_context

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "labeller_app"
PER_PAGE = 24


class Labelling:
    """The test project: its server, and what has really been stored."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = StreamlitServer(
            app=APP / "app.py",
            environment={
                "LABELLER_APP_DIRECTORY": str(directory),
                "COLDSTART_SECRET": "for the tests",
                "COLDSTART_PROJECTS": str(directory.parent),
                "PYTHONPATH": f"{REPOSITORY}:{APP}",
            },
            log=directory.parent / "server.log",
            port=free_port(),
        )

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        file = self.directory / "labels.sqlite"
        with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as database:
            return database.execute(sql, values).fetchall()

    def reset(self, *classes: str) -> None:
        for table in ("events", "classes", "runs", "settings"):
            self.query(f"DELETE FROM {table}")
        for name in classes:
            self.query("INSERT INTO classes(name) VALUES (?)", name)

    def events(self) -> list[tuple[int, str, str | None]]:
        """(image id, kind, class) of each stored event, in order."""
        return self.query(
            "SELECT image_id, kind, name FROM events LEFT JOIN classes ON classes.id = class_id"
            " ORDER BY n"
        )

    def runs(self) -> int:
        return int(self.query("SELECT count(*) FROM runs")[0][0])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labelling]:
    labelling = Labelling(tmp_path_factory.mktemp("labeller") / "project")
    labelling.server.start()
    yield labelling
    labelling.server.stop()


@pytest.fixture(scope="module")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser window for all tests: Streamlit's scripts are fetched once."""
    with watched_context(chromium) as context:
        yield context


@pytest.fixture
def page(window: BrowserContext, server: Labelling) -> Iterator[Page]:
    """A new tab that remembers nothing."""
    page = window.new_page()
    page.set_default_timeout(15_000)
    if server.server.process is None:
        server.server.start()
    page.goto(f"{server.server.url}/_stcore/health")
    page.evaluate("localStorage.clear()")
    yield page
    page.close()


@pytest.fixture
def labelling(server: Labelling) -> Labelling:
    """An unlabelled project with the classes cat, dog and bird."""
    server.reset("cat", "dog", "bird")
    return server


@pytest.fixture
def grid(labelling: Labelling, page: Page) -> Locator:
    return opened(page, labelling)


def opened(page: Page, labelling: Labelling) -> Locator:
    page.goto(labelling.server.url)
    grid = page.get_by_role("grid", name="Images to label")
    expect(grid.get_by_role("gridcell").first).to_be_visible(timeout=30_000)
    return grid


def cell(grid: Locator, number: int) -> Locator:
    return grid.get_by_role("gridcell", name=re.compile(rf"^IMG_{number}\.jpg, "))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def expect_saved(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text="saved")).to_have_text("saved")


def selected(grid: Locator) -> list[int]:
    names = grid.locator('[role=gridcell][aria-selected="true"]').evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('aria-label'))"
    )
    return [int(re.findall(r"\d+", name)[0]) for name in names]


def cursor(grid: Locator) -> int:
    return int(str(grid.get_attribute("aria-activedescendant")).removeprefix("cell-")) - 1


# -- keys


def test_number_keys_label_the_image_under_the_cursor_and_go_on(page: Page, grid, labelling):
    press(page, "1", "2", "3")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, dog")
    expect(cell(grid, 2)).to_have_attribute("aria-label", "IMG_2.jpg, bird")
    expect(cell(grid, 3)).to_have_attribute("aria-label", "IMG_3.jpg, unlabelled")
    expect_saved(page)
    expect(page.get_by_text("3 of 60 labelled in this batch")).to_be_visible()
    assert labelling.events() == [(1, "class", "cat"), (2, "class", "dog"), (3, "class", "bird")]
    assert cursor(grid) == 3


def test_states_clear_and_every_event_says_how_long_it_took(page: Page, grid, labelling):
    press(page, "s", "u", "x", "1", "ArrowLeft", "Backspace")
    for number, words in enumerate(["skipped", "unsure", "excluded", "unlabelled"]):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, {words}")
    expect_saved(page)
    kinds = [kind for _, kind, _ in labelling.events()]
    assert kinds == ["skipped", "unsure", "excluded", "class", "cleared"]
    seconds = [row[0] for row in labelling.query("SELECT seconds FROM events ORDER BY n")]
    assert all(value is not None and 0 <= value < 60 for value in seconds)
    assert labelling.query("SELECT DISTINCT annotator, batch_id FROM events") == [("ann", 7)]


def test_advancing_skips_images_that_have_an_answer(page: Page, grid, labelling):
    press(page, "ArrowRight", "1", "ArrowLeft", "ArrowLeft", "2")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, dog")
    assert cursor(grid) == 2


def test_arrows_space_shift_escape_and_ctrl_a(page: Page, grid, labelling):
    columns = page.evaluate(
        "() => getComputedStyle(document.querySelector('[data-testid=stBidiComponentIsolated]')"
        ".shadowRoot.querySelector('.grid')).gridTemplateColumns.split(' ').length"
    )
    press(page, "ArrowRight", "ArrowDown")
    assert cursor(grid) == columns + 1
    press(page, "ArrowUp", "ArrowLeft", "ArrowLeft")
    assert cursor(grid) == 0
    press(page, "Space", "ArrowRight", "ArrowRight", "Space")
    assert selected(grid) == [0, 2]
    press(page, "Escape")
    assert selected(grid) == []
    press(page, "Shift+ArrowRight", "Shift+ArrowRight")
    assert selected(grid) == [2, 3, 4]
    press(page, "Control+a")
    assert len(selected(grid)) == PER_PAGE
    press(page, "Escape", "Home")
    assert selected(grid) == []


def test_one_key_labels_a_selection(page: Page, grid, labelling):
    press(page, "Shift+ArrowRight", "Shift+ArrowRight", "2")
    for number in range(3):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, dog")
    assert selected(grid) == []
    assert cursor(grid) == 3
    expect_saved(page)
    assert sorted(labelling.events()) == [(n, "class", "dog") for n in (1, 2, 3)]


def test_undo_and_redo_reach_over_pages_and_a_reload(page: Page, grid, labelling):
    press(page, "1", "2", "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible()
    press(page, "Control+z")
    expect_saved(page)
    assert labelling.events()[-1] == (2, "cleared", None)
    expect(page.get_by_text("1 of 60 labelled in this batch")).to_be_visible()
    grid = opened(page, labelling)
    press(page, "Control+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")
    press(page, "Control+Shift+z", "Control+Shift+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, dog")
    expect_saved(page)
    assert labelling.events()[-2:] == [(1, "class", "cat"), (2, "class", "dog")]


def test_undo_restores_the_class_that_stood_before(page: Page, grid, labelling):
    press(page, "1", "ArrowLeft", "2", "Control+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect_saved(page)
    assert labelling.events() == [(1, "class", "cat"), (1, "class", "dog"), (1, "class", "cat")]


def test_zoom_shows_the_original_and_arrows_move_on(page: Page, grid, labelling):
    press(page, "z")
    dialog = page.get_by_role("dialog", name="Image shown large")
    expect(dialog).to_be_visible()
    picture = dialog.get_by_role("img")
    expect(picture).to_have_attribute("alt", "IMG_0.jpg")
    page.wait_for_function(
        "image => image.naturalWidth === 400", arg=picture.element_handle(), timeout=10_000
    )
    press(page, "ArrowRight", "1")
    expect(picture).to_have_attribute("alt", "IMG_2.jpg")
    press(page, "Escape")
    expect(dialog).to_be_hidden()
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, cat")
    press(page, "z")
    expect(dialog).to_be_visible()
    press(page, "z")
    expect(dialog).to_be_hidden()


def test_the_key_sheet_lists_the_registry(page: Page, grid, labelling):
    from coldstart.labels.keys import KEYBOARD_SHORTCUTS

    press(page, "?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    for shortcut in KEYBOARD_SHORTCUTS:
        expect(sheet.get_by_text(shortcut.words, exact=True)).to_be_visible()
    press(page, "1")
    press(page, "?")
    expect(sheet).to_be_hidden()
    assert labelling.events() == []


# -- mouse


def test_click_ctrl_click_and_shift_click(page: Page, grid, labelling):
    cell(grid, 1).click()
    assert selected(grid) == [1]
    cell(grid, 4).click(modifiers=["Control"])
    assert selected(grid) == [1, 4]
    cell(grid, 6).click(modifiers=["Shift"])
    assert selected(grid) == [1, 4, 5, 6]
    cell(grid, 5).click(modifiers=["Control"])
    assert selected(grid) == [1, 4, 6]
    page.get_by_role("button", name="3 bird").click()
    for number in (1, 4, 6):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, bird")
    expect_saved(page)
    assert len(labelling.events()) == 3


def test_a_clicked_image_is_left_behind_by_the_arrows(page: Page, grid, labelling):
    cell(grid, 1).click()
    press(page, "ArrowRight", "1")
    expect(cell(grid, 2)).to_have_attribute("aria-label", "IMG_2.jpg, cat")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, unlabelled")


def test_dragging_a_frame_selects_what_it_touches(page: Page, grid, labelling):
    start, end = cell(grid, 0).bounding_box(), cell(grid, 2).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 40, steps=6)
    page.mouse.up()
    assert selected(grid) == [0, 1, 2]
    press(page, "1")
    expect_saved(page)
    assert [image_id for image_id, _, _ in labelling.events()] == [1, 2, 3]


# -- classes


def test_a_class_named_while_labelling_takes_the_image_and_has_a_key(page: Page, grid, labelling):
    press(page, "n")
    page.keyboard.type("fox 1")
    press(page, "Enter")
    expect(page.get_by_role("button", name="4 fox 1")).to_be_visible()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, fox 1")
    press(page, "4")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, fox 1")
    expect_saved(page)
    assert labelling.events() == [(1, "class", "fox 1"), (2, "class", "fox 1")]


def test_a_refused_class_name_stays_in_the_field_with_the_reason(page: Page, grid, labelling):
    field = page.get_by_role("textbox", name="New class")
    field.click()
    field.fill("forbidden")
    press(page, "Enter")
    expect(page.get_by_role("alert").filter(has_text="Choose another name.")).to_be_visible()
    expect(field).to_have_value("forbidden")
    assert labelling.events() == []


# -- focus


def test_typing_assigns_nothing(page: Page, grid, labelling):
    page.get_by_label("A text field").click()
    page.keyboard.type("123 sux")
    page.get_by_role("combobox").click()
    press(page, "1", "Escape")
    page.get_by_role("textbox", name="New class").click()
    page.keyboard.type("12")
    press(page, "Escape")
    expect_saved(page)
    page.wait_for_timeout(300)
    assert labelling.events() == []


def test_a_dialog_of_the_page_keeps_the_keys(page: Page, grid, labelling):
    page.get_by_role("button", name="Open a dialog").click()
    expect(page.get_by_text("Nothing is labelled meanwhile.")).to_be_visible()
    press(page, "1", "s")
    press(page, "Escape")
    expect(page.get_by_text("Nothing is labelled meanwhile.")).to_be_hidden()
    press(page, "2")
    expect_saved(page)
    assert labelling.events() == [(1, "class", "dog")]


def test_keys_work_wherever_the_focus_is_and_streamlits_own_do_not(page: Page, grid, labelling):
    page.get_by_role("button", name="Open a dialog").focus()
    runs = labelling.runs()
    press(page, "1", "c", "r")
    page.mouse.click(5, 400)
    press(page, "2", "c", "r")
    expect_saved(page)
    page.wait_for_timeout(500)
    assert len(labelling.events()) == 2
    assert labelling.runs() == runs
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_clicked_button_of_the_page_does_not_take_the_grids_keys(page: Page, grid, labelling):
    button = page.get_by_role("button", name="Run again")
    runs = labelling.runs()
    button.click()
    page.wait_for_timeout(700)
    assert labelling.runs() == runs + 1
    press(page, "Space")
    assert selected(grid) == [0]
    page.wait_for_timeout(500)
    assert labelling.runs() == runs + 1
    press(page, "Tab", "Shift+Tab", "Space")  # reached by keyboard it is a button like any other
    page.wait_for_timeout(700)
    assert labelling.runs() == runs + 2
    assert selected(grid) == [0]


def test_a_key_that_is_held_down_labels_one_image(page: Page, grid, labelling):
    for _ in range(8):
        page.keyboard.down("1")
    page.keyboard.up("1")
    expect_saved(page)
    assert len(labelling.events()) == 1


# -- pages and reruns


def test_label_enter_label_again_still_sends(page: Page, grid, labelling):
    press(page, "1")
    expect_saved(page)  # the outbox is empty when Enter flushes it
    press(page, "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible()
    press(page, "2")
    expect_saved(page)
    assert labelling.events() == [(1, "class", "cat"), (PER_PAGE + 1, "class", "dog")]
    page.get_by_role("button", name="Previous page").click()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")


def test_the_next_page_is_fetched_ahead_and_thumbnails_are_kept(page: Page, labelling):
    fetched: list[str] = []
    page.on("request", lambda request: _note_thumbnail(request, fetched))
    grid = opened(page, labelling)
    page.wait_for_function("() => performance.getEntriesByType('resource').length > 48")
    page.wait_for_timeout(500)
    assert len(set(fetched)) == 2 * PER_PAGE
    press(page, "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible()
    page.wait_for_timeout(500)
    assert len(fetched) == len(set(fetched))


def test_no_script_run_per_key_and_none_lost_at_25_keys_a_second(page: Page, grid, labelling):
    labelling.query("INSERT INTO settings VALUES ('run_takes_s', 0.3)")
    page.wait_for_timeout(500)
    runs = labelling.runs()
    pressed = 0
    for _ in range(5):
        for key in "1231231231231231231231231":
            page.keyboard.press(key)
            page.wait_for_timeout(30)  # with the press itself, about 25 a second
            pressed += 1
    expect_saved(page)
    assert len(labelling.events()) == pressed
    assert labelling.runs() == runs


# -- nothing is lost


def test_labels_wait_while_the_network_is_gone(page: Page, grid, labelling):
    page.route("**/api/labels", lambda route: route.abort())
    press(page, "1", "2", "3")
    expect(page.get_by_text("offline, 3 waiting")).to_be_visible()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    press(page, "Enter")
    note = page.get_by_text("The page stays until its labels are saved")
    expect(note).to_be_visible()
    page.unroute("**/api/labels")
    expect_saved(page)
    expect(note).to_be_hidden()
    expect(cell(grid, 0)).to_be_visible()
    assert labelling.events() == [(1, "class", "cat"), (2, "class", "dog"), (3, "class", "bird")]


def test_labels_outlive_a_closed_tab_and_a_dead_server(page: Page, grid, labelling, window):
    labelling.server.stop()
    press(page, "1", "2")
    expect(page.get_by_text("offline, 2 waiting")).to_be_visible()
    page.close()
    labelling.server.start()
    assert labelling.events() == []
    again = window.new_page()
    grid = opened(again, labelling)
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, dog")
    expect_saved(again)
    assert labelling.events() == [(1, "class", "cat"), (2, "class", "dog")]
    assert again.evaluate("Object.keys(localStorage).filter(k => k.includes('/outbox/'))") == []
    again.close()


def test_an_answer_that_gets_lost_is_not_stored_twice(page: Page, grid, labelling):
    lost: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        response = route.fetch()
        if lost:
            route.fulfill(response=response)
        else:
            lost.append(response.status)
            route.abort()

    page.route("**/api/labels", lose_the_first_answer)
    press(page, "1")
    expect_saved(page)
    page.wait_for_timeout(1000)
    expect_saved(page)
    assert lost == [200]
    assert labelling.events() == [(1, "class", "cat")]


def test_an_expired_token_is_renewed_without_losing_a_label(page: Page, labelling):
    labelling.query("INSERT INTO settings VALUES ('token_lifetime_s', 1)")
    opened(page, labelling)
    page.wait_for_timeout(1500)
    statuses: list[int] = []
    page.on("response", lambda reply: _note_status(reply.url, reply.status, statuses))
    labelling.query("UPDATE settings SET value = 60")
    press(page, "1", "2", "3")
    page.wait_for_timeout(500)
    expect_saved(page)
    assert 401 in statuses
    assert len(labelling.events()) == 3


def test_a_refused_label_says_why_and_takes_its_paint_back(page: Page, grid, labelling):
    def refuse(route: Route) -> None:
        events = route.request.post_data_json["events"]
        refused = [{"uuid": event["uuid"], "reason": "There is no image 1."} for event in events]
        counts = {"labelled": 0, "batch_left": 60}
        route.fulfill(json={"accepted": [], "refused": refused, "counts": counts})

    page.route("**/api/labels", refuse)
    press(page, "1")
    expect(page.get_by_text("One label was refused: There is no image 1.")).to_be_visible()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")
    expect_saved(page)


# -- for everybody


def test_names_and_roles_for_a_screen_reader(page: Page, grid, labelling):
    expect(grid).to_have_attribute("aria-multiselectable", "true")
    assert grid.get_by_role("gridcell").count() == PER_PAGE
    expect(cell(grid, 3)).to_have_attribute("aria-label", "IMG_3.jpg, unlabelled")
    expect(cell(grid, 3)).to_have_attribute("aria-selected", "false")
    for name in ("1 cat", "2 dog", "3 bird", "s Skip", "u Unsure", "x Exclude"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    expect(page.get_by_text("Why this image: covers 296 images")).to_be_visible()


def test_the_thumbnail_size_is_remembered(page: Page, grid, labelling):
    before = cell(grid, 0).bounding_box()
    slider = page.get_by_role("slider", name="Thumbnail size")
    slider.fill("280")
    after = cell(grid, 0).bounding_box()
    assert before
    assert after
    assert after["width"] > 1.5 * before["width"]
    grid = opened(page, labelling)
    again = cell(grid, 0).bounding_box()
    assert again
    assert abs(again["width"] - after["width"]) < 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens_show_everything_without_sideways_scrolling(page, labelling, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 400, "height": 800})
    grid = opened(page, labelling)
    first, second = cell(grid, 0).bounding_box(), cell(grid, 2).bounding_box()
    assert first
    assert second
    assert first["y"] + first["height"] <= second["y"] or second["x"] > first["x"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _note_thumbnail(request: Request, fetched: list[str]) -> None:
    if "/thumbnails/" in request.url:
        fetched.append(request.url)


def _note_status(url: str, status: int, statuses: list[int]) -> None:
    if url.endswith("/api/labels"):
        statuses.append(status)
