"""A project for the labeller's tests: drawn pictures, and labels in a SQLite file of its own."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from coldstart.errors import ColdstartError
from coldstart.labels.keys import class_keys
from coldstart.server.gate import LabellerClass, Stored
from coldstart.server.messages import RefusedEvent, SentComment, SentEvent

DIRECTORY = Path(os.environ["LABELLER_APP_DIRECTORY"])
DATABASE = DIRECTORY / "labels.sqlite"
IMAGE_COUNT = 60
BATCH = 7
COLORS = ["#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#9d755d"]


def prepare() -> None:
    """Draw the pictures and make an empty database, once."""
    if DATABASE.exists():
        return
    (DIRECTORY / "thumbnails").mkdir(parents=True, exist_ok=True)
    index = []
    photos = sorted(Path(os.environ.get("LABELLER_APP_PHOTOS", "/nowhere")).rglob("*.jpg"))
    for number in range(IMAGE_COUNT):
        picture = Image.open(photos[number * 37 % len(photos)]) if photos else _draw(number)
        original = DIRECTORY / f"IMG_{number}.jpg"
        picture.convert("RGB").save(original, quality=85)
        picture.thumbnail((256, 256))
        content_hash = hashlib.sha256(original.read_bytes()).hexdigest()
        picture.convert("RGB").save(DIRECTORY / "thumbnails" / f"{content_hash}.jpg", quality=82)
        index.append({"id": number + 1, "name": original.name, "thumbnail": content_hash})
    (DIRECTORY / "index.json").write_text(json.dumps(index))
    with connected() as database:
        database.executescript(
            """
            PRAGMA journal_mode=WAL;
            CREATE TABLE events (n INTEGER PRIMARY KEY, uuid TEXT UNIQUE, image_id INTEGER,
                kind TEXT, class_id INTEGER, batch_id INTEGER, annotator TEXT, seconds REAL,
                origin TEXT, suggestion TEXT, step TEXT, step_action TEXT,
                stored_at REAL DEFAULT ((julianday('now') - 2440587.5) * 86400000.0));
            CREATE TABLE classes (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
            CREATE TABLE comments
                (n INTEGER PRIMARY KEY, uuid TEXT UNIQUE, image_id INTEGER, text TEXT);
            CREATE TABLE runs (n INTEGER PRIMARY KEY);
            CREATE TABLE settings (name TEXT PRIMARY KEY, value REAL);
            """
        )


def connected() -> closing[sqlite3.Connection]:
    connection = sqlite3.connect(DATABASE, timeout=10, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return closing(connection)


def setting(name: str, usual: float) -> float:
    with connected() as database:
        row = database.execute("SELECT value FROM settings WHERE name=?", (name,)).fetchone()
    return usual if row is None else float(row["value"])


def index() -> list[dict[str, Any]]:
    return json.loads((DIRECTORY / "index.json").read_text())


def classes() -> list[dict[str, Any]]:
    with connected() as database:
        rows = database.execute("SELECT id, name FROM classes ORDER BY id").fetchall()
    keys = class_keys(len(rows))
    return [
        {"id": row["id"], "name": row["name"], "key": key, "color": COLORS[place % len(COLORS)]}
        for place, (row, key) in enumerate(zip(rows, keys, strict=True))
    ]


def answers() -> dict[int, dict[str, Any]]:
    """image id -> its newest answer, if it is one."""
    with connected() as database:
        rows = database.execute("SELECT * FROM events ORDER BY n").fetchall()
    newest = {row["image_id"]: row for row in rows}
    return {
        image_id: {"kind": row["kind"], "class_id": row["class_id"], "origin": "human"}
        for image_id, row in newest.items()
        if row["kind"] != "cleared"
    }


class TestGate:
    """The routes' view of this project."""

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        pass

    def lease(self, directory: Path, annotator: str, count: int) -> Sequence[int]:
        return []

    def give_back(self, directory: Path, annotator: str, image_ids: Any = None) -> int:
        return 0

    def export(self, directory: Path, format: str) -> bytes:
        return b""

    def append_events(self, directory: Path, events: Sequence[SentEvent], annotator: str) -> Stored:
        known = {row["id"] for row in index()}
        refused = [
            RefusedEvent(event.uuid, f"There is no image {event.image_id} in this project.")
            for event in events
            if event.image_id not in known
        ]
        good = [event for event in events if event.image_id in known]
        with connected() as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT OR IGNORE INTO events"
                "(uuid, image_id, kind, class_id, batch_id, annotator, seconds, origin, suggestion,"
                " step, step_action) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                [
                    (
                        *(e.uuid, e.image_id, e.kind, e.class_id, e.batch_id, annotator, e.seconds),
                        *(e.origin, json.dumps(e.suggestion), e.step, e.step_action),
                    )
                    for e in good
                ],
            )
            database.execute("COMMIT")
        labelled = len(answers())
        accepted = [event.uuid for event in good]
        return Stored(accepted, refused, IMAGE_COUNT - labelled)

    def append_comments(
        self, directory: Path, comments: Sequence[SentComment], annotator: str
    ) -> Sequence[RefusedEvent]:
        with connected() as database:
            database.executemany(
                "INSERT OR IGNORE INTO comments(uuid, image_id, text) VALUES (?,?,?)",
                [(one.uuid, one.image_id, one.text) for one in comments],
            )
        return []

    def history(
        self, directory: Path, annotator: str, before: int | None, count: int
    ) -> dict[str, Any]:
        """The steps of a plain undo stack, two at a time, so that tests reach the older ones."""
        with connected() as database:
            rows = database.execute("SELECT * FROM events ORDER BY n").fetchall()
        answer: dict[int, dict[str, Any] | None] = {}
        done: list[dict[str, Any]] = []
        undone: list[dict[str, Any]] = []
        for row in rows:
            name = row["step"] or row["uuid"]
            now = None
            if row["kind"] != "cleared":
                now = {"kind": row["kind"], "class_id": row["class_id"]}
            image = row["image_id"]
            if row["step_action"] is None:
                undone.clear()
                if not done or done[-1]["step"] != name:
                    done.append({"step": name, "event": row["n"], "changes": []})
                change = {"id": image, "name": f"IMG_{image - 1}.jpg", "batch_id": BATCH}
                done[-1]["changes"].append(change | {"before": answer.get(image), "after": now})
            elif row["step_action"] == "undo" and done and done[-1]["step"] == name:
                undone.append(done.pop())
            elif row["step_action"] == "redo" and undone and undone[-1]["step"] == name:
                done.append(undone.pop())
            answer[image] = now
        older = [step for step in done if before is None or step["event"] < before][::-1]
        return {
            "undo": older[:2],
            "redo": undone[::-1] if before is None else [],
            "more": len(older) > 2,
        }

    def suggestions(self, directory: Path, image_ids: Sequence[int]) -> dict[str, Any]:
        """Every third image is suggested the second class, where the test asks for suggestions."""
        if not setting("suggest", 0):
            return {"fresh": True, "version": 0, "suggestions": {}}
        second = classes()[1]["id"]
        found = {
            i: {"class_id": second, "probability": 0.9 - i / 100, "source": "labels"}
            for i in image_ids
            if i % 3 == 1
        }
        return {"fresh": True, "version": 1, "suggestions": found}

    def why(self, directory: Path, image_id: int, annotator: str) -> dict[str, Any] | None:
        near = [row for row in index() if 0 < abs(row["id"] - image_id) < 4]
        shown = [
            {"id": r["id"], "name": r["name"], "thumbnail": r["thumbnail"], "state": None}
            for r in near
        ]
        return {"reason": "covers much", "words": "6 images lie within it.", "images": shown}

    def add_class(self, directory: Path, name: str, annotator: str) -> LabellerClass:
        if name.strip() == "forbidden":
            raise ColdstartError("A class cannot be called “forbidden”.", "Choose another name.")
        with connected() as database:
            database.execute("INSERT OR IGNORE INTO classes(name) VALUES (?)", (name.strip(),))
        row = next(row for row in classes() if row["name"] == name.strip())
        return LabellerClass(**row)

    def thumbnail_file(self, directory: Path, content_hash: str) -> Path | None:
        return DIRECTORY / "thumbnails" / f"{content_hash}.jpg"

    def image_file(self, directory: Path, image_id: int, content_hash: str) -> Path | None:
        return next((DIRECTORY / row["name"] for row in index() if row["id"] == image_id), None)


def _draw(number: int) -> Image.Image:
    picture = Image.new("RGB", (400, 300), ((number * 53) % 200, (number * 31) % 200, 150))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((80, 50, 80 + 6 * (number % 40), 230), fill="white", outline="black")
    pen.text((10, 10), str(number), fill="white", stroke_width=1, stroke_fill="black")
    return picture
