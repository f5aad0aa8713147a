"""Diagnostics in Chromium: both maps, what a lasso does, what can be saved, and the report."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Download, Locator, Page, expect
from streamlit_server import REPOSITORY, StreamlitServer, free_port

from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.pool import coverage_radius, load_pool
from coldstart.workflow.scan import scan
from coldstart.workflow.select import select
from coldstart.workflow.train import train

WITHIN_MS = 120_000
PLOTLY_UP_TO = 50
COLOURS = {"red": (200, 30, 30), "green": (30, 160, 30), "blue": (30, 30, 200)}


def make_project(directory: Path, images: int, labels: int) -> Project:
    """Small pictures of three colours, with vectors of three groups, some of them labelled."""
    pictures = directory.parent / f"pictures of {directory.name}"
    pictures.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(images):
        noise = random.integers(-25, 25, (32, 32, 3))
        pixels = np.clip(np.array(list(COLOURS.values())[number % 3]) + noise, 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(pictures / f"{number:03d}.png")
    project = Project.create(directory, [pictures], name=directory.name)
    scan(project)
    vectors = np.eye(8)[np.arange(images) % 3] + random.normal(0, 0.25, (images, 8))
    np.save(directory / "mine.npy", vectors.astype(np.float32))
    import_vectors(project, directory / "mine.npy")
    coverage_radius(project, load_pool(project))
    answer(project, select(project, "kmeans", labels, audit_share=0.4).image_ids)
    train(project)
    return project


def answer(project: Project, image_ids: list[int]) -> None:
    rows = project.store.images.get(image_ids)
    names = {one: list(COLOURS)[int(Path(rows[one].path).stem) % 3] for one in image_ids}
    classes = {name: project.store.labels.add_class(name).class_id for name in COLOURS}
    project.store.labels.append(
        [NewEvent(f"u{one}", one, "annotator", "class", classes[names[one]]) for one in image_ids]
    )


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    folder = tmp_path_factory.mktemp("diagnostics") / "projects"
    return {
        "small": make_project(folder / "small", 45, 12),
        "large": make_project(folder / "large", 150, 90),
    }


@pytest.fixture(scope="module")
def server(projects: dict[str, Project]) -> Iterator[StreamlitServer]:
    folder = projects["small"].directory.parent
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={
            "COLDSTART_PROJECTS": str(folder),
            "COLDSTART_PLOTLY_MAP_UP_TO": str(PLOTLY_UP_TO),
        },
        log=folder.parent / "server.log",
        port=free_port(),
    )
    server.start()
    yield server
    server.stop()


def open_diagnostics(page: Page, server: StreamlitServer, project: str) -> None:
    page.set_default_timeout(WITHIN_MS)
    page.goto(f"{server.url}/diagnostics?project={project}")
    expect(page.get_by_text("Do images that lie close together belong together?")).to_be_visible(
        timeout=WITHIN_MS
    )


def draw_around(page: Page, area: Locator) -> None:
    """A lasso around all of it but the tools at its top."""
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    corners = [(0.02, 0.14), (0.98, 0.14), (0.98, 0.99), (0.02, 0.99), (0.02, 0.14)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def saved(page: Page, button: Locator, folder: Path) -> Path:
    with page.expect_download() as download:
        button.click()
    return _keep(download.value, folder)


def _keep(download: Download, folder: Path) -> Path:
    file = folder / download.suggested_filename
    download.save_as(file)
    return file


def selected_become_the_queue(page: Page, project: Project) -> None:
    """The lasso's images are shown, and those without a label and not kept aside are queued."""
    before = set(project.store.batches.waiting())
    words = page.get_by_text(re.compile(r"^\d+ images selected$")).first
    expect(words).to_be_visible(timeout=WITHIN_MS)
    count = int(words.inner_text().split()[0])
    assert count > 20
    expect(page.locator("figure, .cs-grid img, img[alt$='.png']").first).to_be_visible(
        timeout=WITHIN_MS
    )
    page.get_by_role("button", name="Queue them").click()
    expect(page.get_by_text("Label them on Select & Label.").first).to_be_visible(timeout=WITHIN_MS)
    queued = set(project.store.batches.waiting()) - before
    pool = load_pool(project)
    labelled = set(pool.image_ids[pool.labelled].tolist())
    assert queued
    assert not queued & (labelled | set(pool.reserve))


# Where the first image of the map lies on the screen.
FIRST_POINT = """plot => {
  const { xaxis, yaxis } = plot._fullLayout, trace = plot._fullData[0];
  const box = plot.getBoundingClientRect();
  const at = (values) => (values._inputArray ?? values)[0];
  return [box.left + xaxis._offset + xaxis.l2p(at(trace.x)),
          box.top + yaxis._offset + yaxis.l2p(at(trace.y))];
}"""


def test_a_small_map(
    page: Page, server: StreamlitServer, projects: dict[str, Project], tmp_path: Path
) -> None:
    open_diagnostics(page, server, "small")
    chart = page.locator(".st-key-map .js-plotly-plot")
    chart.scroll_into_view_if_needed()
    for colouring, entry in (
        ("State", "unlabelled"),
        ("Class", "red"),
        ("Coverage", "not covered yet"),
    ):
        page.get_by_role("radio", name=colouring).click()
        expect(chart.locator(".legendtext").filter(has_text=entry).first).to_be_visible(
            timeout=WITHIN_MS
        )
    expect(chart).to_have_count(1, timeout=WITHIN_MS)  # the one before it is gone
    # Over a point stands its picture.
    page.wait_for_selector(".cs-over-map[data-ready='true']", state="attached")
    picture = page.locator(".cs-map-tip img")
    deadline = time.monotonic() + WITHIN_MS / 1000
    # The page may still move under the mouse, as it does under a person's: they move it again.
    while not picture.is_visible():
        assert time.monotonic() < deadline
        x, y = chart.evaluate(FIRST_POINT)
        page.mouse.move(x - 40, y - 40)
        page.mouse.move(x, y, steps=4)
        page.wait_for_timeout(1_000)
    assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    chart.locator("[data-attr='dragmode'][data-val='lasso']").dispatch_event("click")
    draw_around(page, chart.locator(".nsewdrag"))
    selected_become_the_queue(page, projects["small"])
    table = saved(page, page.locator(".st-key-map_csv button").first, tmp_path)
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 45
    assert {row["coverage"] for row in rows} >= {"labelled"}


def test_a_large_map(
    page: Page, server: StreamlitServer, projects: dict[str, Project], tmp_path: Path
) -> None:
    with page.expect_response(re.compile(r"\.places$"), timeout=WITHIN_MS) as places:
        open_diagnostics(page, server, "large")
    expect(page.locator(".map[data-ready='true'][data-points='150']")).to_be_visible(
        timeout=WITHIN_MS
    )
    stage = page.locator(".map .marks")
    stage.scroll_into_view_if_needed()
    for colouring, entry in (("Class", "red"), ("Prediction", "green"), ("State", "unlabelled")):
        page.get_by_role("radio", name=colouring).click()
        expect(page.locator(".map .legend button").filter(has_text=entry)).to_be_visible(
            timeout=WITHIN_MS
        )
    # "unlabelled" stands in the other legends too: only the states name no class.
    expect(page.locator(".map .legend button").filter(has_text="green")).to_have_count(
        0, timeout=WITHIN_MS
    )
    drawing = saved(page, page.locator(".map [data-tool='svg']"), tmp_path).read_text()
    # A subpath for each point in sight, and one for each entry of the legend.
    entries = page.locator(".map .legend button").count()
    assert drawing.count("M") == 150 + entries
    assert "unlabelled (60)" in drawing
    assert Image.open(saved(page, page.locator(".map [data-tool='png']"), tmp_path)).size[0] > 300
    hover_over_the_first_point(page, stage, places.value.body())
    page.locator(".map [data-tool='lasso']").click()
    draw_around(page, stage)
    selected_become_the_queue(page, projects["large"])
    table = saved(page, page.locator(".st-key-map_csv button").first, tmp_path)
    assert len(list(csv.DictReader(table.open()))) == 150


def hover_over_the_first_point(page: Page, stage: Locator, places: bytes) -> None:
    """As the whole map lies on the stage: in the middle, 94% of its shorter side, upwards."""
    x, y = np.frombuffer(places, dtype="<u2")[:2] / 65_535
    picture = page.locator(".map .tip img")
    for _ in range(30):
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        assert box is not None
        size = 0.94 * min(box["width"], box["height"])
        left, top = box["x"] + (box["width"] - size) / 2, box["y"] + (box["height"] - size) / 2
        page.mouse.move(left + x * size - 30, top + (1 - y) * size - 30)
        page.mouse.move(left + x * size, top + (1 - y) * size, steps=3)
        # The page may still have been moving under the mouse: then once more.
        page.wait_for_timeout(1_000)
        if picture.is_visible():
            break
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0


def test_every_plot_can_be_taken_away_and_so_can_the_page(
    page: Page, context: BrowserContext, server: StreamlitServer, tmp_path: Path
) -> None:
    open_diagnostics(page, server, "large")
    plots = page.locator(".js-plotly-plot:has(.main-svg)")
    expect(plots).to_have_count(8, timeout=WITHIN_MS)
    classes = plots.evaluate_all(
        "all => all.map((one) => one.closest('[class*=st-key-]').className)"
    )
    names = {re.findall(r"st-key-(\w+)", one)[0] for one in classes}
    assert len(names) == 8
    for name in names:
        table = saved(page, page.locator(f".st-key-{name}_csv button").first, tmp_path)
        assert len(table.read_text().splitlines()) > 1, name
    camera = plots.first.locator("[data-title*='Download plot']")
    with page.expect_download() as download:
        camera.dispatch_event("click")
    assert download.value.suggested_filename == "coldstart-audit_looks.png"

    report = saved(page, page.get_by_role("button", name="Report"), tmp_path)
    asked: list[str] = []
    tab = context.new_page()
    tab.set_default_timeout(WITHIN_MS)
    tab.on("request", lambda request: asked.append(request.url))
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(report.as_uri())
    drawn = tab.locator(".plot .main-svg")
    expect(drawn.first).to_be_visible(timeout=WITHIN_MS)
    assert tab.locator(".plot").count() == tab.locator(".plot:has(.main-svg)").count() >= 9
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
    picture = saved(tab, tab.locator("button[data-format='svg']").first, tmp_path)
    assert "<svg" in picture.read_text()
    tab.close()
