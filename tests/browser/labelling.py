"""The labeller's test project, and what a test does with the labeller in a browser tab."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect
from streamlit_server import REPOSITORY, StreamlitServer, free_port

APP = Path(__file__).parent / "labeller_app"
PER_PAGE = 24


class Labelling:
    """The test project: its server, and what has really been stored."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = StreamlitServer(
            app=APP / "app.py",
            environment={
                "LABELLER_APP_DIRECTORY": str(directory),
                "COLDSTART_SECRET": "for the tests",
                "COLDSTART_PROJECTS": str(directory.parent),
                "PYTHONPATH": f"{REPOSITORY}:{APP}",
            },
            log=directory.parent / "server.log",
            port=free_port(),
        )

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        file = self.directory / "labels.sqlite"
        with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as database:
            return database.execute(sql, values).fetchall()

    def reset(self, *classes: str) -> None:
        for table in ("events", "classes", "comments", "runs", "settings"):
            self.query(f"DELETE FROM {table}")
        for name in classes:
            self.query("INSERT INTO classes(name) VALUES (?)", name)

    def events(self) -> list[tuple[int, str, str | None]]:
        """(image id, kind, class) of each stored event, in order."""
        return self.query(
            "SELECT image_id, kind, name FROM events LEFT JOIN classes ON classes.id = class_id"
            " ORDER BY n"
        )

    def runs(self) -> int:
        return int(self.query("SELECT count(*) FROM runs")[0][0])


def opened(tab: Page, labelling: Labelling) -> Locator:
    tab.goto(labelling.server.url)
    grid = tab.get_by_role("grid", name="Images to label")
    expect(grid.get_by_role("gridcell").first).to_be_visible(timeout=30_000)
    return grid


def cell(grid: Locator, number: int) -> Locator:
    return grid.get_by_role("gridcell", name=re.compile(rf"^IMG_{number}\.jpg, "))


def press(tab: Page, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def expect_saved(tab: Page) -> None:
    expect(tab.get_by_role("status").filter(has_text="saved")).to_have_text("saved")


def selected(grid: Locator) -> list[int]:
    names = grid.locator('[role=gridcell][aria-selected="true"]').evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('aria-label'))"
    )
    return [int(re.findall(r"\d+", name)[0]) for name in names]


def cursor(grid: Locator) -> int:
    return int(str(grid.get_attribute("aria-activedescendant")).removeprefix("cell-")) - 1
