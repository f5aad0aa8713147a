"""A project of 200 images that exist by name and vector only, for tests of the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from coldstart.project import Project
from coldstart.store import NewEvent, ScannedImage
from coldstart.workflow.embed import import_vectors

CLASSES = ("red", "green", "blue")
IMAGES = 200
PICTURES = 190  # the last ten images are copies of the first ten


def class_of(image_id: int) -> str:
    """What a person sees on the image."""
    return CLASSES[(image_id - 1) % PICTURES % len(CLASSES)]


def make_project(directory: Path, vectors: bool = True) -> Project:
    """Three groups that overlap; image n has the id n + 1."""
    images = directory.parent / "no images"
    images.mkdir(parents=True, exist_ok=True)
    project = Project.create(directory, [images], name="Audited")
    project.store.images.save(
        [
            ScannedImage(
                None, 0, f"{n:03d}.png", 1, 1, f"{n % PICTURES:064x}", 8, 8, "PNG", None, None
            )
            for n in range(IMAGES)
        ]
    )
    if vectors:
        np.save(directory / "mine.npy", make_vectors())
        import_vectors(project, directory / "mine.npy")
    return Project.open(directory)


def make_vectors(seed: int = 0) -> np.ndarray:
    """(200, 8) float32, a copy of a picture has its vector."""
    noise = np.random.default_rng(seed).normal(0, 0.45, (PICTURES, 8))
    pictures = np.eye(8)[np.arange(PICTURES) % len(CLASSES)] + noise
    return pictures[np.arange(IMAGES) % PICTURES].astype(np.float32)


def answer(
    project: Project,
    image_ids: Iterable[int],
    say: Callable[[int], str] = class_of,
    kind: str = "class",
) -> None:
    """Answer these images, each in an event of its own."""
    before = project.store.labels.last_event_id()
    events = []
    for number, image_id in enumerate(image_ids):
        class_id = project.store.labels.add_class(say(image_id)).class_id
        named = class_id if kind == "class" else None
        events.append(NewEvent(f"u{before}-{number}", image_id, "ann", kind, named))
    project.store.labels.append(events)


def reasons(project: Project, batch_id: int) -> dict[int, str]:
    """image_id -> why it was queued, as the store has it."""
    return {pick.image_id: pick.reason for pick in project.store.batches.picks(batch_id)}
