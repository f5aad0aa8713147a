"""The pages as a person meets them: through the entry script, over small real projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_helpers import OpenPage
from PIL import Image
from streamlit.testing.v1 import AppTest

from coldstart.embeddings.matrix import write_set
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.ui import sign_in
from coldstart.ui.places import ENTRY_SCRIPT, page_file
from coldstart.workflow.projects import new_project
from coldstart.workflow.scan import scan

IMAGES = 24


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Projects and images of the test lie in its own folder, and nothing else may be read."""
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("COLDSTART_ROOTS", str(tmp_path))
    monkeypatch.delenv("COLDSTART_PROJECT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    # A test has no browser; here it is one on the server's own machine.
    monkeypatch.setattr(sign_in, "at_the_servers_keyboard", lambda: True)
    return tmp_path


@pytest.fixture
def open_page() -> OpenPage:
    """open_page("train", project): the page as the entry script shows it."""

    def open_it(page: str, project: Project | None = None) -> AppTest:
        app = AppTest.from_file(str(ENTRY_SCRIPT), default_timeout=60)
        if project is not None:
            app.query_params["project"] = project.directory.name
        app.run()
        if page != "data":
            app.switch_page(page_file(page)).run()
        assert not app.exception
        return app

    return open_it


@pytest.fixture
def images(places: Path) -> Path:
    """A folder of 24 small images, dark and light, in three boxes, and one file that is none."""
    draw = np.random.default_rng(5)
    for number in range(IMAGES):
        shade = 40 if number % 2 else 215
        pixels = np.clip(draw.normal(shade, 20, (24, 24, 3)), 0, 255).astype(np.uint8)
        file = places / "images" / f"box-{number % 3}" / f"scan-{number:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    (places / "images" / "box-0" / "notes.png").write_text("no picture")
    return places / "images"


@pytest.fixture
def scanned(images: Path) -> Iterator[Project]:
    """A project over these images."""
    project = new_project("Dark and light", [images])
    scan(project)
    yield project
    project.store.close()


@pytest.fixture
def embedded(scanned: Project) -> Project:
    """The same with an embedding set that tells dark from light."""
    rows = scanned.store.images.usable()
    draw = np.random.default_rng(6)
    side = np.array([[1.0, 0.0] if _is_dark(row.name) else [0.0, 1.0] for row in rows])
    vectors = np.hstack([side, draw.normal(0, 0.2, (len(rows), 4))]).astype(np.float32)
    write_set(
        scanned.embeddings / "made",
        [vectors / np.linalg.norm(vectors, axis=1, keepdims=True)],
        vectors.shape[1],
        [row.image_id for row in rows],
        [row.content_hash or "" for row in rows],
        {"encoder": "made for the test"},
    )
    return scanned


@pytest.fixture
def labelled(embedded: Project) -> Project:
    """The same with 20 images labelled by what they are."""
    classes = {name: embedded.store.labels.add_class(name).class_id for name in ("dark", "light")}
    rows = embedded.store.images.usable()[:20]
    embedded.store.labels.append(
        [
            NewEvent(
                uuid=f"event-{row.image_id:08d}",
                image_id=row.image_id,
                annotator="ann",
                kind="class",
                class_id=classes["dark" if _is_dark(row.name) else "light"],
            )
            for row in rows
        ]
    )
    return embedded


def _is_dark(name: str) -> bool:
    return int(name.removeprefix("scan-").removesuffix(".png")) % 2 == 1
