"""The labeller's routes, lists and searches, with a thousand images in the project and a million.

    python benchmarks/labeller_scale.py [--sizes 1000 1000000] [--labels 0.2] [--repeats 12]

Makes a project of each size whose images exist in the database only, with 16-dimensional vectors, a
fifth of them labelled by four people, a queue of 5,000 (of 500 in the small one) and comments. Each
size has a process of its own, which counts the CPU time of what the server computes for one request
of the labeller or one run of its page, without Streamlit and without the network:

    first : the first time in the process, while nothing is kept in memory yet
    again : the median of the repeats; before each of them somebody has given another label

The last column is `again` at the last size beside `again` at the first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np

_DIMENSIONS = 16
_CLASSES = 8
_PEOPLE = ("ann", "ben", "cho", "dee")
_PAGE = 60
_CHUNK = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--labels", type=float, default=0.2, help="share of the images labelled")
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="keep the projects in this folder")
    parser.add_argument(
        "--only", default="", help="only what has one of these in its name, comma-separated"
    )
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(measure(options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        found = {}
        for size in options.sizes:
            folder = (options.keep or Path(scratch)) / str(size)
            command = [sys.executable, __file__, "--child", str(size), "--keep", str(folder)]
            command += ["--repeats", str(options.repeats), "--labels", str(options.labels)]
            command += ["--only", options.only]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[size] = json.loads(run.stdout.splitlines()[-1])
        table(found)


def table(found: dict[int, dict[str, list[float]]]) -> None:
    """One line a request: first and again of each size, and the ratio."""
    sizes = list(found)
    head = "".join(f"{f'{size:,} images':>22}" for size in sizes)
    print(f"\n{'CPU milliseconds':40}{head}\n{'':40}" + f"{'first':>11}{'again':>11}" * len(sizes))
    for name in found[sizes[0]]:
        cells = [found[size][name] for size in sizes]
        ratio = cells[-1][1] / cells[0][1]
        numbers = "".join(f"{1000 * one:11.1f}" for pair in cells for one in pair)
        print(f"{name:40}{numbers}{ratio:9.1f}x", flush=True)


def measure(options: argparse.Namespace) -> dict[str, list[float]]:
    """Name -> [first, again] in seconds, for a project of ``options.child`` images."""
    from coldstart.workflow.suggest import is_fresh

    folder = options.keep
    os.environ["COLDSTART_PROJECTS"] = str(folder / "projects")
    project = synthetic_project(folder, options.child, options.labels)
    times: dict[str, list[float]] = {}
    open_images = iter(project.store.batches.waiting()[3 * _PAGE :])
    classes = [row.class_id for row in project.store.classes.all()]

    def somebody_labels() -> None:
        from coldstart.store import NewEvent

        answer = NewEvent(str(uuid4()), next(open_images), "ben", "class", classes[0], seconds=1.0)
        project.store.label_writer.append([answer])

    for name, request in requests(project, classes).items():
        if not any(part in name for part in options.only.split(",")):
            continue
        laps = []
        for _ in range(1 + options.repeats):
            somebody_labels()
            while not is_fresh(project):  # what is computed beside it would be counted, too
                time.sleep(0.01)
            started = time.process_time()
            request()
            laps.append(time.process_time() - started)
        times[name] = [laps[0], statistics.median(laps[1:])]
        print(
            f"  {options.child:>9,}  {name:40}{1000 * laps[0]:9.1f} ms first"
            f"{1000 * times[name][1]:9.1f} ms again",
            file=sys.stderr,
            flush=True,
        )
    return times


def requests(project, classes: list[int]) -> dict[str, Callable[[], object]]:  # type: ignore[no-untyped-def]
    """What the labeller asks the server for: name -> the call."""
    from coldstart.server.messages import SentEvent
    from coldstart.ui.routes import ProjectGate
    from coldstart.workflow.arrange import arrange
    from coldstart.workflow.find import Search, find
    from coldstart.workflow.label import images_by_id, label_page
    from coldstart.workflow.pace import paces
    from coldstart.workflow.queue import queue_images
    from coldstart.workflow.suggest import compute
    from coldstart.workflow.team import hand_out

    gate, where = ProjectGate(), project.directory
    batch = project.store.batches.all()[-1].batch_id
    mine = project.store.batches.waiting("ann")
    ids = project.store.images.pool_index()[0]
    answers = iter(mine)

    def label() -> object:
        gate.allow(where, "ann", "label")
        event = SentEvent(
            uuid=str(uuid4()),
            image_id=next(answers),
            kind="class",
            class_id=classes[1],
            batch_id=batch,
            client_time=time.time(),
            seconds=1.0,
            origin="human",
            suggestion=None,
            step=str(uuid4()),
            step_action=None,
        )
        return gate.append_events(where, [event], "ann")

    def queue_page() -> object:
        waiting = project.store.batches.waiting("ann")
        handed = hand_out(project, "ann", waiting, 0, 2 * _PAGE)
        return images_by_id(project, handed[: 2 * _PAGE], seen_by="ann")

    def search(search: Search, offset: int = 0) -> Callable[[], object]:
        def run() -> object:
            found, _ = find(project, search, limit=2 * _PAGE, offset=offset)
            return images_by_id(project, found)

        return run

    def last_page_of(which: str) -> Callable[[], object]:
        return lambda: label_page(project, which, 10**9, _PAGE)

    rare = f"folder{int(ids[-1]) // 1000:04d}/"
    return {
        "label route: one label stored": label,
        "undo route: newest steps": lambda: gate.history(where, "ann", None, 60),
        "suggestions route: a page": lambda: gate.suggestions(where, mine[:_PAGE]),
        "page of the queue": queue_page,
        "page of a state, first": lambda: label_page(project, "class", 0, _PAGE),
        "page of a state, last": last_page_of("class"),
        "page of skipped, last": last_page_of("skipped"),
        "page of disagreements": lambda: label_page(project, "disagreement", 0, _PAGE),
        "search: unlabelled, first page": search(Search(state="unlabelled")),
        "search: unlabelled, page 500": search(
            Search(state="unlabelled"), min(30_000, len(ids) // 2)
        ),
        "search: one class": search(Search(class_id=classes[2])),
        "search: one annotator": search(Search(annotator="cho")),
        "search: a folder": search(Search(path=rare)),
        "search: a folder, unlabelled": search(Search(path=rare, state="unlabelled")),
        "search: like an image": search(Search(like=int(ids[7]))),
        "search: suggested class": search(Search(suggested=classes[3])),
        "search: suggested class, unlabelled": search(
            Search(suggested=classes[3], state="unlabelled")
        ),
        "search: least sure, unlabelled": search(Search(doubt=0.6, state="unlabelled")),
        "order: by likeness": lambda: arrange(project, mine, "likeness", page_size=_PAGE),
        "order: by suggested class": lambda: arrange(project, mine, "suggested", page_size=_PAGE),
        "suggestions, in their thread": lambda: compute(project),
        "pace": lambda: paces(project),
        "queue 5,000 more of a class": lambda: queue_images(
            project,
            find(project, Search(state="unlabelled"), limit=min(5_000, len(ids) // 4))[0],
            "because",
            by="ann",
        ),
    }


def synthetic_project(folder: Path, count: int, labelled: float):  # type: ignore[no-untyped-def]
    """A project of ``count`` images in the database, made once a folder."""
    from coldstart.embeddings.matrix import write_set
    from coldstart.project import Project
    from coldstart.store import NewEvent, Pick, ScannedImage
    from coldstart.workflow.team import join

    where = folder / "projects" / "pool"
    if where.exists():
        return Project.open(where)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    project = Project.create(where, [folder / "images"], name="pool")
    for start in range(0, count, _CHUNK):
        numbers = range(start, min(start + _CHUNK, count))
        project.store.images.save(
            [
                ScannedImage(
                    image_id=None,
                    root=0,
                    path=f"folder{number // 1000:04d}/{number:07d}.jpg",
                    size_bytes=40_000,
                    mtime_ns=1,
                    content_hash=f"{number:064x}",
                    width=320,
                    height=240,
                    format="JPEG",
                    problem=None,
                    problem_kind=None,
                    perceptual_hash=number,
                    dark_level=0.1,
                    bright_level=0.9,
                    sharpness=100.0,
                )
                for number in numbers
            ]
        )
    ids, hashes = project.store.images.pool_index()
    draw = np.random.default_rng(0)
    truth = draw.integers(0, _CLASSES, count)
    centres = draw.normal(0, 1, (_CLASSES, _DIMENSIONS))
    vectors = (centres[truth] + draw.normal(0, 0.6, (count, _DIMENSIONS))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [one.decode() for one in hashes.tolist()]
    meta = {"encoder": "file", "created_at": "2026-01-01T00:00:00"}
    write_set(project.embeddings / "made", [vectors], _DIMENSIONS, ids.tolist(), texts, meta)
    classes = [project.store.classes.add(f"class {n}").class_id for n in range(_CLASSES)]
    for name in _PEOPLE:
        join(project, name)
    order = draw.permutation(count)
    answered = order[: int(labelled * count)]
    for start in range(0, len(answered), _CHUNK):
        events = []
        for place in answered[start : start + _CHUNK].tolist():
            kind = "skipped" if place % 50 == 0 else "class"
            event = NewEvent(
                str(uuid4()),
                int(ids[place]),
                _PEOPLE[place % len(_PEOPLE)],
                kind,
                classes[truth[place]] if kind == "class" else None,
                seconds=float(draw.gamma(2.0, 0.8)),
            )
            events.append(event)
            if place % 40 == 1:  # a second opinion, now and then another one
                other = classes[(truth[place] + place % 3 // 2) % _CLASSES]
                second = NewEvent(str(uuid4()), int(ids[place]), "dee", "class", other)
                events.append(second)
        project.store.label_writer.append(events)
    queued = order[len(answered) : len(answered) + min(5_000, count // 2)]
    project.store.batches.add(
        [Pick(int(ids[place]), rank, 0.0, "far from all") for rank, place in enumerate(queued)],
        created_by="ann",
        strategy="random",
        settings={},
        seed=0,
        embedding_set="made",
        delta=None,
        notes=[],
    )
    return project


if __name__ == "__main__":
    main()
