"""Diagnostics in a browser: the large map, its lasso and thumbnails; the report without a net."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from streamlit_server import REPOSITORY, StreamlitServer, free_port

from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.demo import write_digits
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.map_serving import map_point, serve_places
from coldstart.workflow.report import write_report
from coldstart.workflow.scan import scan

STEP_WITHIN_MS = 120_000
DIGITS = 1_797


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The digits, their pixels as vectors, ten of them labelled."""
    write_digits(tmp_path / "images")
    made = Project.create(tmp_path / "projects" / "digits", [tmp_path / "images"], name="Digits")
    scan(made)
    rows = made.store.images.usable()
    vectors = np.stack([np.asarray(Image.open(made.file_of(row)).convert("L")) for row in rows])
    np.save(tmp_path / "pixels.npy", vectors.reshape(len(rows), -1).astype(np.float32))
    (tmp_path / "paths.txt").write_text("\n".join(row.path for row in rows))
    import_vectors(made, tmp_path / "pixels.npy", paths=tmp_path / "paths.txt")
    digit = made.store.labels.add_class("digit").class_id
    made.store.labels.append(
        [NewEvent(f"u{n}", rows[n * 100].image_id, "ann", "class", digit) for n in range(10)]
    )
    yield Project.open(made.directory)
    made.store.close()


@pytest.fixture
def server(project: Project, tmp_path: Path) -> Iterator[StreamlitServer]:
    """The real app, which opens the project and draws every map as a large one."""
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={
            "COLDSTART_PROJECTS": str(tmp_path / "projects"),
            "COLDSTART_PROJECT": str(project.directory),
            "COLDSTART_PLOTLY_MAP_UP_TO": "1000",
        },
        log=tmp_path / "server.log",
        port=free_port(),
    )
    server.start()
    yield server
    server.stop()


def test_a_lasso_on_the_large_map_opens_the_images_and_becomes_the_queue(
    page: Page, server: StreamlitServer, project: Project
) -> None:
    page.goto(f"{server.url}/diagnostics")
    board = page.locator(".map[data-ready='true']")
    expect(board).to_be_attached(timeout=STEP_WITHIN_MS)
    assert board.get_attribute("data-points") == str(DIGITS)
    canvas = page.get_by_role("application", name=f"The pool as a map of {DIGITS:,} images")
    canvas.scroll_into_view_if_needed()

    # Around everything: as many as there are.
    page.get_by_role("button", name="Lasso").click()
    draw(page, canvas, [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)])
    expect(page.get_by_text(f"{DIGITS:,} images selected")).to_be_visible(timeout=STEP_WITHIN_MS)
    # Around a part: fewer, and their thumbnails are shown.
    draw(page, canvas, [(0.3, 0.3), (0.5, 0.3), (0.5, 0.5), (0.3, 0.5)])
    expect(page.get_by_text(f"{DIGITS:,} images selected")).to_be_hidden(timeout=STEP_WITHIN_MS)
    expect(page.locator(".cs-thumb img").last).to_be_visible()
    page.get_by_role("button", name="Queue them").click()
    expect(page.get_by_text("Label them on Select & Label.")).to_be_visible(timeout=STEP_WITHIN_MS)
    assert 0 < len(project.store.batches.waiting()) < DIGITS

    # The keyboard takes the lasso away.
    canvas.focus()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Draw around some points")).to_be_visible(timeout=STEP_WITHIN_MS)


def test_hovering_shows_the_thumbnail_and_the_ball(
    page: Page, server: StreamlitServer, project: Project
) -> None:
    from coldstart.embeddings.lasso import LARGEST, pack_layout
    from coldstart.workflow.map import map_view

    page.goto(f"{server.url}/diagnostics")
    board = page.locator(".map[data-ready='true']")
    expect(board).to_be_attached(timeout=STEP_WITHIN_MS)
    canvas = page.locator(".map .marks")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    # The labelled image that lies farthest from all others on the map can be hit for certain.
    view = map_view(project)
    places = pack_layout(view.layout).astype(float)
    labelled = np.flatnonzero(np.isin(view.image_ids, list(project.store.labels.current())))
    gaps = [np.sort(np.linalg.norm(places - places[one], axis=1))[1] for one in labelled]
    target = int(labelled[int(np.argmax(gaps))])
    side = 0.94 * min(box["width"], box["height"])
    x = (box["width"] - side) / 2 + places[target, 0] / LARGEST * side
    y = (box["height"] - side) / 2 + (LARGEST - places[target, 1]) / LARGEST * side
    page.mouse.move(box["x"] + x - 30, box["y"] + y)
    page.mouse.move(box["x"] + x, box["y"] + y)
    point = map_point(project, serve_places(project, view).partition(".")[0], target)
    assert point is not None
    tip = page.locator(".map .tip")
    expect(tip).to_contain_text(point.name, timeout=STEP_WITHIN_MS)
    expect(tip).to_contain_text(f"covers {len(point.members):,} images")
    picture = tip.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_the_report_is_read_without_a_net(
    chromium: Browser, project: Project, tmp_path: Path
) -> None:
    file = write_report(project, tmp_path / "report.html").file
    context = chromium.new_context(offline=True)
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    complaints: list[str] = []
    page.on("console", lambda one: one.type == "error" and complaints.append(one.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    plots = page.locator(".plot")
    expect(page.locator(".plot .main-svg").first).to_be_visible(timeout=STEP_WITHIN_MS)
    expect(page.locator(".plot.js-plotly-plot")).to_have_count(plots.count())
    assert plots.count() >= 6
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []
    with page.expect_download(timeout=STEP_WITHIN_MS) as download:
        page.locator("button[data-plot='coverage_history'][data-format='svg']").click()
    assert "<svg" in Path(download.value.path()).read_text()
    context.close()


def draw(page: Page, canvas: Locator, corners: list[tuple[float, float]]) -> None:
    """Draw a lasso through these corners, as shares of the canvas."""
    box = canvas.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in [*places[1:], places[0]]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
