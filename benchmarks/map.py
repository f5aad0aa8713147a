"""How soon is a map of 100,000 images there, and how long does a lasso take? Beside plotly.

    python benchmarks/map.py                        10,000 and 100,000 points, one repeat
    python benchmarks/map.py --full                 also 1,000,000; medians of three

The same points in the same Chromium (of the system, no GPU: the slowest case) through the same
Streamlit, back to back: the app's WebGL component, whose places travel as bytes and whose lasso
comes back as a polygon, and plotly's scattergl through `st.plotly_chart`. Ready: from the press of
a button to the first picture. Zoom, pan: one step of the wheel, or of a drag, until the browser can
draw the next frame (17 ms is the least there is). Lasso: from letting go of the mouse to the number
of selected points on the screen, counted in Python. MB: what the browser received.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, Page, Request, TimeoutError, sync_playwright

APP = Path(__file__).parent / "map_app" / "app.py"
WAIT_MS = 180_000
STEPS = 15
COLUMNS = (
    ("points", 10),
    ("by", 9),
    ("ready s", 10),
    ("zoom ms", 10),
    ("pan ms", 10),
    ("lasso s", 10),
    ("selected", 10),
    ("MB", 8),
)
READY = {
    "webgl": "() => window.__mapReady()",
    "plotly": "() => document.querySelector('.js-plotly-plot canvas') && "
    "document.querySelector('.js-plotly-plot')._fullData?.length === 10",
}
# The component lives in a shadow root, which a selector of the page does not look into.
FIND_MAP = """
window.__find = (root, what) => {
  for (const one of root.querySelectorAll('*')) {
    if (one.matches(what)) return one;
    const inner = one.shadowRoot ? window.__find(one.shadowRoot, what) : null;
    if (inner) return inner;
  }
  return null;
};
window.__mapReady = () => window.__find(document, ".map[data-ready='true']") !== null;
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also a million points, three repeats")
    parser.add_argument("--sizes", nargs="+", type=int, help="only these numbers of points")
    arguments = parser.parse_args()
    sizes = arguments.sizes or [10_000, 100_000, *([1_000_000] if arguments.full else [])]
    repeats = 3 if arguments.full else 1
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print("No Chromium is installed: nothing can be measured.")
        return 1
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        port = free_port()
        server = start_server(port, Path(folder))
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        print("".join(f"{title:>{width}}" for title, width in COLUMNS))
        try:
            for count in sizes:
                found: dict[str, Figures | None] = {}
                for kind in READY:
                    found[kind] = measure(browser, port, kind, count, repeats)
                    print(row(count, kind, found[kind]), flush=True)
                ours, plotly = found["webgl"], found["plotly"]
                if ours and plotly:
                    ratios = (plotly[i] / ours[i] for i in range(4))
                    print(f"{'':>10}{'ratio':>9}" + "".join(f"{one:>9.1f}x" for one in ratios))
        finally:
            browser.close()
            server.terminate()
            server.wait()
    return 0


Figures = tuple[float, float, float, float, int, float]
"""Seconds until ready, ms of a zoom and of a pan, seconds of a lasso, points in it, megabytes."""


def measure(browser: Browser, port: int, kind: str, count: int, repeats: int) -> Figures | None:
    """Medians; None: it took too long."""
    runs = []
    for number in range(repeats + 1):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(FIND_MAP)
        try:
            run = one_run(page, port, kind, count)
        except TimeoutError:
            return None
        finally:
            context.close()
        # The first run warms the server's caches.
        runs += [run] if number else []
    return tuple(statistics.median(values) for values in zip(*runs))  # type: ignore[return-value]


def one_run(page: Page, port: int, kind: str, count: int) -> Figures:
    received = [0]
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived", lambda data: received.__setitem__(0, received[0] + len(data))
        ),
    )
    answered: list[Request] = []
    page.on("requestfinished", lambda request: answered.append(request))
    page.goto(f"http://127.0.0.1:{port}/?n={count}&kind={kind}")
    button = page.get_by_role("button", name="Show")
    button.wait_for()
    page.wait_for_timeout(1_000)
    received[0] = 0
    answered.clear()
    started = time.perf_counter()
    button.click()
    page.wait_for_function(READY[kind])
    ready = time.perf_counter() - started
    sizes = [one.sizes() for one in answered]
    megabytes = (received[0] + sum(one["responseBodySize"] for one in sizes)) / 1e6
    box = page.locator(".map .marks, .js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    zoom = ms_a_frame(page, lambda step: page.mouse.wheel(0, -90 if step < STEPS / 2 else 90))
    page.mouse.down()
    pan = ms_a_frame(page, lambda step: page.mouse.move(middle[0] + 3 * step, middle[1]))
    page.mouse.move(*middle)
    page.mouse.up()
    if kind == "webgl":
        page.get_by_role("button", name="Lasso").click()
    else:
        page.locator("[data-attr='dragmode'][data-val='lasso']").dispatch_event("click")
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    started = time.perf_counter()
    page.mouse.up()
    said = page.get_by_text("selected ")
    said.wait_for()
    lasso = time.perf_counter() - started
    return ready, zoom, pan, lasso, int(said.inner_text().split()[-1]), megabytes


def ms_a_frame(page: Page, act: Callable[[int], None]) -> float:
    """Mean milliseconds from an act until the browser can draw the frame after it."""
    started = time.perf_counter()
    for step in range(STEPS):
        act(step)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done(0)))")
    return 1000 * (time.perf_counter() - started) / STEPS


def row(count: int, kind: str, found: Figures | None) -> str:
    if found is None:
        return f"{count:>10,}{kind:>9}   not within {WAIT_MS // 1000} s"
    ready, zoom, pan, lasso, selected, megabytes = found
    return (
        f"{count:>10,}{kind:>9}{ready:>10.2f}{zoom:>10.0f}{pan:>10.0f}{lasso:>10.2f}"
        f"{selected:>10,.0f}{megabytes:>8.2f}"
    )


def start_server(port: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless", "true"]
    command += ["--server.port", str(port), "--browser.gatherUsageStats", "false"]
    root = str(Path(__file__).resolve().parents[1])
    environment = os.environ | {
        "PYTHONPATH": root,
        "COLDSTART_MAP_BENCHMARK": str(folder),
        "COLDSTART_PROJECTS": str(folder),
    }
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return server
        except OSError:
            time.sleep(0.4)
    raise SystemExit((folder / "server.log").read_text(errors="replace"))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
