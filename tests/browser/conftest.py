"""Chromium for the browser tests, and the labeller in a tab of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from labelling import Labelling, opened
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    sync_playwright,
)
from watched_browser import watched_context

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_IS_NO_LABEL = "name => !name.includes('/outbox/')"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_chromium_program(playwright), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser with an empty memory; fails the test if a page asks any outside host."""
    with watched_context(chromium) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(15_000)
    return page


@pytest.fixture(scope="session")
def labelling_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labelling]:
    labelling = Labelling(tmp_path_factory.mktemp("labeller") / "project")
    labelling.server.start()
    yield labelling
    labelling.server.stop()


@pytest.fixture(scope="session")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser window for all tests of the labeller: Streamlit's scripts are fetched once."""
    with watched_context(chromium) as context:
        yield context


@pytest.fixture
def labelling(labelling_server: Labelling) -> Labelling:
    """An unlabelled project with the classes cat, dog and bird."""
    if labelling_server.server.process is None:
        labelling_server.server.start()
    labelling_server.reset("cat", "dog", "bird")
    return labelling_server


@pytest.fixture
def tab(window: BrowserContext, labelling: Labelling) -> Iterator[Page]:
    """A new tab, in which nothing is remembered."""
    tab = window.new_page()
    tab.set_default_timeout(15_000)
    tab.goto(f"{labelling.server.url}/_stcore/health")
    tab.evaluate("localStorage.clear()")
    yield tab
    if not tab.is_closed():
        # A label still under way would arrive in the next test.
        tab.wait_for_function(f"Object.keys(localStorage).every({_IS_NO_LABEL})")
        tab.close()


@pytest.fixture
def grid(labelling: Labelling, tab: Page) -> Locator:
    """The labeller's grid, on its first page."""
    return opened(tab, labelling)


def _chromium_program(playwright: Playwright) -> str:
    """The one named in COLDSTART_CHROMIUM, one on the path, or Playwright's own."""
    named = os.environ.get("COLDSTART_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    program = found or playwright.chromium.executable_path
    if not Path(program).exists():
        pytest.fail("There is no Chromium: install one, or name it in COLDSTART_CHROMIUM.")
    return program
