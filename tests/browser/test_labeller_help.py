"""What saves keys: groups, suggestions, pages turned at once; and reasons, comments, old steps."""

from __future__ import annotations

import json

import pytest
from labelling import PER_PAGE, Labelling, cell, cursor, expect_saved, opened, press, selected
from playwright.sync_api import Locator, Page, Route, expect

pytestmark = pytest.mark.browser


def test_undo_reaches_back_to_the_first_label_without_the_browsers_memory(
    tab: Page, labelling: Labelling
) -> None:
    grid = opened(tab, labelling)
    press(tab, "1", "2", "3", "1", "2", "3", "s")
    expect_saved(tab)
    tab.evaluate("localStorage.clear()")
    grid = opened(tab, labelling)  # as in another browser: the server hands out two steps at a time
    expect(cell(grid, 6)).to_have_attribute("aria-label", "IMG_6.jpg, skipped")
    for _ in range(7):
        press(tab, "Control+z")
    for number in range(7):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, unlabelled")
    expect_saved(tab)
    assert len(labelling.events()) == 14
    press(tab, "Control+Shift+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect_saved(tab)
    steps = labelling.query("SELECT step, step_action FROM events WHERE image_id = 1 ORDER BY n")
    assert [action for _, action in steps] == [None, "undo", "redo"]
    assert len({step for step, _ in steps}) == 1


def test_suggestions_are_drawn_as_such_and_taken_by_image_row_and_page(
    tab: Page, labelling: Labelling
) -> None:
    labelling.query("INSERT INTO settings VALUES ('suggest', 1)")
    grid = opened(tab, labelling)
    expect(cell(grid, 0)).to_have_attribute("aria-description", "suggested: dog, 89%")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")
    expect(cell(grid, 0)).to_contain_text("dog? 89%")
    press(tab, "y")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, dog")
    expect_saved(tab)
    ((image_id, origin, suggestion),) = labelling.query(
        "SELECT image_id, origin, suggestion FROM events"
    )
    assert (image_id, origin) == (1, "model")
    known = {"class_id": _class_id(labelling, "dog"), "probability": 0.89, "source": "labels"}
    assert json.loads(suggestion) == known
    press(tab, "1")  # nothing is suggested for the second image: a hand's own answer
    press(tab, "Shift+y")
    press(tab, "Control+Enter")
    for number in range(3, PER_PAGE, 3):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, dog")
    expect_saved(tab)
    origins = dict(labelling.query("SELECT image_id, origin FROM events"))
    assert origins == dict.fromkeys(range(1, PER_PAGE + 1, 3), "model") | {2: "human"}
    press(tab, "Control+z")
    expect(cell(grid, PER_PAGE - 3)).to_have_attribute("aria-description", "suggested: dog, 68%")


def test_a_suggestion_that_changes_under_the_eye_is_not_taken_at_once(
    tab: Page, labelling: Labelling
) -> None:
    labelling.query("INSERT INTO settings VALUES ('suggest', 1)")
    asked = 0

    def changing(route: Route) -> None:
        nonlocal asked
        asked += 1
        first = _class_id(labelling, "cat" if asked > 1 else "dog")
        found = {"class_id": first, "probability": 0.9, "source": "labels"}
        route.fulfill(json={"fresh": asked > 1, "version": asked, "suggestions": {"1": found}})

    tab.route("**/api/suggestions", changing)
    grid = opened(tab, labelling)
    expect(cell(grid, 0)).to_have_attribute("aria-description", "suggested: dog, 90%")
    # Pressed in the very moment in which it changes, as no hand but this test's could.
    tab.evaluate("""() => new Promise((done) => {
      const host = document.querySelector('[data-testid=stBidiComponentIsolated]');
      const first = host.shadowRoot.querySelector('.cell');
      new MutationObserver(() => {
        window.dispatchEvent(new KeyboardEvent('keydown', { key: 'y', bubbles: true }));
        done();
      }).observe(first, { attributeFilter: ['aria-description'] });
    })""")
    expect(cell(grid, 0)).to_have_attribute("aria-description", "suggested: cat, 90%")
    expect(tab.locator(".about .answer")).to_have_text("unlabelled, suggested: cat, 90%")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")
    expect(tab.get_by_role("alert")).to_contain_text("has just changed and was not taken")
    tab.wait_for_timeout(900)
    press(tab, "y")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")


def test_in_likeness_order_one_key_labels_a_group(tab: Page, labelling: Labelling) -> None:
    labelling.query("INSERT INTO settings VALUES ('groups', 1)")
    grid = opened(tab, labelling)
    assert selected(grid) == [0, 1, 2, 3]  # ids 1 to 4; the next group begins with 5
    expect(grid.get_by_role("rowheader").first).to_have_text("4 images alike")
    press(tab, "1")
    assert selected(grid) == [4, 5, 6, 7, 8]
    cell(grid, 6).click(modifiers=["Control"])
    press(tab, "2")
    expect(cell(grid, 6)).to_have_attribute("aria-label", "IMG_6.jpg, unlabelled")
    expect(cell(grid, 8)).to_have_attribute("aria-label", "IMG_8.jpg, dog")
    assert cursor(grid) == 9
    expect_saved(tab)
    assert set(labelling.query("SELECT origin FROM events")) == {("cluster",)}
    press(tab, "ArrowUp", "Escape")
    first = grid.get_by_role("row").nth(1)  # after the first heading
    assert first.get_by_role("gridcell").count() == 4


def test_shift_space_selects_the_row(tab: Page, grid: Locator, labelling: Labelling) -> None:
    columns = grid.get_by_role("row").first.get_by_role("gridcell").count()
    press(tab, "ArrowRight", "Shift+Space")
    assert selected(grid) == list(range(columns))
    press(tab, "Shift+Space")
    assert selected(grid) == []


def test_a_comment_is_kept_as_safely_as_a_label(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "c")
    dialog = tab.get_by_role("dialog", name="Comment")
    tab.keyboard.type("1 of 2: the label is =cut off")
    press(tab, "Control+Enter")
    expect(dialog).to_be_hidden()
    expect_saved(tab)
    assert labelling.query("SELECT image_id, text FROM comments") == [
        (1, "1 of 2: the label is =cut off")
    ]
    assert labelling.events() == []  # what was typed labelled nothing
    press(tab, "c")
    expect(dialog).to_contain_text("ann 1 of 2: the label is =cut off")


def test_why_shows_the_reason_and_the_images_it_stands_for(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "w")
    dialog = tab.get_by_role("dialog", name="Why this image")
    expect(dialog).to_contain_text("6 images lie within it.")
    expect(dialog.get_by_role("img", name="IMG_1.jpg, unlabelled")).to_be_visible()
    press(tab, "1", "w")
    expect(dialog).to_be_hidden()
    assert labelling.events() == []


def test_the_next_page_is_there_before_the_script_has_run(tab: Page, labelling: Labelling) -> None:
    grid = opened(tab, labelling)
    labelling.query("INSERT INTO settings VALUES ('run_takes_s', 3)")
    press(tab, "1", "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible(timeout=1_500)
    press(tab, "2")  # labelled while the script still runs
    expect(cell(grid, PER_PAGE)).to_have_attribute("aria-label", f"IMG_{PER_PAGE}.jpg, dog")
    expect(tab.get_by_text(f"Page 2 of {-(-60 // PER_PAGE)}")).to_be_visible()
    expect_saved(tab)
    tab.wait_for_timeout(3_500)
    expect(cell(grid, PER_PAGE)).to_have_attribute("aria-label", f"IMG_{PER_PAGE}.jpg, dog")
    assert labelling.events() == [(1, "class", "cat"), (PER_PAGE + 1, "class", "dog")]


CONTRAST = """root => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) =>
    [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const background = (element) => {
    const layers = [];
    for (let node = element; node; node = node.parentElement ?? node.getRootNode().host ?? null) {
      layers.push(rgba(getComputedStyle(node).backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ratios = {};
  for (const element of root.querySelectorAll('*')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.disabled || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const below = background(element);
    const [a, b] = [light(over(rgba(style.color), below)), light(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    ratios[`${element.className || element.tagName}: ${element.textContent.slice(0, 20)}`] = ratio;
  }
  return ratios;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_passes_wcag_aa(tab: Page, labelling: Labelling, scheme: str) -> None:
    labelling.query("INSERT INTO settings VALUES ('suggest', 1)")
    tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    grid = opened(tab, labelling)
    expect(cell(grid, 0)).to_have_attribute("aria-description", "suggested: dog, 89%")
    press(tab, "1", "s", "u", "x", "Shift+ArrowRight")
    press(tab, "?")
    root = tab.locator("[data-testid=stBidiComponentIsolated]").evaluate_handle("e => e.shadowRoot")
    ratios = root.evaluate(CONTRAST)
    assert len(ratios) > 40
    assert {words: ratio for words, ratio in ratios.items() if ratio < 4.5} == {}


def _class_id(labelling: Labelling, name: str) -> int:
    return int(labelling.query(f"SELECT id FROM classes WHERE name = '{name}'")[0][0])
