"""Scanning a folder: memory and time, beside a bare walk of os.scandir over the same files.

    python benchmarks/scan.py [--files 20000] [--copies 10] [--folder /tmp/coldstart-scan]

Makes a tree of small JPEGs (24 × 24 pixels, 1,000 to a folder, each picture in ``--copies`` files
that are hard links to one), and has a process of its own do each of

    walk     os.scandir over all folders, and stat of each file: what any scan has to do
    scan     the first scan: read, hash, decode, measure, thumbnail, remember, look for findings
    rescan   again with nothing changed
    rescan, 1% changed    again after one file in a hundred was written anew

Time is that of the process and its workers in CPU seconds, and by the clock; memory is the largest
that the process had (its workers hold some images each, and are told apart).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

_A_FOLDER = 1_000
_SIDE = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--copies", type=int, default=10, help="files that share one picture")
    parser.add_argument("--folder", type=Path, help="where to work; emptied afterwards")
    parser.add_argument("--do", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do:
        print(json.dumps(measured(options.do, options.folder)))
        return
    folder = Path(tempfile.mkdtemp(prefix="coldstart-scan-", dir=options.folder))
    try:
        make_files(folder / "images", options.files, options.copies)
        print(f"{options.files:,} files, {options.copies} to a picture, {os.cpu_count()} cores")
        steps = ("walk", "scan", "walk", "rescan", "change", "rescan")
        for step in steps:
            if step == "change":
                change(folder / "images", options.files, options.copies)
                print("one file in a hundred written anew:")
            else:
                show(step, run(step, folder), options.files)
    finally:
        shutil.rmtree(folder)


def show(step: str, found: dict[str, float], files: int) -> None:
    rate = files / found["cpu_s"]
    words = f"  {step:8}{found['cpu_s']:9.1f} CPU s{found['wall_s']:9.1f} s by the clock"
    words += f"{rate:11,.0f} files/CPU s{found['mb']:8.0f} MB"
    if found["worker_mb"]:
        words += f", a worker {found['worker_mb']:.0f} MB"
    print(f"{words}   {found['said']}", flush=True)


def run(step: str, folder: Path) -> dict[str, float]:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--do", step, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(step: str, folder: Path) -> dict[str, object]:
    """What a step cost, the start of Python and of this script left out."""
    started, before = time.perf_counter(), time.process_time()
    said = walk(folder / "images") if step == "walk" else scan(folder)
    wall = time.perf_counter() - started
    own, workers = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "said": said,
        "cpu_s": time.process_time() - before + workers.ru_utime + workers.ru_stime,
        "wall_s": wall,
        "mb": own.ru_maxrss / 1024,
        "worker_mb": workers.ru_maxrss / 1024,
    }


def walk(folder: Path) -> str:
    """The least there is to do: list every folder and ask for each file's size and time."""
    files = total = 0
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    files += 1
                    total += entry.stat().st_size
    return f"{files:,} files, {total / 1e6:,.0f} MB"


def scan(folder: Path) -> str:
    """A scan as the command does it."""
    from coldstart.project import Project
    from coldstart.workflow.scan import scan as scan_project

    directory = folder / "project"
    if directory.exists():
        project = Project.open(directory)
    else:
        project = Project.create(directory, [folder / "images"])
    report = scan_project(project)
    project.store.close()
    return f"{report.added:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged"


def make_files(folder: Path, files: int, copies: int) -> None:
    """So many files; each picture is written once and linked under ``copies`` names."""
    draw = np.random.default_rng(0)
    pictures = -(-files // copies)
    for number in range(pictures):
        first = _path(folder, number)
        first.parent.mkdir(parents=True, exist_ok=True)
        _write(first, draw)
        for copy in range(1, copies):
            place = number + copy * pictures
            if place < files:
                other = _path(folder, place)
                other.parent.mkdir(parents=True, exist_ok=True)
                os.link(first, other)


def change(folder: Path, files: int, copies: int) -> None:
    """Write one file in a hundred anew, as a file of its own."""
    draw = np.random.default_rng(1)
    for number in range(0, files, 100):
        path = _path(folder, number)
        path.unlink()
        _write(path, draw)


def _write(path: Path, draw: np.random.Generator) -> None:
    coarse = draw.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    picture.save(path, "JPEG")


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number // _A_FOLDER:04d}" / f"{number:07d}.jpg"


if __name__ == "__main__":
    main()
