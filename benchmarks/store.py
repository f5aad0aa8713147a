"""Labels a second and the longest wait: the one writer, beside several writers with busy_timeout.

    python benchmarks/store.py [--seconds 4] [--rounds 3]

Each client gives one label after the other and waits for the answer, which comes after the commit
(SQLite: WAL with synchronous=FULL, PostgreSQL: synchronous_commit=on). "one writer": the clients
are threads of one server process and share `coldstart.store.writer`. "each its own": each client
is a process with a connection of its own that commits for itself, on SQLite waiting for the lock
with busy_timeout=30 s: what a tool does that opens its database per request. Both insert the same
rows into the same table, in turn, round by round. Starvation: the fewest labels any client got.

Last, on SQLite: how long somebody waits for a page of 20 images under a lease while 8 others label
through the one writer; in turn with it (`coldstart.store.turns`), beside waiting for SQLite's lock.

The PostgreSQL server is that of the tests (COLDSTART_TEST_DATABASE_URL, or one on this machine).
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

CLIENTS = (1, 2, 8)
IMAGES = 1_000


def main() -> None:
    from databases import BACKENDS, new_database

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{'':38}{'labels/s':>10}{'longest wait':>14}{'fewest of one':>15}")
    for backend in BACKENDS:
        for clients in CLIENTS:
            rates: dict[str, list[float]] = {}
            for _ in range(options.rounds):
                for name, measure in (("one writer", _shared), ("each its own", _apart)):
                    folder = tempfile.TemporaryDirectory()
                    with folder, new_database(backend, Path(folder.name)) as url:
                        waits = measure(url, clients, options.seconds)
                    rates.setdefault(name, []).append(sum(map(len, waits)) / options.seconds)
                    print(
                        f"{backend:12}{clients} client{'s' * (clients > 1):2}{name:>16}"
                        f"{rates[name][-1]:10.0f}{max(map(max, waits)):11.3f} s "
                        f"{min(map(len, waits)):15,}"
                    )
            shared, apart = (statistics.median(one) for one in rates.values())
            ratios = [a / max(b, 1e-9) for a, b in zip(*rates.values())]
            print(
                f"{'':12}median: {shared:,.0f} beside {apart:,.0f} labels/s, "
                f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
            )
    print("a page of 20 images while 8 people label, SQLite: milliseconds, median and longest")
    for _ in range(options.rounds):
        for name, in_turn in (("in turn", True), ("by busy_timeout", False)):
            folder = tempfile.TemporaryDirectory()
            with folder, new_database("sqlite", Path(folder.name)) as url:
                waits = [1000 * one for one in _pages(url, 8, options.seconds, in_turn)]
            print(
                f"{name:>38}{statistics.median(waits):10.0f}{max(waits):11.0f}   {len(waits)} pages"
            )


def _pages(url: str, clients: int, seconds: float, in_turn: bool) -> list[float]:
    """Every wait for a page, one after the other with a breath between."""
    from coldstart.store import NewEvent, database

    store = _filled(url)
    if not in_turn:
        database._turns[url] = _NoTurns()  # type: ignore[assignment]
    until = time.perf_counter() + seconds

    def label(client: int) -> None:
        number = 0
        while time.perf_counter() < until:
            number += 1
            image_id = 1 + number % IMAGES
            store.label_writer.append([NewEvent(str(uuid4()), image_id, f"p{client}", "skipped")])

    threads = [threading.Thread(target=label, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    waits: list[float] = []
    while (began := time.perf_counter()) < until:
        first = 1 + 20 * (len(waits) % (IMAGES // 20))
        store.leases.take("ann", range(first, first + 20))
        waits.append(time.perf_counter() - began)
        time.sleep(0.02)  # who asks again at once holds the lock by it; people look at their page
    for thread in threads:
        thread.join()
    database._turns.pop(url, None)
    store.close()
    return waits


class _NoTurns:
    def turn(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


def _shared(url: str, clients: int, seconds: float) -> list[list[float]]:
    """Every wait of every client; all of them threads before one writer."""
    from coldstart.store import NewEvent

    store = _filled(url)
    writer = store.label_writer
    waits: list[list[float]] = [[] for _ in range(clients)]
    until = time.perf_counter() + seconds

    def give(client: int) -> None:
        while (began := time.perf_counter()) < until:
            image_id = 1 + len(waits[client]) % IMAGES
            writer.append([NewEvent(str(uuid4()), image_id, f"p{client}", "skipped")])
            waits[client].append(time.perf_counter() - began)

    threads = [threading.Thread(target=give, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    return waits


def _apart(url: str, clients: int, seconds: float) -> list[list[float]]:
    """Every wait of every client; each a process that commits for itself."""
    _filled(url).close()
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    start = context.Barrier(clients)
    processes = [
        context.Process(target=_own_writer, args=(url, n, seconds, start, told))
        for n in range(clients)
    ]
    for process in processes:
        process.start()
    waits = [told.get(timeout=seconds + 120) for _ in processes]
    for process in processes:
        process.join()
    return waits


def _own_writer(url: str, client: int, seconds: float, start: Any, told: Any) -> None:
    from coldstart.store import NewEvent, Store
    from coldstart.store.labels import insert_events

    store = Store(url)
    engine = store.labels._engine
    waits: list[float] = []
    start.wait(120)
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        # `engine.begin` with a plain BEGIN IMMEDIATE: SQLite's own waiting, nothing of ours.
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            image_id = 1 + len(waits) % IMAGES
            insert_events(connection, [NewEvent(str(uuid4()), image_id, f"p{client}", "skipped")])
            connection.commit()
        waits.append(time.perf_counter() - began)
    told.put(waits)


def _filled(url: str) -> Any:
    from coldstart.store import ScannedImage, Store

    store = Store(url)
    store.images.save(
        [
            ScannedImage(None, 0, f"{i}.png", 1, 1, f"{i:064x}", 1, 1, "PNG", None, None)
            for i in range(IMAGES)
        ]
    )
    return store


if __name__ == "__main__":
    main()
