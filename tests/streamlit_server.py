"""A `streamlit run` for the tests, on a port of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import pytest

REPOSITORY = Path(__file__).parents[1]
START_WITHIN_S = 60


@dataclass
class StreamlitServer:
    """A `streamlit run` of its own on a free port."""

    app: Path
    environment: dict[str, str]
    log: Path
    port: int
    options: dict[str, str] = field(default_factory=dict)  # more of Streamlit's own
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        base = self.options.get("server.baseUrlPath", "")
        return f"http://127.0.0.1:{self.port}{'/' if base else ''}{base}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", str(self.app)]
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        } | self.options
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
