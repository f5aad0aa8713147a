"""People who label over HTTP, each in a process of their own, and what became of their labels."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulated_person import Person, work
from streamlit_server import REPOSITORY, StreamlitServer, free_port

from coldstart.project import Project
from coldstart.server.tokens import make_token
from coldstart.store import ScannedImage
from coldstart.workflow.queue import queue_images
from coldstart.workflow.team import join


@dataclass(frozen=True)
class TeamRun:
    """One session of the whole team, and what the database holds after it."""

    people: dict[str, Person]
    stored: list[tuple[str, int, str]]  # (uuid, image_id, annotator) of every event
    seconds: float

    @property
    def double_assigned(self) -> int:
        """Images that were in two people's hands."""
        hands = Counter(image for one in self.people.values() for image in set(one.handed))
        return sum(number > 1 for number in hands.values())

    @property
    def lost(self) -> int:
        """Acknowledged labels that are not stored as their annotator gave them."""
        stored = set(self.stored)
        return sum(
            (uuid, image_id, name) not in stored
            for name, one in self.people.items()
            for uuid, image_id in one.acknowledged.items()
        )

    @property
    def twice(self) -> int:
        """Images with more than one stored event."""
        return sum(number > 1 for number in Counter(row[1] for row in self.stored).values())

    def answers_ms(self) -> list[float]:
        """Milliseconds to the answer of every post of a label."""
        return [1000 * second for one in self.people.values() for second in one.answer_s]


def queued_project(directory: Path, database: str | None, images: int) -> Project:
    """A project with this many queued images (rows, no files), one class and an owner."""
    project = Project.create(directory, [_empty(directory.with_name("images"))], database=database)
    rows = [
        ScannedImage(None, 0, f"{i:05}.jpg", 1, 1, f"{i:064x}", 640, 480, "JPEG", None, None)
        for i in range(images)
    ]
    project.store.images.save(rows)
    project.store.classes.add("cat")
    join(project, "owner")
    ids = [row.image_id for row in project.store.images.usable()]
    queue_images(project, ids, "for the load test", by="owner")
    return project


@contextmanager
def app_server(projects: Path) -> Iterator[StreamlitServer]:
    """The real app over the projects in this folder, on a port of its own."""
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={"COLDSTART_PROJECTS": str(projects), "OMP_NUM_THREADS": "1"},
        log=projects / "server.log",
        port=free_port(),
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def label_everything(project: Project, port: int, people: int) -> TeamRun:
    """``people`` processes ask for pages and label them, until nothing is left in the queue.

    The tokens are those the page would mint: the server's secret must be this process's.
    """
    names = [f"person {number}" for number in range(people)]
    for name in names:
        join(project, name)
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    start = context.Barrier(people + 1)
    workers = [
        context.Process(
            target=work,
            args=(name, make_token(project.directory, name), port, number, start, told),
            daemon=True,
        )
        for number, name in enumerate(names)
    ]
    for worker in workers:
        worker.start()
    start.wait(120)
    began = time.perf_counter()
    found: dict[str, Person] = {}
    while len(found) < people:
        try:
            name, person = told.get(timeout=1)
            found[name] = person
        except queue.Empty:
            if any(one.exitcode for one in workers):
                raise RuntimeError("A simulated person's process has failed.") from None
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join(60)
    events = project.store.labels.events(as_given=True)
    stored = [(event.uuid, event.image_id, event.annotator) for event in events]
    return TeamRun(dict(sorted(found.items())), stored, seconds)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
