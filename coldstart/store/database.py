"""Opening a project's database: connections, their settings, and the schema brought up to date."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from coldstart.errors import ColdstartError
from coldstart.store.memory import forget
from coldstart.store.turns import Turns

HEAD = "0006"

_engines: dict[str, Engine] = {}
_turns: dict[str, Turns] = {}
_lock = threading.Lock()


def open_database(url: str) -> Engine:
    """The engine for ``url``, with the newest schema; one engine a URL and process.

    Raises
    ------
    ColdstartError : the database cannot be reached, or a newer coldstart has written it.
    """
    with _lock:
        engine = _engines.get(url)
        if engine is None:
            engine = _create(url)
            try:
                _upgrade(engine)
            except DatabaseError as error:
                engine.dispose()
                raise ColdstartError(
                    f"The database {make_url(url).render_as_string(hide_password=True)} cannot be "
                    f"opened ({error.orig}).",
                    "Check that it exists, that it runs, and that you may write to it.",
                ) from error
            except BaseException:
                engine.dispose()
                raise
            _engines[url] = engine
        return engine


def close_database(url: str) -> None:
    """Forget the engine for ``url``, so that its files can be moved or deleted."""
    with _lock:
        engine = _engines.pop(url, None)
    if engine is not None:
        forget(str(engine.url))
        engine.dispose()


class DatabaseFull(OSError):
    """The database's disk is full, or may not be written to any more; nothing was half written."""


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write: it takes SQLite's write lock at its start, not midway.

    A read that turns into a write fails at once when somebody else wrote in between; a lock taken
    first waits its turn. Threads of this process queue up here: SQLite itself has no queue, and who
    tries again after a while finds the lock taken again and again (seconds, beside a busy writer).

    Raises `DatabaseFull` when there is no room to write.
    """
    is_sqlite = engine.dialect.name == "sqlite"
    turns = _turns.setdefault(str(engine.url), Turns()) if is_sqlite else None
    try:
        with turns.turn() if turns else contextlib.nullcontext(), engine.connect() as connection:
            if is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
    except OperationalError as error:
        if not any(sign in str(error.orig) for sign in _NO_ROOM):
            raise
        raise DatabaseFull(errno.ENOSPC, f"{str(error.orig).strip()}, in the database") from error


# As SQLite and PostgreSQL say it; SQLite's second is a limit on the size of files.
_NO_ROOM = ("disk is full", "disk I/O error", "No space left on device")


def refresh_statistics(connection: Connection, *tables: Table) -> None:
    """Tell PostgreSQL's planner, inside the transaction, that these tables are others by now.

    It would notice by itself after a minute or so, and meanwhile join thousands of new rows as if
    there were one. SQLite plans well without.
    """
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.execute(text(f"ANALYZE {table.name}"))


def _create(url: str) -> Engine:
    try:
        if make_url(url).get_backend_name() != "sqlite":
            return _remote_engine(url)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ColdstartError(
            "The project's database URL is none that can be used.",
            'Write database = "postgresql+psycopg://user@host/name", or leave it away for SQLite.',
        ) from error
    except ModuleNotFoundError as error:
        raise ColdstartError(
            f"The package {error.name} for this project's database is not installed.",
            "Install it with: pip install 'coldstart[postgres]'.",
        ) from error
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see `writing`
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an answered label survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine


def _remote_engine(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "connect")
        def _settings(connection: Any, _record: Any) -> None:
            # Compiling a plan takes a second where running it takes milliseconds.
            with connection.cursor() as cursor:
                cursor.execute("SET jit = off")
            connection.commit()

    return engine


def _upgrade(engine: Engine) -> None:
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision == HEAD:
        return
    if revision is not None:
        _refuse_newer(revision)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        # Of several processes that open it at once, one upgrades and the others find it done.
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('coldstart upgrade'))"))
        found = _revision(connection)
        if found == HEAD:
            return
        if found is not None:
            _back_up(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar()
    return revision


def _refuse_newer(revision: str) -> None:
    known = {path.stem.split("_")[0].lstrip("m") for path in _versions().glob("m*.py")}
    if revision not in known:
        raise ColdstartError(
            f"This project was written by a newer coldstart (schema {revision}; "
            f"this version knows {HEAD}).",
            "Install the newer version to open it; nothing has been changed.",
        )


def _versions() -> Path:
    return Path(__file__).parent / "migrations" / "versions"


def _back_up(connection: Connection) -> None:
    """Copy everything before it is changed: into a file beside SQLite's, or into a schema."""
    mark = f"before-{HEAD}-{time.strftime('%Y%m%d-%H%M%S')}"
    database = connection.engine.url.database
    if connection.dialect.name != "sqlite":
        _copy_schema(connection, f"coldstart-{mark}")
    elif database:
        with (
            contextlib.closing(sqlite3.connect(database)) as source,
            contextlib.closing(sqlite3.connect(f"{database}.{mark}")) as copy,
        ):
            source.backup(copy)


def _copy_schema(connection: Connection, name: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    current = connection.execute(text("SELECT current_schema()")).scalar_one()
    if current != "public":
        name = f"{name}-{current}"[:63]
    connection.execute(text(f"CREATE SCHEMA {quote(name)}"))
    for table in inspect(connection).get_table_names():
        copied = f"{quote(name)}.{quote(table)}"
        connection.execute(text(f"CREATE TABLE {copied} AS TABLE {quote(table)}"))
