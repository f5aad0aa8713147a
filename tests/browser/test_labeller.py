"""The labeller in a real browser: every key, the mouse, new classes, the focus, other screens."""

from __future__ import annotations

import pytest
from labelling import PER_PAGE, Labelling, cell, cursor, expect_saved, opened, press, selected
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser


# -- keys


def test_number_keys_label_the_image_under_the_cursor_and_go_on(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "1", "2", "3")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, dog")
    expect(cell(grid, 2)).to_have_attribute("aria-label", "IMG_2.jpg, bird")
    expect(cell(grid, 3)).to_have_attribute("aria-label", "IMG_3.jpg, unlabelled")
    expect_saved(tab)
    expect(tab.get_by_text("3 of 60 answered in this batch")).to_be_visible()
    assert labelling.events() == [(1, "class", "cat"), (2, "class", "dog"), (3, "class", "bird")]
    assert cursor(grid) == 3


def test_states_clear_and_every_event_says_how_long_it_took(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "s", "u", "x", "1", "ArrowLeft", "Backspace")
    for number, words in enumerate(["skipped", "unsure", "excluded", "unlabelled"]):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, {words}")
    expect_saved(tab)
    kinds = [kind for _, kind, _ in labelling.events()]
    assert kinds == ["skipped", "unsure", "excluded", "class", "cleared"]
    seconds = [row[0] for row in labelling.query("SELECT seconds FROM events ORDER BY n")]
    assert all(value is not None and 0 <= value < 60 for value in seconds)
    assert labelling.query("SELECT DISTINCT annotator, batch_id FROM events") == [("ann", 7)]


def test_advancing_skips_images_that_have_an_answer(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "ArrowRight", "1", "ArrowLeft", "ArrowLeft", "2")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, dog")
    assert cursor(grid) == 2


def test_arrows_space_shift_escape_and_ctrl_a(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    columns = tab.evaluate(
        "() => getComputedStyle(document.querySelector('[data-testid=stBidiComponentIsolated]')"
        ".shadowRoot.querySelector('.grid')).gridTemplateColumns.split(' ').length"
    )
    press(tab, "ArrowRight", "ArrowDown")
    assert cursor(grid) == columns + 1
    press(tab, "ArrowUp", "ArrowLeft", "ArrowLeft")
    assert cursor(grid) == 0
    press(tab, "Space", "ArrowRight", "ArrowRight", "Space")
    assert selected(grid) == [0, 2]
    press(tab, "Escape")
    assert selected(grid) == []
    press(tab, "Shift+ArrowRight", "Shift+ArrowRight")
    assert selected(grid) == [2, 3, 4]
    press(tab, "Control+a")
    assert len(selected(grid)) == PER_PAGE
    press(tab, "Escape", "Home")
    assert selected(grid) == []


def test_one_key_labels_a_selection(tab: Page, grid: Locator, labelling: Labelling) -> None:
    press(tab, "Shift+ArrowRight", "Shift+ArrowRight", "2")
    for number in range(3):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, dog")
    assert selected(grid) == []
    assert cursor(grid) == 3
    expect_saved(tab)
    assert sorted(labelling.events()) == [(n, "class", "dog") for n in (1, 2, 3)]


def test_undo_and_redo_reach_over_pages_and_a_reload(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "1", "2", "Enter")
    expect(cell(grid, PER_PAGE)).to_be_visible()
    press(tab, "Control+z")
    expect_saved(tab)
    assert labelling.events()[-1] == (2, "cleared", None)
    expect(tab.get_by_text("1 of 60 answered in this batch")).to_be_visible()
    grid = opened(tab, labelling)
    press(tab, "Control+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, unlabelled")
    press(tab, "Control+Shift+z", "Control+Shift+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, dog")
    expect_saved(tab)
    assert labelling.events()[-2:] == [(1, "class", "cat"), (2, "class", "dog")]


def test_undo_restores_the_class_that_stood_before(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "1", "ArrowLeft", "2", "Control+z")
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, cat")
    expect_saved(tab)
    assert labelling.events() == [(1, "class", "cat"), (1, "class", "dog"), (1, "class", "cat")]


def test_zoom_shows_the_original_and_arrows_move_on(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "z")
    dialog = tab.get_by_role("dialog", name="Image shown large")
    expect(dialog).to_be_visible()
    picture = dialog.get_by_role("img")
    expect(picture).to_have_attribute("alt", "IMG_0.jpg")
    tab.wait_for_function(
        "image => image.naturalWidth === 400", arg=picture.element_handle(), timeout=10_000
    )
    press(tab, "ArrowRight", "1")
    expect(picture).to_have_attribute("alt", "IMG_2.jpg")
    press(tab, "Escape")
    expect(dialog).to_be_hidden()
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, cat")
    press(tab, "z")
    expect(dialog).to_be_visible()
    press(tab, "z")
    expect(dialog).to_be_hidden()


def test_the_key_sheet_lists_the_registry(tab: Page, grid: Locator, labelling: Labelling) -> None:
    from coldstart.labels.keys import KEYBOARD_SHORTCUTS

    press(tab, "?")
    sheet = tab.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    for shortcut in KEYBOARD_SHORTCUTS:
        expect(sheet.get_by_text(shortcut.words, exact=True)).to_be_visible()
    press(tab, "1")
    press(tab, "?")
    expect(sheet).to_be_hidden()
    assert labelling.events() == []


# -- mouse


def test_click_ctrl_click_and_shift_click(tab: Page, grid: Locator, labelling: Labelling) -> None:
    cell(grid, 1).click()
    assert selected(grid) == [1]
    cell(grid, 4).click(modifiers=["Control"])
    assert selected(grid) == [1, 4]
    cell(grid, 6).click(modifiers=["Shift"])
    assert selected(grid) == [1, 4, 5, 6]
    cell(grid, 5).click(modifiers=["Control"])
    assert selected(grid) == [1, 4, 6]
    tab.get_by_role("button", name="3 bird").click()
    for number in (1, 4, 6):
        expect(cell(grid, number)).to_have_attribute("aria-label", f"IMG_{number}.jpg, bird")
    expect_saved(tab)
    assert len(labelling.events()) == 3


def test_a_clicked_image_is_left_behind_by_the_arrows(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    cell(grid, 1).click()
    press(tab, "ArrowRight", "1")
    expect(cell(grid, 2)).to_have_attribute("aria-label", "IMG_2.jpg, cat")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, unlabelled")


def test_dragging_a_frame_selects_what_it_touches(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    start, end = cell(grid, 0).bounding_box(), cell(grid, 2).bounding_box()
    assert start
    assert end
    tab.mouse.move(start["x"] + 10, start["y"] + 10)
    tab.mouse.down()
    tab.mouse.move(end["x"] + 20, end["y"] + 40, steps=6)
    tab.mouse.up()
    assert selected(grid) == [0, 1, 2]
    press(tab, "1")
    expect_saved(tab)
    assert [image_id for image_id, _, _ in labelling.events()] == [1, 2, 3]


# -- classes


def test_a_class_named_while_labelling_takes_the_image_and_has_a_key(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "n")
    tab.keyboard.type("fox 1")
    press(tab, "Enter")
    expect(tab.get_by_role("button", name="4 fox 1")).to_be_visible()
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, fox 1")
    press(tab, "4")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, fox 1")
    expect_saved(tab)
    assert labelling.events() == [(1, "class", "fox 1"), (2, "class", "fox 1")]


def test_what_is_typed_while_a_class_is_being_made_is_no_key(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    tab.route("**/classes", lambda route: None)  # a server that takes its time
    press(tab, "n")
    tab.keyboard.type("fox")
    press(tab, "Enter", "n")
    tab.keyboard.type("glass bo")
    tab.wait_for_timeout(100)
    tab.unroute("**/classes")  # now it answers
    expect(cell(grid, 0)).to_have_attribute("aria-label", "IMG_0.jpg, fox")
    tab.keyboard.type("ttles")
    press(tab, "Enter")
    expect(cell(grid, 1)).to_have_attribute("aria-label", "IMG_1.jpg, glass bottles")
    expect_saved(tab)
    assert labelling.events() == [(1, "class", "fox"), (2, "class", "glass bottles")]


def test_a_digit_without_a_class_says_how_to_make_one(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    press(tab, "7")
    note = tab.get_by_text("No class has the key 7 yet: press n to name a new one.")
    expect(note).to_be_visible()
    press(tab, "1")
    expect(note).to_be_hidden()
    expect_saved(tab)
    assert labelling.events() == [(1, "class", "cat")]


def test_a_refused_class_name_stays_in_the_field_with_the_reason(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    field = tab.get_by_role("textbox", name="New class")
    field.click()
    field.fill("forbidden")
    press(tab, "Enter")
    expect(tab.get_by_role("alert").filter(has_text="Choose another name.")).to_be_visible()
    expect(field).to_have_value("forbidden")
    assert labelling.events() == []


# -- focus


def test_typing_assigns_nothing(tab: Page, grid: Locator, labelling: Labelling) -> None:
    tab.get_by_label("A text field").click()
    tab.keyboard.type("123 sux")
    tab.get_by_role("combobox").click()
    press(tab, "1", "Escape")
    tab.get_by_role("textbox", name="New class").click()
    tab.keyboard.type("12")
    press(tab, "Escape")
    expect_saved(tab)
    tab.wait_for_timeout(300)
    assert labelling.events() == []


def test_a_dialog_of_the_page_keeps_the_keys(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    tab.get_by_role("button", name="Open a dialog").click()
    expect(tab.get_by_text("Nothing is labelled meanwhile.")).to_be_visible()
    press(tab, "1", "s")
    press(tab, "Escape")
    expect(tab.get_by_text("Nothing is labelled meanwhile.")).to_be_hidden()
    press(tab, "2")
    expect_saved(tab)
    assert labelling.events() == [(1, "class", "dog")]


def test_keys_work_wherever_the_focus_is_and_streamlits_own_do_not(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    tab.get_by_role("button", name="Open a dialog").focus()
    runs = labelling.runs()
    press(tab, "1", "r")
    tab.mouse.click(5, 400)
    press(tab, "2", "r")
    expect_saved(tab)
    tab.wait_for_timeout(500)
    assert len(labelling.events()) == 2
    assert labelling.runs() == runs
    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_a_clicked_button_of_the_page_does_not_take_the_grids_keys(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    button = tab.get_by_role("button", name="Run again")
    runs = labelling.runs()
    button.click()
    tab.wait_for_timeout(700)
    assert labelling.runs() == runs + 1
    press(tab, "Space")
    assert selected(grid) == [0]
    tab.wait_for_timeout(500)
    assert labelling.runs() == runs + 1
    press(tab, "Tab", "Shift+Tab", "Space")  # reached by keyboard it is a button like any other
    tab.wait_for_timeout(700)
    assert labelling.runs() == runs + 2
    assert selected(grid) == [0]


def test_a_key_that_is_held_down_labels_one_image(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    for _ in range(8):
        tab.keyboard.down("1")
    tab.keyboard.up("1")
    expect_saved(tab)
    assert len(labelling.events()) == 1


# -- for everybody


def test_names_and_roles_for_a_screen_reader(
    tab: Page, grid: Locator, labelling: Labelling
) -> None:
    expect(grid).to_have_attribute("aria-multiselectable", "true")
    assert grid.get_by_role("gridcell").count() == PER_PAGE
    expect(cell(grid, 3)).to_have_attribute("aria-label", "IMG_3.jpg, unlabelled")
    expect(cell(grid, 3)).to_have_attribute("aria-selected", "false")
    for name in ("1 cat", "2 dog", "3 bird", "s Skip", "u Unsure", "x Exclude"):
        expect(tab.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(tab.get_by_role("status").filter(has_text="saved")).to_be_visible()
    expect(tab.get_by_text("Why this image: covers 296 images")).to_be_visible()


def test_the_thumbnail_size_is_remembered(tab: Page, grid: Locator, labelling: Labelling) -> None:
    before = cell(grid, 0).bounding_box()
    slider = tab.get_by_role("slider", name="Thumbnail size")
    slider.fill("280")
    after = cell(grid, 0).bounding_box()
    assert before
    assert after
    assert after["width"] > 1.5 * before["width"]
    grid = opened(tab, labelling)
    again = cell(grid, 0).bounding_box()
    assert again
    assert abs(again["width"] - after["width"]) < 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens_show_everything_without_sideways_scrolling(
    tab: Page, labelling: Labelling, scheme: str
) -> None:
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": 400, "height": 800})
    grid = opened(tab, labelling)
    # At once, for the rows move while the page is laid out.
    first, third = grid.get_by_role("gridcell").evaluate_all(
        "cells => [cells[0], cells[2]].map(cell => cell.getBoundingClientRect().toJSON())"
    )
    assert first["bottom"] <= third["top"] or third["left"] > first["left"]
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # However many classes there are, what is no class can be pressed: a phone has no keys.
    labelling.reset(*(f"a class of the name {number}" for number in range(14)))
    opened(tab, labelling)
    bar = tab.locator(".answers").bounding_box()
    clear = tab.get_by_role("button", name="Clear").bounding_box()
    assert bar
    assert clear
    assert clear["y"] + clear["height"] <= bar["y"] + bar["height"]
