"""Chromium and running Streamlit servers for the browser tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_WITHIN_S = 60
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the whole run: COLDSTART_CHROMIUM, or the one on the PATH."""
    program = os.environ.get("COLDSTART_CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.fail("There is no Chromium: install it, or name it in COLDSTART_CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser with an empty memory; fails the test if a page asks any outside host."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    outside: list[str] = []
    context.on("request", lambda request: _note_outside(request.url, outside))
    yield context
    context.close()
    assert not outside, f"requests to outside hosts: {sorted(set(outside))}"


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(15_000)
    return page


def _note_outside(url: str, outside: list[str]) -> None:
    local = ("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "ws://localhost:")
    if not url.startswith((*local, "data:", "blob:", "about:", "chrome-error:")):
        outside.append(url)


@dataclass
class StreamlitServer:
    """A `streamlit run` of its own on a free port."""

    app: Path
    environment: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", str(self.app)]
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.app.parent,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_healthy()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _wait_until_healthy(self) -> None:
        assert self.process is not None
        for _ in range(START_WITHIN_S * 5):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (URLError, OSError):
                pass
            try:
                self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            break
        pytest.fail(f"Streamlit did not start:\n{self.log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
