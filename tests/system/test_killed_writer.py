"""The writing process is killed at random moments: what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databases import BACKENDS, new_database
from sqlalchemy import create_engine, text

from coldstart.store import ScannedImage, Store

KILLS = 200
IMAGES = 50

# Streams labels in from three threads and says each uuid once it is acknowledged. Each life of the
# writer is a fork of one warm process: 200 real processes, killed by a real SIGKILL.
WRITER = """
import os, sys, threading
from coldstart.store import NewEvent, Store
from coldstart.store.writer import LabelWriter

url, images = sys.argv[1], int(sys.argv[2])
import alembic.command, psycopg, sqlalchemy.dialects.postgresql  # warm, before the forks

def live(life):
    store = Store(url)
    writer = store.label_writer
    def send(thread):
        number = 0
        while True:
            number += 1
            uuids = [f"{life}-{thread}-{number}-{n}" for n in range(1 + number % 3)]
            writer.append([
                NewEvent(uuid, 1 + hash(uuid) % images, f"t{thread}", "skipped") for uuid in uuids
            ])
            os.write(1, "".join(f"{uuid}\\n" for uuid in uuids).encode())
    for thread in range(3):
        threading.Thread(target=send, args=(thread,), daemon=True).start()
    threading.Event().wait()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        live(line.strip())
    os.write(1, f"pid {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_acknowledged_label_survives_two_hundred_kills(backend: str, tmp_path: Path) -> None:
    draw = random.Random(7)
    with new_database(backend, tmp_path) as url:
        store = Store(url)
        store.images.save(
            [
                ScannedImage(None, 0, f"{i}.png", 1, 1, f"h{i}", 1, 1, "PNG", None, None)
                for i in range(IMAGES)
            ]
        )
        store.close()
        acknowledged, kills, with_labels = _stream_and_kill(url, draw)
        engine = create_engine(url)
        with engine.connect() as connection:
            stored = list(connection.execute(text("SELECT uuid FROM label_events")).scalars())
            if backend == "sqlite":
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        engine.dispose()
    assert kills == KILLS
    assert with_labels > KILLS / 4  # most writers were in the middle of it
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    print(f"{backend}: {kills} kills, {len(acknowledged)} acknowledged, {len(stored)} stored")


def _stream_and_kill(url: str, draw: random.Random) -> tuple[list[str], int, int]:
    acknowledged: list[str] = []
    kills = with_labels = 0
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(IMAGES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        for life in range(KILLS):
            parent.stdin.write(f"{life}\n".encode())
            parent.stdin.flush()
            pid = int(parent.stdout.readline().split()[1])
            # Half die after some labels, half at any moment, opening the database included.
            if life % 2:
                acknowledged.append(parent.stdout.readline().decode().strip())
                with_labels += 1
            time.sleep(draw.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            kills += 1
            while (line := parent.stdout.readline().decode().strip()) != "dead":
                acknowledged.append(line)
        parent.stdin.close()
        assert parent.wait(60) == 0
    return acknowledged, kills, with_labels
