"""Extraction in blocks: resumable, appendable, and never computing the same image twice."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from coldstart.embeddings import extract as extract_module
from coldstart.embeddings.extract import ImageToEmbed, extract
from coldstart.embeddings.matrix import EmbeddingSet, list_sets
from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled, Progress, silent

MakeImages = Callable[[int], list[ImageToEmbed]]


class AverageColour:
    """An encoder one can check by eye; it counts what it is asked for."""

    name, dimension, input_pixels, batch_images, read_at_least = "average", 3, 8, 4, 8

    def __init__(self, **settings: Any) -> None:
        self.settings: dict[str, Any] = settings
        self.preprocessing: dict[str, Any] = {"pixels": (8, 8)}
        self.fits = 0
        self.encoded = 0

    def prepare(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((8, 8)))

    def fit(self, paths: Sequence[Path], progress: Progress = silent) -> None:
        self.fits += 1

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        self.encoded += len(pixels)
        means = pixels.reshape(len(pixels), -1, 3).mean(1)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return (means / np.maximum(lengths, 1e-9)).astype(np.float32)

    def save(self, directory: Path) -> None:
        (directory / "fits").write_text(str(self.fits))

    def load(self, directory: Path) -> None:
        self.fits = int((directory / "fits").read_text())


def _expected(image: ImageToEmbed) -> np.ndarray:
    with Image.open(image.path) as opened:
        mean = np.asarray(opened.convert("RGB").resize((8, 8))).reshape(-1, 3).mean(0)
    return mean / np.linalg.norm(mean)


def test_each_image_gets_its_row_in_order(make_images: MakeImages, tmp_path: Path) -> None:
    images = [replace(image, image_id=100 - image.image_id) for image in make_images(11)]
    told: list[tuple[int, int | None]] = []
    report = extract(
        AverageColour(),
        images,
        tmp_path / "set",
        progress=lambda done, total, message="": told.append((done, total)),
        block_images=4,
    )
    assert (report.images, report.computed, report.unreadable) == (11, 11, [])
    assert told == sorted(told)
    assert told[-1] == (11, 11)
    opened = EmbeddingSet.open(tmp_path / "set")
    assert opened.image_ids.tolist() == [image.image_id for image in images]
    assert opened.content_hashes == [image.content_hash for image in images]
    np.testing.assert_allclose(opened.vectors, [_expected(i) for i in images], atol=1e-6)
    assert opened.meta["encoder"] == "average"
    assert not (tmp_path / "set/unfinished").exists()


def test_only_what_is_new_or_changed_is_computed(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(9)
    extract(AverageColour(), images[:6], tmp_path / "set")

    Image.new("RGB", (24, 24), "orange").save(images[2].path)
    images[2] = replace(images[2], content_hash=hashlib.sha256(b"orange").hexdigest())
    encoder = AverageColour()
    assert extract(encoder, images, tmp_path / "set").computed == 4
    assert (encoder.encoded, encoder.fits) == (4, 1)  # the fit is the first run's
    opened = EmbeddingSet.open(tmp_path / "set")
    np.testing.assert_allclose(opened.vectors, [_expected(i) for i in images], atol=1e-6)

    again = AverageColour()
    assert extract(again, images[3:], tmp_path / "set").computed == 0
    # The rows of images that are gone stay unused, and serve again when they return.
    assert EmbeddingSet.open(tmp_path / "set").image_ids.tolist() == list(range(9))
    assert extract(again, images, tmp_path / "set").computed == 0


def test_a_doubled_or_renamed_file_costs_nothing(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(4)
    twin = tmp_path / "twin.png"
    shutil.copy(images[1].path, twin)
    encoder = AverageColour()
    extract(encoder, [*images, ImageToEmbed(9, images[1].content_hash, twin)], tmp_path / "set")
    assert encoder.encoded == 4
    opened = EmbeddingSet.open(tmp_path / "set")
    np.testing.assert_array_equal(opened.vectors[4], opened.vectors[1])

    moved = replace(images[0], path=images[0].path.rename(tmp_path / "moved.png"))
    assert extract(AverageColour(), [moved, *images[1:]], tmp_path / "set").computed == 0


def test_an_unreadable_image_is_reported_and_tried_again_later(
    make_images: MakeImages, tmp_path: Path
) -> None:
    images = make_images(6)
    whole = images[3].path.read_bytes()
    images[3].path.write_bytes(whole[:40])
    report = extract(AverageColour(), images, tmp_path / "set")
    assert report.images == 5
    ((image_id, reason),) = report.unreadable
    assert image_id == 3
    assert reason.endswith(".")
    assert EmbeddingSet.open(tmp_path / "set").image_ids.tolist() == [0, 1, 2, 4, 5]

    images[3].path.write_bytes(whole)
    report = extract(AverageColour(), images, tmp_path / "set")
    assert (report.images, report.computed, report.unreadable) == (6, 1, [])


def test_nothing_readable_or_nothing_at_all(make_images: MakeImages, tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="no images to embed"):
        extract(AverageColour(), [], tmp_path / "set")
    images = make_images(3)
    for image in images:
        image.path.unlink()
    with pytest.raises(ColdstartError, match="None of the 3 images can be read"):
        extract(AverageColour(), images, tmp_path / "set")


def test_another_encoders_set_is_not_mixed_with(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(4)
    extract(AverageColour(seed=0), images, tmp_path / "set")
    with pytest.raises(ColdstartError, match="made by the encoder 'average' with other settings"):
        extract(AverageColour(seed=1), images, tmp_path / "set")


def test_a_set_without_a_finished_block_may_be_begun_anew(
    make_images: MakeImages, tmp_path: Path
) -> None:
    def cancel(done: int, total: int | None, message: str = "") -> None:
        raise Cancelled

    images = make_images(4)
    with pytest.raises(Cancelled):
        extract(AverageColour(seed=0), images, tmp_path / "set", progress=cancel)
    extract(AverageColour(seed=1), images, tmp_path / "set")
    assert EmbeddingSet.open(tmp_path / "set").meta["settings"] == {"seed": 1}


def test_a_cancelled_run_goes_on_where_it_stopped(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(40)

    def cancel(done: int, total: int | None, message: str = "") -> None:
        if done >= 24:
            raise Cancelled

    with pytest.raises(Cancelled):
        extract(AverageColour(), images, tmp_path / "set", progress=cancel, block_images=8)
    assert list_sets(tmp_path) == []
    encoder = AverageColour()
    report = extract(encoder, images, tmp_path / "set", block_images=8)
    assert (report.images, encoder.encoded) == (40, 24)  # two whole blocks of 8 were kept
    extract(AverageColour(), images, tmp_path / "whole", block_images=8)
    assert _files(tmp_path / "set") == _files(tmp_path / "whole")


def test_a_full_disk_is_a_sentence_and_the_work_resumes(
    make_images: MakeImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = make_images(20)
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 6:  # in the third block or so
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ColdstartError, match="No space left on device"):
        extract(AverageColour(), images, tmp_path / "set", block_images=4)
    monkeypatch.setattr(extract_module.os, "fsync", real)
    encoder = AverageColour()
    assert extract(encoder, images, tmp_path / "set", block_images=4).images == 20
    assert encoder.encoded < 20


def _files(directory: Path) -> tuple[bytes, bytes]:
    """The matrix and its rows, byte by byte."""
    return (directory / "vectors.npy").read_bytes(), (directory / "rows.parquet").read_bytes()
