"""An older project opens in a newer version with nothing lost, and with a copy of what it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import coldstart.store
from coldstart.store import Store

OLD_ROWS = """
INSERT INTO images (image_id, root, path, size_bytes, mtime_ns, content_hash, missing, found_at)
VALUES (1, 0, 'a.png', 1, 1, 'aa', 0, 5.0), (2, 0, 'b.png', 1, 1, 'bb', 0, 5.0);
INSERT INTO classes VALUES (1, 'cat', 0, 5.0);
INSERT INTO query_batches VALUES (1, 5.0, 'ann', 'kmeans', '{}', 0, 1, 'mine', NULL, '[]');
INSERT INTO batch_images VALUES (1, 0, 1, 0.5, 'typical');
INSERT INTO label_events (uuid, image_id, annotator, kind, class_id, origin, batch_id, at)
VALUES ('u1', 1, 'ann', 'class', 1, 'human', 1, 6.0);
INSERT INTO runs VALUES (1, 'probe', 'models/probe-0001', 'mine', 1, 1, '{"accuracy": null}', 7.0);
"""


GROWN = {
    "classes": "class_id, name, position, created_at",
    "label_events": "event_id, uuid, image_id, annotator, kind, class_id, origin, batch_id, at",
}


def make_old_database(file: Path) -> None:
    """A database as the first version made it, with a row in every table a person fills."""
    config = Config()
    migrations = Path(coldstart.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(file) as plain:
        plain.executescript(OLD_ROWS)
    plain.close()


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(file) as plain:
        tables = [
            name
            for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("alembic", "sqlite"))
        ]
        content = {name: plain.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
        for name, columns in GROWN.items():  # later versions added columns to these
            query = f"SELECT {columns} FROM {name}"
            content[name] = plain.execute(query).fetchall()
    plain.close()
    return content


def test_a_project_of_the_first_version_opens_with_nothing_lost(tmp_path: Path) -> None:
    file = tmp_path / "coldstart.db"
    make_old_database(file)
    before = rows(file)
    store = Store(f"sqlite:///{file}")
    assert store.labels.current()[1].class_id == 1
    assert store.runs.latest() is not None
    assert (store.audit.reserved(), store.audit.looks()) == ([], [])
    store.audit.reserve([2, 1])
    assert store.audit.reserved() == [2, 1]
    assert store.audit.asked() == {1}
    assert store.audit.batches() == {1}
    store.close()
    after = rows(file)
    assert {name: after[name] for name in before} == before
    (copy,) = tmp_path.glob("coldstart.db.before-*")
    assert rows(copy) == before
    # Opened once more nothing is upgraded, and no second copy is made.
    Store(f"sqlite:///{file}").close()
    assert list(tmp_path.glob("coldstart.db.before-*")) == [copy]


def test_the_reserve_and_the_looks_are_written_once(tmp_path: Path) -> None:
    file = tmp_path / "coldstart.db"
    make_old_database(file)
    store = Store(f"sqlite:///{file}")
    store.audit.reserve([])
    store.audit.reserve([2])
    store.audit.reserve([1])
    assert store.audit.reserved() == [2]
    store.audit.add_looks([{"number": 1, "accuracy": 0.5}], run_id=1)
    store.audit.add_looks(
        [{"number": 1, "accuracy": 0.9}, {"number": 2, "accuracy": 0.6}], run_id=1
    )
    assert [look["accuracy"] for look in store.audit.looks()] == [0.5, 0.6]
    store.close()
