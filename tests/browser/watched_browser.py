"""A browser window that may ask nobody but the server under test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext

_LOCAL = ("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "ws://localhost:")


@contextmanager
def watched_context(chromium: Browser) -> Iterator[BrowserContext]:
    """A window with an empty memory; fails at its end if a page has asked an outside host."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    outside: list[str] = []
    context.on("request", lambda request: _note_outside(request.url, outside))
    yield context
    context.close()
    assert not outside, f"requests to outside hosts: {sorted(set(outside))}"


def _note_outside(url: str, outside: list[str]) -> None:
    if not url.startswith((*_LOCAL, "data:", "blob:", "about:", "chrome-error:", "file:")):
        outside.append(url)
