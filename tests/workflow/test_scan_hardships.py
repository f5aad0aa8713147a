"""Scans on a disk without room and over folders that lose their permission midway."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.errors import ColdstartError
from coldstart.images import thumbnail
from coldstart.project import Project
from coldstart.workflow.scan import scan
from coldstart.workflow.thumbnails import complete_thumbnails

_NOBODY = 65_534


def picture(file: Path, shade: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(shade).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder of an ordinary account, as which the test runs: root may read everything."""
    folder = Path(tempfile.mkdtemp())
    for number in range(3):
        picture(folder / "images" / "open" / f"{number}.png", number)
        picture(folder / "images" / "shut" / f"{number}.png", 10 + number)
    # What a scan imports must be imported by now: the other account may not read this Python.
    warm = Project.create(folder / "warm", [folder / "images"])
    scan(warm)
    warm.store.close()
    was_root = os.geteuid() == 0
    if was_root:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, _NOBODY, _NOBODY)
        os.seteuid(_NOBODY)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        (folder / "images" / "shut").chmod(0o755)
        shutil.rmtree(folder)


def test_what_lies_in_a_folder_that_was_shut_is_not_gone(ordinary: Path) -> None:
    project = Project.create(ordinary / "project", [ordinary / "images"])
    scan(project)
    (ordinary / "images" / "shut").chmod(0)
    report = scan(project)
    assert report.unreadable_folders == ["shut (Permission denied)"]
    assert (report.images, report.missing) == (6, 0)
    project.store.close()


def test_a_folder_shut_midway_costs_its_images_until_it_is_open_again(ordinary: Path) -> None:
    project = Project.create(ordinary / "project", [ordinary / "images"])
    shut = ordinary / "images" / "shut"

    def shut_after_the_walk(done: int, total: int | None, message: str = "") -> None:
        if "found" in message:
            shut.chmod(0)

    report = scan(project, progress=shut_after_the_walk)
    assert (report.images, report.unreadable) == (3, 3)
    said = {row.problem for row in project.store.images.page("problem", 0, 10)}
    assert said == {"There is no permission to read the file."}
    shut.chmod(0o755)  # changes neither the size nor the time of a file
    report = scan(project)
    assert (report.images, report.unreadable) == (6, 0)
    project.store.close()


_SCAN = """
import resource, sys
from coldstart.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(["scan", sys.argv[2]]))
"""


def test_a_database_without_room_stops_the_scan_with_a_sentence(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / "images" / f"{number}.png", number)
    project = Project.create(tmp_path / "project", [tmp_path / "images"])
    project.store.close()
    # Room for SQLite's index of its log, not for the log itself.
    run = subprocess.run(
        [sys.executable, "-c", _SCAN, "36000", str(project.directory)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "The scan stopped:" in run.stderr
    assert "Make room" in run.stderr
    assert "Traceback" not in run.stderr
    project = Project.open(project.directory)
    assert scan(project).images == 40
    project.store.close()


def test_thumbnails_without_room_stop_with_a_sentence_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        picture(tmp_path / "images" / f"{number}.png", number)
    project = Project.create(tmp_path / "project", [tmp_path / "images"])
    real = thumbnail.make_thumbnail
    written: list[Path] = []

    def full_after_two(image: Image.Image, target: Path) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(image, target)
        written.append(target)

    monkeypatch.setattr("coldstart.images.check.make_thumbnail", full_after_two)
    with pytest.raises(ColdstartError, match=r"scan stopped: No space left.*Make room"):
        scan(project)
    assert len(list(project.thumbnails.rglob("*.jpg"))) == 2
    monkeypatch.undo()
    assert scan(project).images == 4
    shutil.rmtree(project.thumbnails)
    written.clear()
    monkeypatch.setattr("coldstart.images.thumbnails.make_thumbnail", full_after_two)
    monkeypatch.setattr("coldstart.images.thumbnails.map_in_processes", _here)
    with pytest.raises(ColdstartError, match=r"No space left.*Make room"):
        complete_thumbnails(project)
    monkeypatch.undo()
    report = complete_thumbnails(project)
    assert (report.made, report.there, report.failed) == (2, 2, 0)
    project.store.close()


def _here(function, chunks, processes, died):  # type: ignore[no-untyped-def]
    """`map_in_processes` in this process, where the patched function is."""
    return (function(chunk) for chunk in chunks)
