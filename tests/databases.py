"""Empty databases for tests: an SQLite file, or a schema of its own on a real PostgreSQL server.

The server is the one that ``COLDSTART_TEST_DATABASE_URL`` names, else one that runs on this
machine, else one started here for the tests. Without any of them the tests fail, never skip.
"""

from __future__ import annotations

import atexit
import functools
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from coldstart.store import Store, close_database
from coldstart.store.schema import metadata

BACKENDS = ("sqlite", "postgresql")


@contextmanager
def new_database(backend: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database of this kind, gone afterwards."""
    if backend == "sqlite":
        url = f"sqlite:///{folder / 'test.db'}"
        yield url
        close_database(url)
        return
    server = postgresql_server()
    schema = f"test_{uuid4().hex[:16]}"
    admin = create_engine(server, poolclass=NullPool)
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    url = make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
    rendered = url.render_as_string(hide_password=False)
    try:
        yield rendered
    finally:
        close_database(rendered)
        with admin.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
            copies = "SELECT nspname FROM pg_namespace WHERE nspname LIKE :copies"
            for (name,) in connection.execute(text(copies), {"copies": f"coldstart-%-{schema}"}):
                connection.execute(text(f'DROP SCHEMA "{name}" CASCADE'))


@contextmanager
def migrated_database(backend: str, folder: Path) -> Iterator[str]:
    """The URL of a database with today's tables and nothing in them: in a tenth of the time."""
    if backend == "sqlite":
        shutil.copy(_migrated_file(), folder / "test.db")
        url = f"sqlite:///{folder / 'test.db'}"
        yield url
        close_database(url)
        return
    url = _migrated_schema()
    try:
        yield url
    finally:
        close_database(url)
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            tables = ", ".join(metadata.tables)
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


@functools.cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="coldstart-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Store(f"sqlite:///{folder / 'tables.db'}").close()
    return folder / "tables.db"


@functools.cache
def _migrated_schema() -> str:
    """A schema that the tests of this process use in turn."""
    kept = ExitStack()
    url = kept.enter_context(new_database("postgresql", Path(tempfile.gettempdir())))
    atexit.register(kept.close)
    Store(url).close()
    return url


@functools.cache
def postgresql_server() -> str:
    """The URL of a database on a PostgreSQL server that runs."""
    named = os.environ.get("COLDSTART_TEST_DATABASE_URL")
    if named:
        return named
    for user in (getpass.getuser(), "postgres"):
        for host in ("127.0.0.1", ""):
            url = f"postgresql+psycopg://{user}@{host}/postgres"
            if _answers(url):
                return url
    return _start()


def _answers(url: str) -> bool:
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False


def _start() -> str:
    """A server of our own, with its data in a temporary folder, stopped at the end."""
    tools = _tools()
    folder = Path(tempfile.mkdtemp(prefix="coldstart-postgresql-"))
    folder.chmod(0o755)
    # PostgreSQL refuses to run as root.
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_postgres:
        shutil.chown(folder, "postgres", "postgres")
    data, port = folder / "data", _free_port()

    def run(tool: str, *arguments: str) -> None:
        command = [*as_postgres, str(tools / tool), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, timeout=120)

    run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
    listen = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", listen, "start")

    def stop() -> None:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"


def postgresql_tool(name: str) -> str:
    """Where ``pg_dump`` or ``pg_restore`` lies."""
    return shutil.which(name) or str(_tools() / name)


def _tools() -> Path:
    found = shutil.which("pg_ctl")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError(
        "No PostgreSQL server was found or can be started: install one "
        "(sh tests/need-servers.sh), or name one in COLDSTART_TEST_DATABASE_URL."
    )


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
