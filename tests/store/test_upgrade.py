"""An older project opens in a newer version with nothing lost, and with a copy of what it was."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text

import coldstart.store
from coldstart.store import Store
from coldstart.store.database import HEAD

OLD_ROWS = """
INSERT INTO images (image_id, root, path, size_bytes, mtime_ns, content_hash, missing, found_at)
VALUES (1, 0, 'a.png', 1, 1, 'aa', false, 5.0), (2, 0, 'b.png', 1, 1, 'bb', false, 5.0),
       (3, 0, 'c.png', 1, 1, 'cc', false, 5.0);
INSERT INTO classes VALUES (1, 'cat', 0, 5.0), (2, 'dog', 1, 5.0);
INSERT INTO query_batches VALUES (1, 5.0, 'ann', 'kmeans', '{}', 0, 1, 'mine', NULL, '[]');
INSERT INTO batch_images VALUES (1, 0, 1, 0.5, 'typical');
INSERT INTO label_events (uuid, image_id, annotator, kind, class_id, origin, batch_id, at)
VALUES ('u1', 1, 'ann', 'class', 1, 'human', 1, 6.0);
INSERT INTO label_events (uuid, image_id, annotator, kind, class_id, origin, batch_id, at)
VALUES ('u2', 2, 'import', 'class', 1, 'import', NULL, 6.0);
INSERT INTO label_events (uuid, image_id, annotator, kind, class_id, origin, batch_id, at)
VALUES ('u3', 2, 'ann', 'class', 2, 'human', NULL, 7.0);
INSERT INTO label_events (uuid, image_id, annotator, kind, class_id, origin, batch_id, at)
VALUES ('u4', 3, 'ben', 'class', 2, 'human', NULL, 7.0);
INSERT INTO label_events (uuid, image_id, annotator, kind, class_id, origin, batch_id, at)
VALUES ('u5', 3, 'ben', 'cleared', NULL, 'human', NULL, 8.0);
INSERT INTO runs VALUES (1, 'probe', 'models/probe-0001', 'mine', 1, 1, '{"accuracy": null}', 7.0);
"""


def make_old_database(url: str) -> None:
    """A database as the first version made it, with a row in every table a person fills."""
    config = Config()
    migrations = Path(coldstart.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLD_ROWS.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    engine.dispose()


def rows(engine: Engine, schema: str | None = None) -> dict[str, list[dict[str, object]]]:
    """Every table's rows, each by column name."""
    content = {}
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names(schema=schema):
            if table != "alembic_version":
                where = f'"{schema}".{table}' if schema else table
                found = connection.execute(text(f"SELECT * FROM {where}"))
                content[table] = sorted((dict(row._mapping) for row in found), key=first_value)
    return content


def first_value(row: dict[str, object]) -> object:
    return next(iter(row.values()))


def test_a_project_of_the_first_version_opens_with_nothing_lost(
    database_url: str, tmp_path: Path
) -> None:
    make_old_database(database_url)
    engine = create_engine(database_url)
    before = rows(engine)
    store = Store(database_url)
    # The newest answer stood in that version, and still does; now it is a review.
    current = store.labels.current()
    assert {image_id: row.class_id for image_id, row in current.items()} == {1: 1, 2: 2}
    assert [row.uuid for row in store.labels.events() if row.review] == ["u3"]
    assert store.labels.unresolved() == []
    assert store.runs.latest() is not None
    assert (store.audit.reserved(), store.audit.looks()) == ([], [])
    store.audit.reserve([2, 1])
    assert store.audit.reserved() == [2, 1]
    assert store.audit.asked() == {1}
    assert store.audit.batches() == {1}
    assert store.batches.waiting() == []
    store.close()
    after = rows(engine)
    for table, old in before.items():
        new = [{name: row[name] for name in old[0]} for row in after[table]] if old else []
        assert new == old
    (copy,) = copies(engine, tmp_path)
    assert copy == before
    # Opened once more nothing is upgraded, and no second copy is made.
    Store(database_url).close()
    assert len(copies(engine, tmp_path)) == 1
    engine.dispose()


def copies(engine: Engine, folder: Path) -> list[dict[str, list[dict[str, object]]]]:
    """What the upgrade has put aside: files beside SQLite's, schemas in PostgreSQL."""
    if engine.dialect.name == "sqlite":
        found = []
        for file in folder.glob(f"test.db.before-{HEAD}-*"):
            copied = create_engine(f"sqlite:///{file}")
            found.append(rows(copied))
            copied.dispose()
        return found
    with engine.connect() as connection:
        mine = connection.execute(text("SELECT current_schema()")).scalar_one()
    names = [name for name in inspect(engine).get_schema_names() if name.endswith(f"-{mine}")]
    return [rows(engine, name) for name in names]


def test_several_that_open_an_old_project_at_once_upgrade_it_once(
    database_url: str, tmp_path: Path
) -> None:
    make_old_database(database_url)
    failures: list[BaseException] = []

    def open_it() -> None:
        from coldstart.store import database

        try:
            engine = database._create(database_url)
            database._upgrade(engine)
            engine.dispose()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine = create_engine(database_url)
    assert failures == []
    assert len(copies(engine, tmp_path)) == 1
    engine.dispose()


def test_the_reserve_and_the_looks_are_written_once(database_url: str) -> None:
    make_old_database(database_url)
    store = Store(database_url)
    store.audit.reserve([])
    store.audit.reserve([2])
    store.audit.reserve([1])
    assert store.audit.reserved() == [2]
    store.audit.add_looks([{"number": 1, "accuracy": 0.5}], run_id=1)
    store.audit.add_looks(
        [{"number": 1, "accuracy": 0.9}, {"number": 2, "accuracy": 0.6}], run_id=1
    )
    assert [look["accuracy"] for look in store.audit.looks()] == [0.5, 0.6]


def test_a_copy_of_sqlite_is_whole_while_somebody_writes(tmp_path: Path) -> None:
    """The copy holds what is only in the write-ahead file, too."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    make_old_database(url)
    with sqlite3.connect(tmp_path / "test.db") as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO classes VALUES (3, 'late', 2, 5.0)")
        writer.commit()
        Store(url).close()
    engine = create_engine(url)
    (copy,) = copies(engine, tmp_path)
    assert [row["name"] for row in copy["classes"]] == ["cat", "dog", "late"]
    engine.dispose()
