"""Checking images: hash, size, thumbnail and problem in one pass, on all cores, never fatal."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.images import check
from coldstart.images.check import ImageFacts, check_image, check_images
from coldstart.images.thumbnail import thumbnail_path
from coldstart.images.workers import WorkerDied, call_in_process, map_in_processes
from coldstart.progress import Cancelled


def _photo(file: Path, size: tuple[int, int] = (600, 400), seed: int = 0) -> Path:
    grey = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(grey).resize(size).save(file)
    return file


def test_facts_and_thumbnail_of_a_good_image(tmp_path: Path) -> None:
    file = _photo(tmp_path / "photo.jpg")
    facts = check_image(file, tmp_path / "thumbnails")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert facts == ImageFacts(digest, 600, 400, "JPEG", measures=facts.measures)
    assert facts.measures is not None
    target = tmp_path / "thumbnails" / digest[:2] / f"{digest}.jpg"
    assert target == thumbnail_path(tmp_path / "thumbnails", digest)
    with Image.open(target) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (256, 171))
    assert os.listdir(target.parent) == [target.name]  # nothing unfinished is left behind


def test_thumbnails_of_tiny_long_and_see_through_images(tmp_path: Path) -> None:
    images = {
        "tiny.png": Image.new("L", (8, 8), 90),
        "long.png": Image.new("RGB", (3000, 2), "red"),
        "clear.png": Image.new("RGBA", (300, 300), (0, 0, 0, 0)),
    }
    sizes = {"tiny.png": (128, 128), "long.png": (256, 1), "clear.png": (256, 256)}
    for name, image in images.items():
        image.save(tmp_path / name)
        facts = check_image(tmp_path / name, tmp_path)
        with Image.open(thumbnail_path(tmp_path, facts.content_hash)) as thumbnail:
            assert thumbnail.size == sizes[name]
            assert thumbnail.mode == "RGB"


def test_a_turned_photo_reports_its_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1200, 800)).save(tmp_path / "turned.jpg", exif=exif)
    facts = check_image(tmp_path / "turned.jpg", tmp_path)
    assert (facts.width, facts.height) == (800, 1200)


def test_problems_are_facts_and_not_exceptions(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no image")
    whole = _photo(tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    kinds = {
        name: check_image(tmp_path / name, tmp_path / "thumbnails").problem_kind
        for name in ("empty.jpg", "text.jpg", "cut.jpg", "gone.jpg", "whole.jpg")
    }
    assert kinds == {
        "empty.jpg": "empty",
        "text.jpg": "not an image",
        "cut.jpg": "truncated",
        "gone.jpg": "missing",
        "whole.jpg": None,
    }
    assert (
        check_image(tmp_path / "text.jpg").content_hash == hashlib.sha256(b"no image").hexdigest()
    )


@pytest.mark.parametrize("in_processes", [False, True])
def test_many_images_in_order_with_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_processes: bool
) -> None:
    if in_processes:
        monkeypatch.setattr(check, "PROCESSES_PAY_AFTER_S", 0.0)
    paths = [_photo(tmp_path / f"{i}.png", (20 + i, 10), seed=i) for i in range(60)]
    paths[41] = tmp_path / "gone.png"
    told: list[tuple[int, int | None]] = []
    results = list(
        check_images(
            paths,
            tmp_path / "thumbnails",
            processes=2,
            progress=lambda done, total, message="": told.append((done, total)),
        )
    )
    assert [index for index, _ in results] == list(range(60))
    assert [facts.width for _, facts in results] == [0 if i == 41 else 20 + i for i in range(60)]
    assert told[-1] == (60, 60)
    assert told == sorted(told)


def test_cancelling_ends_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PROCESSES_PAY_AFTER_S", 0.0)
    paths = [_photo(tmp_path / f"{i}.png", (20, 10), seed=i) for i in range(200)]

    def cancel(done: int, total: int | None, message: str = "") -> None:
        if done > 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(check_images(paths, processes=2, progress=cancel))


def _end_abruptly_at_three(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number * number


def test_a_worker_that_dies_costs_only_its_own_chunk() -> None:
    results = list(map_in_processes(_end_abruptly_at_three, range(8), 2, lambda chunk: -chunk))
    assert results == [0, 1, 4, -3, 16, 25, 36, 49]
    with pytest.raises(WorkerDied):
        call_in_process(_end_abruptly_at_three, 3)


def test_an_error_in_a_worker_comes_back_as_itself() -> None:
    with pytest.raises(TypeError):
        call_in_process(_end_abruptly_at_three, None)  # type: ignore[arg-type]
