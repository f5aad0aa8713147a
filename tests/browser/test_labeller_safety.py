"""The labeller in a real browser: no label is lost, whatever happens around it."""

from __future__ import annotations

import pytest
from labelling import PER_PAGE, Labelling, cell, expect_saved, opened, press
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect

pytestmark = pytest.mark.browser


# -- pages and reruns


def test_label_enter_label_again_still_sends(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "1")
    expect_saved(tab)  # the outbox is empty when Enter flushes it
    press(tab, "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible()
    press(tab, "2")
    expect_saved(tab)
    assert labelling.events() == [(1, "class", "cat"), (PER_PAGE + 1, "class", "dog")]
    tab.get_by_role("button", name="Previous page").click()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")


def test_the_next_page_is_fetched_ahead_and_thumbnails_are_kept(
    tab: Page, labelling: Labelling
) -> None:
    fetched: list[str] = []
    tab.on("request", lambda request: _note_thumbnail(request, fetched))
    grid = opened(tab, labelling)
    tab.wait_for_function("() => performance.getEntriesByType('resource').length > 48")
    tab.wait_for_timeout(500)
    assert len(set(fetched)) == 2 * PER_PAGE
    press(tab, "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible()
    tab.wait_for_timeout(500)
    assert len(fetched) == len(set(fetched))


def test_a_script_run_that_began_earlier_does_not_take_a_label_back(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    labelling.query("INSERT INTO settings VALUES ('answers_age_s', 0.8)")
    tab.get_by_role("button", name="Run again").click()
    tab.wait_for_timeout(300)
    press(tab, "1")
    expect_saved(tab)
    tab.wait_for_timeout(1200)
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect(tab.get_by_text("1 of 60 answered in this batch")).to_be_visible()


def test_no_script_run_per_key_and_none_lost_at_25_keys_a_second(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    labelling.query("INSERT INTO settings VALUES ('run_takes_s', 0.3)")
    tab.wait_for_timeout(500)
    runs = labelling.runs()
    pressed = 0
    for _ in range(5):
        for key in "1231231231231231231231231":
            tab.keyboard.press(key)
            tab.wait_for_timeout(30)  # with the press itself, about 25 a second
            pressed += 1
    expect_saved(tab)
    assert len(labelling.events()) == pressed
    assert labelling.runs() == runs


# -- nothing is lost


def test_labels_wait_while_the_network_is_gone(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    tab.route("**/api/labels", lambda route: route.abort())
    press(tab, "1", "2", "3")
    expect(tab.get_by_text("offline, 3 waiting")).to_be_visible()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    press(tab, "Enter")
    note = tab.get_by_text("The page stays until its labels are saved")
    expect(note).to_be_visible()
    tab.unroute("**/api/labels")
    expect_saved(tab)
    expect(note).to_be_hidden()
    expect(cell(grid, 0)).to_be_visible()
    assert labelling.events() == [(1, "class", "cat"), (2, "class", "dog"), (3, "class", "bird")]


def test_labels_outlive_a_closed_tab_and_a_dead_server(
    tab: Page, grid: Locator, labelling: Labelling, window: BrowserContext
) -> None:
    labelling.server.stop()
    press(tab, "1", "2")
    expect(tab.get_by_text("offline, 2 waiting")).to_be_visible()
    tab.close()
    labelling.server.start()
    assert labelling.events() == []
    again = window.new_page()
    grid = opened(again, labelling)
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, dog")
    expect_saved(again)
    assert labelling.events() == [(1, "class", "cat"), (2, "class", "dog")]
    assert again.evaluate("Object.keys(localStorage).filter(k => k.includes('/outbox/'))") == []
    again.close()


def test_an_answer_that_gets_lost_is_not_stored_twice(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    lost: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        response = route.fetch()
        if lost:
            route.fulfill(response=response)
        else:
            lost.append(response.status)
            route.abort()

    tab.route("**/api/labels", lose_the_first_answer)
    press(tab, "1")
    expect_saved(tab)
    tab.wait_for_timeout(1000)
    expect_saved(tab)
    assert lost == [200]
    assert labelling.events() == [(1, "class", "cat")]


def test_an_expired_token_is_renewed_without_losing_a_label(
    tab: Page, labelling: Labelling
) -> None:
    labelling.query("INSERT INTO settings VALUES ('token_lifetime_s', 1)")
    opened(tab, labelling)
    tab.wait_for_timeout(1500)
    statuses: list[int] = []
    tab.on("response", lambda reply: _note_status(reply.url, reply.status, statuses))
    labelling.query("UPDATE settings SET value = 60")
    press(tab, "1", "2", "3")
    tab.wait_for_timeout(500)
    expect_saved(tab)
    assert 401 in statuses
    assert len(labelling.events()) == 3


def test_a_server_that_answers_with_a_reason_has_it_shown(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    sentence = {"error": "The project is being moved.", "remedy": "Wait a minute."}
    tab.route("**/api/labels", lambda route: route.fulfill(status=422, json=sentence))
    press(tab, "1")
    expect(tab.get_by_text("The project is being moved. Wait a minute.")).to_be_visible()
    expect(tab.get_by_text("offline, 1 waiting")).to_be_visible()
    tab.unroute("**/api/labels")
    expect_saved(tab)
    expect(tab.get_by_text("The project is being moved.")).to_be_hidden()
    assert labelling.events() == [(1, "class", "cat")]


def test_a_refused_label_says_why_and_takes_its_paint_back(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    def refuse(route: Route) -> None:
        events = route.request.post_data_json["events"]
        refused = [{"uuid": event["uuid"], "reason": "There is no image 1."} for event in events]
        route.fulfill(json={"accepted": [], "refused": refused, "batch_left": 60})

    tab.route("**/api/labels", refuse)
    press(tab, "1")
    expect(tab.get_by_text("One label was refused: There is no image 1.")).to_be_visible()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")
    expect_saved(tab)


def test_another_project_has_another_memory(tab: Page, grid: Locator, labelling: Labelling) -> None:
    press(tab, "1")
    expect_saved(tab)
    undo = tab.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_enabled()
    labelling.query("DELETE FROM events")
    labelling.query("INSERT INTO settings VALUES ('other_project', 1)")
    tab.get_by_role("button", name="Run again").click()
    expect(undo).to_be_disabled()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")


def _note_thumbnail(request: Request, fetched: list[str]) -> None:
    if "/thumbnails/" in request.url:
        fetched.append(request.url)


def _note_status(url: str, status: int, statuses: list[int]) -> None:
    if url.endswith("/api/labels"):
        statuses.append(status)
