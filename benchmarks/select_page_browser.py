"""How long after a moved control is Select & Label drawn anew? The whole way, in Chromium.

    python benchmarks/select_page_browser.py [--images 50000] [--columns 512] [--repeats 4]

Serves a project of synthetic vectors, has the graph of neighbours made by the page's own job, and
then moves the budget (arrow keys on its slider) and the radius (a number and Enter) of ProbCover.
Timed in the browser, from the key to the first frame in which both plots show the new answer: the
curve with its mark at the new budget, and the map with the new picks.
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
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from select_page import synthetic_project

APP = Path(__file__).resolve().parents[1] / "app.py"
WAIT_MS = 400_000
# What the plots show; a redraw is over when it is another than before and both plots agree.
SHOWN = """
window.__shown = () => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')].filter(one => one._fullLayout);
  const map = plots.find(one => one.data.some(trace => trace.name === 'these picks'));
  const curve = plots.find(one => one !== map && (one.layout.shapes || []).length);
  if (!map || !curve) return null;
  const picks = map.data.find(trace => trace.name === 'these picks');
  const said = [...document.querySelectorAll('p')].map(one => one.textContent);
  const radius = said.find(one => one.includes('ProbCover picks')) || '';
  return JSON.stringify([curve.layout.shapes.at(-1).x0, picks.x.length, radius]);
};
window.__until = (wanted) => new Promise(done => {
  const look = () => {
    const now = window.__shown();
    if (now && wanted(JSON.parse(now))) requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
});
addEventListener('keydown', () => { window.__key = performance.now(); }, true);
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=4)
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print("No Chromium is installed: nothing can be measured.")
        return 1
    expect.set_options(timeout=WAIT_MS)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        synthetic_project(folder, options.images, options.columns).store.close()
        server, url = start_server(folder)
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(WAIT_MS)
            page.add_init_script(SHOWN)
            measure(page, url, options.repeats)
        finally:
            browser.close()
            server.kill()
            server.wait()
    return 0


def measure(page: Page, url: str, repeats: int) -> None:
    """Open the page, make the graph, and print how long each kind of change takes."""
    page.goto(f"{url}/label?project=project")
    page.get_by_role("combobox", name="Strategy").click()
    page.get_by_role("option", name="ProbCover").click()
    choose = page.get_by_role("button", name="Choose now, and show me")
    started = time.perf_counter()
    choose.click()
    expect(page.locator(".cs-picks").first).to_be_visible()
    print(f"{'the graph, by a job (once)':34}{time.perf_counter() - started:8.2f} s", flush=True)
    slider = page.locator(".st-key-budget input[type=range]")
    times = [
        timed(page, lambda: slider.press("ArrowRight"), f"([at]) => at === {budget}")
        for budget in range(55, 55 + 5 * repeats, 5)
    ]
    line("another budget", times)
    page.get_by_role("combobox", name="Radius").click()
    page.get_by_role("option", name="a number").click()
    number = page.get_by_role("spinbutton", name="Radius, as a number")
    found = float(number.input_value())
    times = []
    for place in range(repeats):
        wanted = f"{found * (0.95 - 0.05 * place):.3f}"
        number.fill(wanted)
        words = f"radius {float(wanted):.4g}:"
        condition = f"([at, picks, said]) => said.toLowerCase().includes('{words}')"
        times.append(timed(page, lambda: number.press("Enter"), condition))
    line("another radius", times)


def timed(page: Page, change, condition: str) -> float:
    """Seconds from the key that ``change`` presses to the frame in which ``condition`` holds."""
    settle(page)
    page.evaluate(f"() => {{ window.__done = window.__until({condition}); }}")
    change()
    seconds = page.evaluate("() => window.__done.then(end => (end - window.__key) / 1000)")
    return float(seconds)


def settle(page: Page) -> None:
    """Until the page has been at rest for half a second."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(500)


def line(words: str, seconds: list[float]) -> None:
    print(
        f"{words:34}{statistics.median(seconds):8.2f} s   (first {seconds[0]:.2f}, "
        f"worst {max(seconds):.2f})",
        flush=True,
    )


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The app on a free port, and its address."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless", "true"]
    command += ["--server.port", str(port), "--browser.gatherUsageStats", "false"]
    environment = os.environ | {"PYTHONPATH": str(APP.parent), "COLDSTART_PROJECTS": str(folder)}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return server, url
        except OSError:
            time.sleep(0.4)
    server.kill()
    raise SystemExit((folder / "server.log").read_text(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
