"""A backup made while labels come in, restored as docs/team-server.md says, on both databases."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from databases import BACKENDS, new_database, postgresql_server, postgresql_tool
from queued import labellable
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from coldstart.project import SETTINGS_FILE, Project
from coldstart.store import NewEvent
from coldstart.workflow.label import append_events, import_labels
from coldstart.workflow.scan import scan


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_restored_project_has_every_label_of_before_the_backup(
    backend: str, tmp_path: Path
) -> None:
    with new_database(backend, tmp_path) as url:
        database = url if backend == "postgresql" else None
        project = labellable(tmp_path, 6, database=database)
        stop, acknowledged = threading.Event(), list[str]()

        def label() -> None:
            while not stop.is_set():
                uuid = str(uuid4())
                append_events(
                    project, [NewEvent(uuid, 1 + len(acknowledged) % 6, "ann", "skipped")]
                )
                acknowledged.append(uuid)

        labelling = threading.Thread(target=label)
        labelling.start()
        while len(acknowledged) < 20:
            stop.wait(0.01)
        before = list(acknowledged)
        with _backed_up(backend, project, url, tmp_path) as restored_url:
            stop.set()
            labelling.join()
            project.store.close()
            restored = tmp_path / "restored" / "team"
            restored.mkdir(parents=True, exist_ok=True)
            settings = (project.directory / SETTINGS_FILE).read_text()
            (restored / SETTINGS_FILE).write_text(settings.replace(url, restored_url))
            twin = Project.open(restored)
            stored = [event.uuid for event in twin.store.labels.events()]
            assert set(before) <= set(stored) <= set(acknowledged)
            assert len(stored) == len(set(stored))
            assert [row.name for row in twin.store.classes.all()] == ["cat", "dog"]
            # It is a project like any other: it scans and takes labels.
            assert scan(twin).images == 6
            (tmp_path / "labels.csv").write_text("path,class_name\n00.png,cat\n")
            assert import_labels(twin, tmp_path / "labels.csv").labelled == 1
            twin.store.close()


@contextmanager
def _backed_up(backend: str, project: Project, url: str, folder: Path) -> Iterator[str]:
    """Back up while labels come in, and restore elsewhere; the URL of the restored database."""
    if backend == "sqlite":
        copy = folder / "backup.db"
        with closing(sqlite3.connect(project.directory / "coldstart.db")) as database:
            database.execute(f"VACUUM INTO '{copy}'")
        place = folder / "restored" / "team"
        place.mkdir(parents=True)
        shutil.copy(copy, place / "coldstart.db")
        yield ""
        return
    plain = make_url(url).set(drivername="postgresql")
    schema = str(plain.query["options"]).partition("search_path=")[2]
    dump = folder / "birds.dump"
    without = plain.difference_update_query(["options"])
    subprocess.run(
        [
            postgresql_tool("pg_dump"),
            "--format=custom",
            f"--file={dump}",
            f"--schema={schema}",
            without.render_as_string(hide_password=False),
        ],
        check=True,
    )
    name = f"restored_{uuid4().hex[:12]}"
    engine = create_engine(postgresql_server(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name}"))
    try:
        restored = without.set(database=name).render_as_string(hide_password=False)
        command = [postgresql_tool("pg_restore"), f"--dbname={restored}", str(dump)]
        subprocess.run(command, check=True)
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as admin:
            admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
