"""The app as a server: the entry script cannot be passed by, from a checkout or installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

REPOSITORY = Path(__file__).parents[2]
START_WITHIN_S = 90


@dataclass
class RunningApp:
    """A `streamlit run app.py` that nobody has visited yet."""

    address: str

    def first_visit(self, page: str) -> list[ForwardMsg]:
        """What a browser is sent when its very first request is for this page."""
        visit = BackMsg()
        visit.rerun_script.page_name = page
        messages = []
        url = f"ws://{self.address}/_stcore/stream"
        with connect(url, subprotocols=["streamlit"], max_size=None) as socket_:
            socket_.send(visit.SerializeToString())
            while True:
                message = ForwardMsg()
                message.ParseFromString(socket_.recv(timeout=60))
                messages.append(message)
                if message.WhichOneof("type") == "script_finished":
                    return messages

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")


@pytest.fixture(scope="module", params=["checkout", "installed"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """The app in a checkout, and as `pip install` lays it out (pyproject's force-include)."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "checkout":
        script, search = REPOSITORY / "app.py", REPOSITORY
    else:
        script, search = _install(folder), folder
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": str(search),
        "COLDSTART_PROJECTS": str(folder / "projects"),
    }
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_healthy(port, process, log)
        yield RunningApp(f"localhost:{port}")
    finally:
        process.kill()
        process.wait()


def test_a_link_to_a_page_runs_the_entry_script_first(app: RunningApp) -> None:
    messages = app.first_visit("train")
    navigation = next(m.navigation for m in messages if m.WhichOneof("type") == "navigation")
    titles = [page.page_name for page in navigation.app_pages]
    assert {"Data", "Embeddings", "Select & Label", "Train", "Diagnostics"} <= set(titles)
    sent = " ".join(str(message) for message in messages)
    assert "cs-head" in sent
    assert "How good is it already?" in sent
    assert "No project is open" in sent
    assert "Traceback" not in sent


def test_the_looks_come_from_the_config_beside_the_app(app: RunningApp) -> None:
    session = next(m.new_session for m in app.first_visit("data") if m.HasField("new_session"))
    assert session.custom_theme.light.primary_color == "#0f6a80"
    assert session.custom_theme.dark.background_color == "#0e1317"
    assert session.config.gather_usage_stats is False


def test_the_labellers_routes_are_there(app: RunningApp) -> None:
    status, body = app.get("/thumbnails/forged/" + "0" * 64 + ".jpg")
    assert status == 401
    assert "not made by this server" in body


def _install(folder: Path) -> Path:
    package = folder / "coldstart"
    shutil.copytree(REPOSITORY / "coldstart", package, ignore=shutil.ignore_patterns("__pycache__"))
    inside = package / "_app"
    inside.mkdir()
    shutil.copy(REPOSITORY / "app.py", inside)
    shutil.copytree(REPOSITORY / "pages", inside / "pages")
    shutil.copytree(REPOSITORY / ".streamlit", inside / ".streamlit")
    return inside / "app.py"


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The app did not start:\n{log.read_text(errors='replace')[-2000:]}")
