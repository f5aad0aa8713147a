"""The server's time for each page, with a thousand images in the project and with a million.

    python benchmarks/pages.py [--sizes 1000 1000000] [--rounds 3] [--pages data label]

Makes a project of each size whose images exist in the database only (with 16-dimensional vectors,
200 labels, a queue of 50, a reserve for the audit, findings and a trained probe), and has
Streamlit's AppTest run the real entry script and page. Each size has a process of its own, in which
each page is opened

    first   : by a new session, while nothing is kept in the server's memory for that page yet
              (what all pages share, imports and all, is told apart as the very first),
    visit   : by new sessions after that (median), as on coming back or by another person,
    click   : again in the same session (median), as any button does.

The figures are CPU seconds of the server's process until the page's script has ended, which a busy
machine changes less than the clock; of several rounds, in which the sizes take turns, the smallest
counts. By the clock it is much the same on a quiet machine. Jobs, the browser, the
pictures (which come by another route) and what a server reads beforehand in the background are not
in them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PAGES = ("data", "embeddings", "label", "select", "train", "diagnostics")
_DIMENSIONS = 16
_CLASSES = 5
_LABELS = 200
_QUEUE = 50
_CHUNK = 20_000
_NAME = "pages"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--keep", type=Path, help="keep the projects in this folder")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help="print where a click's time goes")
    options = parser.parse_args()
    if options.child is not None:
        if options.make:
            synthetic_project(options.keep, options.child)
        else:
            print(json.dumps(measure(options.keep, options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        found: dict[int, dict[str, dict[str, float]]] = {}
        for size in options.sizes:
            folder = (options.keep or Path(scratch)) / str(size)
            command = [sys.executable, __file__, "--child", str(size), "--keep", str(folder)]
            # In a process of its own, so that nothing of it is in memory when the pages open.
            subprocess.run([*command, "--make"], check=True)
        for size in options.rounds * options.sizes:
            folder = (options.keep or Path(scratch)) / str(size)
            command = [sys.executable, __file__, "--child", str(size), "--keep", str(folder)]
            command += ["--repeats", str(options.repeats), "--pages", *options.pages]
            command += ["--profile"] if options.profile else []
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            times = json.loads(run.stdout.splitlines()[-1])
            found[size] = least(times, found[size]) if size in found else times
        table(found)


def least(
    one: dict[str, dict[str, float]], other: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Of two rounds the smaller figures: what other programs disturbed less."""
    return {
        page: {kind: min(time, other[page][kind]) for kind, time in times.items()}
        for page, times in one.items()
    }


def table(found: dict[int, dict[str, dict[str, float]]]) -> None:
    """One line a page: each size's three times, and the last size beside the first."""
    sizes = list(found)
    print(f"\nCPU seconds at {' / '.join(f'{size:,}' for size in sizes)} images, and the ratio")
    for page, first in found[sizes[0]].items():
        cells = []
        for kind in first:
            times = [found[size][page][kind] for size in sizes]
            ratio = times[-1] / times[0]
            cells.append(f"{kind} {' / '.join(f'{one:.3f}' for one in times)} = {ratio:.2f}x")
        print(f"  {page:15}" + "   ".join(cells), flush=True)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Page -> its times in this process, for a project of ``options.child`` images in folder."""
    os.environ["COLDSTART_PROJECTS"] = str(folder / "projects")
    from streamlit.testing.v1 import AppTest

    logging.disable(logging.WARNING)  # Streamlit's, of running without a server
    from coldstart.ui import sign_in, warm
    from coldstart.ui.places import ENTRY_SCRIPT, page_file

    sign_in.at_the_servers_keyboard = lambda: True
    warm._read = lambda project: None
    name = _NAME

    def visit(page: str) -> tuple[float, AppTest]:
        app = AppTest.from_file(str(ENTRY_SCRIPT), default_timeout=900)
        app.query_params["project"] = name
        if page == "select":
            app.session_state["selection_open"] = True
        script = page_file("label" if page == "select" else page)
        app.switch_page(script)
        started = time.process_time()
        app.run()
        if page == "select":
            press(app, "Queue more")
            started, _ = time.process_time(), app.run()
        took = time.process_time() - started
        if app.exception:
            raise SystemExit(f"{page}: {app.exception[0].message}")
        return took, app

    # What every page imports, and what the strip tells of the pool: once a server.
    times = {"the very first": {"first": visit("data")[0]}}
    for page in options.pages:
        first, app = visit(page)
        visits = [visit(page)[0] for _ in range(options.repeats)]
        clicks = []
        for _ in range(options.repeats):
            started = time.process_time()
            app.run()
            clicks.append(time.process_time() - started)
        times[page] = {
            "first": first,
            "visit": statistics.median(visits),
            "click": statistics.median(clicks),
        }
        said = ", ".join(f"{kind} {value:.3f} s" for kind, value in times[page].items())
        print(f"  {options.child:>9,}  {page:15} {said}", file=sys.stderr, flush=True)
        if options.profile:
            profile(app)
    return times


def press(app: object, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()  # type: ignore[attr-defined]


def profile(app: object) -> None:
    """Where the CPU time of one more run goes, in the thread of the script."""
    import cProfile
    import pstats

    from streamlit.runtime.scriptrunner import exec_code

    profiler = cProfile.Profile(time.thread_time)  # which a busy machine does not change
    original = exec_code.exec_func_with_error_handling

    def watched(*args: object, **kwargs: object) -> object:
        profiler.enable()
        try:
            return original(*args, **kwargs)  # type: ignore[arg-type]
        finally:
            profiler.disable()

    from streamlit.runtime.scriptrunner import script_runner

    script_runner.exec_func_with_error_handling = watched  # type: ignore[assignment]
    app.run()  # type: ignore[attr-defined]
    script_runner.exec_func_with_error_handling = original
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats("coldstart", 40)


def synthetic_project(folder: Path, images: int) -> None:
    """A project of so many images, in the database only. Made once a folder."""
    from coldstart.embeddings.matrix import write_set
    from coldstart.project import Project
    from coldstart.stopping import AUDIT_SHARE
    from coldstart.store import NewEvent, Pick
    from coldstart.workflow.audit import keep_reserve, with_audit
    from coldstart.workflow.doctor import examine
    from coldstart.workflow.embed import prepare_pages
    from coldstart.workflow.formats import pool_formats
    from coldstart.workflow.pool import load_pool
    from coldstart.workflow.train import train

    directory = folder / "projects" / _NAME
    if directory.exists():
        return
    (folder / "images").mkdir(parents=True)
    project = Project.create(directory, [folder / "images"])
    draw = np.random.default_rng(1)
    for start in range(0, images, _CHUNK):
        numbers = range(start, min(start + _CHUNK, images))
        project.store.images.save([scanned(number, draw) for number in numbers])
    ids, hashes = project.store.images.pool_index()
    centres = draw.normal(size=(50, _DIMENSIONS))
    group = draw.integers(0, len(centres), len(ids))
    vectors = (centres[group] + 0.4 * draw.normal(size=(len(ids), _DIMENSIONS))).astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    write_set(
        project.embeddings / "synthetic",
        [vectors],
        _DIMENSIONS,
        ids.tolist(),
        [content.decode("ascii") for content in hashes.tolist()],
        {"encoder": "file", "created_at": "2026-01-01T00:00:00"},
    )
    project.set(embedding_set="synthetic")
    examine(project)
    pool_formats(project)  # as a scan does at its end
    prepare_pages(project)  # as the job that embeds does
    classes = [project.store.labels.add_class(f"class {n}").class_id for n in range(_CLASSES)]
    chosen = draw.choice(len(ids), _LABELS + _QUEUE, replace=False)
    project.store.labels.append(
        [
            NewEvent(f"{row:032x}", int(ids[row]), "ann", "class", classes[group[row] % _CLASSES])
            for row in chosen[:_LABELS].tolist()
        ]
    )
    queued = [Pick(int(ids[row]), rank, 0.0, "") for rank, row in enumerate(chosen[_LABELS:])]
    project.store.batches.add(
        queued,
        created_by="ann",
        strategy="random",
        settings={},
        seed=0,
        embedding_set="synthetic",
        delta=None,
        notes=[],
    )
    keep_reserve(project, with_audit(load_pool(project), AUDIT_SHARE))
    train(project)
    project.store.close()


def scanned(number: int, draw: np.random.Generator) -> object:
    """What a scan might say of one file; one in a hundred is odd, one in a thousand broken."""
    from coldstart.store import ScannedImage

    broken = number % 1_000 == 999
    dark = number % 100 == 7
    return ScannedImage(
        image_id=None,
        root=0,
        path=f"folder-{number // 1000:04d}/image-{number:07d}.jpg",
        size_bytes=40_000 + number % 1_000,
        mtime_ns=1,
        content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
        width=640,
        height=480,
        format="JPEG" if number % 10 else "PNG",
        problem="The file is cut short." if broken else None,
        problem_kind="truncated" if broken else None,
        perceptual_hash=int(draw.integers(-(2**63), 2**63 - 1)),
        dark_level=2.0 if dark else 20.0,
        bright_level=5.0 if dark else 220.0,
        sharpness=50.0,
    )


if __name__ == "__main__":
    main()
