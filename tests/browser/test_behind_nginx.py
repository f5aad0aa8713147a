"""A real nginx in front, below a base path: the page opens, a label goes through, images load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from queued import labellable
from streamlit_server import REPOSITORY, StreamlitServer, free_port
from watched_browser import watched_context

from coldstart.project import Project
from coldstart.workflow.queue import queue_images

WITHIN_MS = 60_000


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = labellable(tmp_path, 4)
    queue_images(project, [1, 2, 3, 4], "for the test")
    yield project
    project.store.close()


@pytest.fixture
def address(project: Project, tmp_path: Path) -> Iterator[str]:
    """The app below /coldstart/ of an nginx with the configuration that the docs give."""
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={"COLDSTART_PROJECTS": str(tmp_path / "projects")},
        log=tmp_path / "server.log",
        port=free_port(),
        options={"server.baseUrlPath": "coldstart"},
    )
    server.start()
    port = free_port()
    given = (REPOSITORY / "deploy" / "nginx.conf").read_text()
    # The documented server, without its certificate and on free ports.
    given = re.sub(r"\s*ssl_certificate\S*\s.*;", "", given)
    given = given.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    given = given.replace("127.0.0.1:8501", f"127.0.0.1:{server.port}")
    given = given.replace("$host;", "$http_host;")  # which has a port here
    for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
        (tmp_path / name).mkdir()
    temporary = (
        "".join(
            f"{name}_temp_path {tmp_path}/{folder};\n"
            for name, folder in {
                "client_body": "body",
                "proxy": "proxy",
                "fastcgi": "fastcgi",
            }.items()
        )
        + f"uwsgi_temp_path {tmp_path}/uwsgi;\nscgi_temp_path {tmp_path}/scgi;\n"
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"{user}pid {tmp_path}/nginx.pid;\nerror_log {tmp_path}/error.log;\ndaemon off;\n"
        f"events {{}}\nhttp {{\naccess_log {tmp_path}/access.log;\n{temporary}{given}\n}}\n"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    nginx = subprocess.Popen([program, "-c", str(config), "-e", str(tmp_path / "error.log")])
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/coldstart/_stcore/health").close()
                break
            except OSError:
                assert nginx.poll() is None, (tmp_path / "error.log").read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(20)
        server.stop()


def test_a_label_goes_through_and_names_are_asked_for(
    chromium: Browser, address: str, project: Project
) -> None:
    with watched_context(chromium) as context:
        page = context.new_page()
        failed: list[str] = []
        page.on(
            "response",
            lambda one: failed.append(f"{one.status} {one.url}") if one.status >= 400 else None,
        )
        page.goto(f"{address}/coldstart/label?project=team")
        # Behind a proxy nobody sits at the server's keyboard, so a name is asked for.
        page.get_by_label("Your name").fill("Anna", timeout=WITHIN_MS)
        page.get_by_role("button", name="Go on").click()
        grid = page.get_by_role("grid", name="Images to label")
        expect(grid.get_by_role("gridcell")).to_have_count(4, timeout=WITHIN_MS)
        page.wait_for_function(
            """() => [...document.querySelectorAll('*')]
                .map((one) => one.shadowRoot?.querySelectorAll('[role=grid] img') ?? [])
                .flatMap((some) => [...some]).filter((one) => one.naturalWidth > 0).length >= 4"""
        )
        grid.get_by_role("gridcell").first.click()
        page.keyboard.press("1")
        expect(page.get_by_role("status").filter(has_text="saved")).to_have_text("saved")
        events = project.store.labels.events()
        assert [(event.annotator, event.kind) for event in events] == [("Anna", "class")]
        # The name is kept for this base path.
        cookies = {one["name"]: one for one in context.cookies()}
        assert cookies["coldstart_name"]["path"] == "/coldstart"
        page.reload()
        expect(grid.get_by_role("gridcell").first).to_be_visible(timeout=WITHIN_MS)
        # Streamlit looks for its base path below the page's own first.
        assert [one for one in failed if "/label/_stcore/" not in one] == []
