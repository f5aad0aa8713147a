"""How fast is a label painted and durable, in a real Chromium, beside a plain Streamlit grid?

    python benchmarks/labelling.py [--keys 60] [--burst 20]

Sixty thumbnails, one project on SQLite, one browser; both apps in turn on the same machine. Photos
come from TrashNet in the folder named by COLDSTART_DATA, else ../shared/data; without it pictures
are drawn. Chromium is the one named in COLDSTART_CHROMIUM, else the one on the path.

key to paint: from the key (or the click) to the frame that shows the answer. Key to durable: to the
server's answer, which comes after the commit; for the plain grid, whose script stores the label, to
the frame that shows it. Burst: 25 keys a second with a script that takes 300 ms; every label is
counted in the database afterwards. Page turn: from Enter to the frame with the next page's decoded
pictures, which were fetched ahead. Exits 1 when a label is lost or a key makes the script run.
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
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from coldstart.project import Project
from coldstart.workflow.scan import scan

APPS = Path(__file__).parent / "labelling_apps"
IMAGES, PER_PAGE = 600, 60
AIMS = {"key to paint": 16, "key to durable": 40, "page turn": 150}

# Before any script of the page: the labeller keeps the keys it takes from later listeners.
KEYS = """
window.keysPressed = [];
window.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') window.turnFrom = event.timeStamp;
  else window.keysPressed.push(event.timeStamp);
}, true);
"""

# Notes when a key came, when the frame with its answer was on the screen, and when it was durable.
WATCH = """() => {
  const host = document.querySelector('[data-testid=stBidiComponentIsolated]');
  const grid = host.shadowRoot.querySelector('.grid');
  const seen = window.seen = { painted: [], durable: [], turned: [], runs: 0 };
  const afterPaint = (call) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = call;
    channel.port2.postMessage(0);
  });
  new MutationObserver((changes) => {
    if (changes.some((one) => one.attributeName === 'aria-label') && window.keysPressed.length) {
      const keys = window.keysPressed; window.keysPressed = [];
      afterPaint(() => seen.painted.push(...keys.map((at) => performance.now() - at)));
    }
    if (changes.some((one) => one.type === 'childList') && window.turnFrom) {
      const from = window.turnFrom; window.turnFrom = null;
      const pictures = [...grid.querySelectorAll('img')].slice(0, 24);
      Promise.allSettled(pictures.map((one) => one.decode())).then(() =>
        afterPaint(() => seen.turned.push(performance.now() - from)));
    }
  }).observe(grid, { subtree: true, childList: true, attributes: true });
  const plainFetch = window.fetch;
  window.fetch = async (url, options) => {
    const response = await plainFetch(url, options);
    if (String(url).endsWith('/api/labels') && response.ok) {
      const now = performance.timeOrigin + performance.now();
      const sent = JSON.parse(options.body).events;
      seen.durable.push(...sent.map((event) => now - event.client_time));
    }
    return response;
  };
  const Socket = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) { seen.runs += 1; return Socket.call(this, data); };
}"""

PLAIN_WATCH = """() => {
  window.seen = [];
  window.pressed = null;
  window.addEventListener('click', (event) => { window.pressed = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (window.pressed === null) return;
    const labelled = [...document.querySelectorAll('button')].filter((b) => b.innerText === 'cat');
    if (labelled.length <= window.seen.length) return;
    const from = window.pressed; window.pressed = null;
    requestAnimationFrame(() => setTimeout(() => window.seen.push(performance.now() - from)));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=60, help="single keys measured")
    parser.add_argument("--burst", type=int, default=20, help="seconds at 25 keys a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        project = make_project(Path(scratch))
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        with served(APPS / "ours.py", project, 0.0) as url:
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            rows, runs = measure_ours(tab, url, options.keys)
        with served(APPS / "ours.py", project, 0.3) as url:
            pressed, stored, slow = burst(browser.new_page(), url, project, options.burst)
        with served(APPS / "plain.py", project, 0.0) as url:
            project.store.labels.append([])
            plain = measure_plain(browser.new_page(), url, project, 12)
        browser.close()
    print(f"{'milliseconds':34}{'median':>10}{'p95':>10}{'aim':>10}")
    for name, values in rows.items():
        print(f"{'labeller: ' + name:34}{_numbers(values)}{AIMS[name]:10}")
    print(f"{'plain grid: click to paint':34}{_numbers(plain)}{'':>10}")
    ratio = statistics.median(plain) / statistics.median(rows["key to paint"])
    print(f"the labeller paints {ratio:.0f} times sooner")
    print(f"messages to Streamlit while {options.keys} keys were pressed: {runs}")
    print(f"burst, script of 300 ms: {pressed} keys, {stored} stored, key to durable {slow:.0f} ms")
    return 1 if stored != pressed or runs else 0


def measure_ours(tab: Page, url: str, keys: int) -> tuple[dict[str, list[float]], int]:
    open_labeller(tab, url)
    tab.evaluate(WATCH)
    for number in range(keys):
        tab.keyboard.press("123"[number % 3])
        tab.wait_for_timeout(130)
    tab.wait_for_function("n => window.seen.durable.length >= n", arg=keys, timeout=60_000)
    runs = tab.evaluate("window.seen.runs")
    for _ in range(IMAGES // PER_PAGE - 1):
        tab.wait_for_timeout(2_500)  # time in which a person labels, and the next page is fetched
        tab.keyboard.press("Enter")
    tab.wait_for_timeout(1_500)
    seen = tab.evaluate("window.seen")
    return {
        "key to paint": seen["painted"],
        "key to durable": seen["durable"],
        "page turn": seen["turned"],
    }, runs


def burst(tab: Page, url: str, project: Project, seconds: int) -> tuple[int, int, float]:
    """25 keys a second: (pressed, stored, median milliseconds to durable)."""
    open_labeller(tab, url)
    tab.evaluate(WATCH)
    before = project.store.labels.last_event_id()
    pressed = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        tab.keyboard.press("123"[pressed % 3])
        pressed += 1
        time.sleep(max(0.0, started + pressed / 25 - time.monotonic()))
    sign = tab.get_by_role("status").filter(has_text="saved")
    sign.wait_for(timeout=60_000)
    tab.wait_for_function("n => window.seen.durable.length >= n", arg=pressed, timeout=60_000)
    slow = statistics.median(tab.evaluate("window.seen.durable"))
    return pressed, project.store.labels.last_event_id() - before, slow


def measure_plain(tab: Page, url: str, project: Project, clicks: int) -> list[float]:
    tab.goto(url)
    tab.get_by_role("button", name="label 59", exact=True).wait_for(timeout=120_000)
    tab.wait_for_timeout(3_000)
    tab.evaluate(PLAIN_WATCH)
    for number in range(clicks):
        tab.get_by_role("button", name=f"label {number}", exact=True).click()
        tab.wait_for_function("n => window.seen.length > n", arg=number, timeout=60_000)
        tab.wait_for_timeout(500)
    return list(tab.evaluate("window.seen"))


def open_labeller(tab: Page, url: str) -> None:
    tab.add_init_script(KEYS)
    tab.goto(url)
    grid = tab.get_by_role("grid", name="Images to label")
    grid.get_by_role("gridcell").first.wait_for(timeout=120_000)
    tab.wait_for_timeout(3_000)


def make_project(scratch: Path) -> Project:
    """A scanned project of `IMAGES` photos with three classes and no label."""
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("COLDSTART_DATA", beside_repository)) / "trashnet"
    photos = sorted(root.glob("*/*.jpg"))
    if not photos:
        print(f"{root} is not there (set COLDSTART_DATA): pictures are drawn instead.")
    draw = np.random.default_rng(0)
    (scratch / "images").mkdir()
    for number in range(IMAGES):
        file = scratch / "images" / f"{number:04}.jpg"
        if photos:
            shutil.copy(photos[number * 4 % len(photos)], file)
        else:
            pixels = draw.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((512, 384)).save(file)
    project = Project.create(scratch / "projects" / "p", [scratch / "images"], name="p")
    scan(project)
    for name in ("cat", "dog", "bird"):
        project.store.classes.add(name)
    return project


@contextmanager
def served(app: Path, project: Project, run_s: float):
    """The app on a free port; its URL. Labels of an earlier app are taken back first."""
    from uuid import uuid4

    from coldstart.store import NewEvent

    answered = project.store.labels.current()
    project.store.labels.append(
        [NewEvent(str(uuid4()), one, "ann", "cleared") for one in sorted(answered)]
    )
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "LABELLING_RUN_S": str(run_s),
        "LABELLING_PROJECT": str(project.directory),
        "COLDSTART_PROJECTS": str(project.directory.parent),
        "COLDSTART_ROOTS": str(project.directory.parents[1]),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    command += ["--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        server.kill()
        server.wait()


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    named = os.environ.get("COLDSTART_CHROMIUM")
    return named or next(filter(None, map(shutil.which, names)), None)


def _numbers(values: list[float]) -> str:
    return f"{statistics.median(values):10.1f}{float(np.percentile(values, 95)):10.1f}"


if __name__ == "__main__":
    sys.exit(main())
