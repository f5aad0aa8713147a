"""Embedding that is killed, or runs out of room, ends with the matrix of an undisturbed run."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from coldstart.embeddings.encoders import make_encoder
from coldstart.embeddings.extract import ImageToEmbed, extract

IMAGES, BLOCK = 192, 8

PROGRAM = """
import json, sys
from pathlib import Path
from coldstart.embeddings.encoders import folder, make_encoder
from coldstart.embeddings.encoders import patch_dictionary
patch_dictionary.FIT_PATCHES, patch_dictionary.FIT_CENTROID_PATCHES = 4_000, 2_000
folder.VIEWED_IMAGES = 20
from coldstart.embeddings.extract import ImageToEmbed, extract
from coldstart.errors import ColdstartError
images = [ImageToEmbed(i, h, Path(p)) for i, h, p in json.loads(Path(sys.argv[1]).read_text())]
weights = Path(sys.argv[4]) if len(sys.argv) > 4 else None
try:
    extract(make_encoder(sys.argv[3], weights), images, Path(sys.argv[2]), block_images=8)
except ColdstartError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of small images, one of which is empty: it must not shift what comes after it."""
    rows = []
    for number in range(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        path = tmp_path / f"{number:03}.png"
        Image.fromarray(pixels).save(path)
        if number == 37:
            path.write_bytes(b"")
        rows.append((number, hashlib.sha256(path.read_bytes()).hexdigest(), str(path)))
    file = tmp_path / "images.json"
    file.write_text(json.dumps(rows))
    return file


@pytest.fixture
def network(tmp_path: Path) -> list[str]:
    """A tiny network of timm and the file of its weights."""
    torch.manual_seed(0)
    file = tmp_path / "tiny.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), file)
    return ["timm:test_resnet", str(file)]


def _start(
    listed: Path, target: Path, encoder: list[str], setup: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(listed), str(target), *encoder]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=setup)


def _finish(listed: Path, target: Path, encoder: list[str]) -> None:
    """The same work, undisturbed, in this process."""
    rows = json.loads(listed.read_text())
    images = [ImageToEmbed(number, content_hash, Path(path)) for number, content_hash, path in rows]
    weights = Path(encoder[1]) if len(encoder) > 1 else None
    extract(make_encoder(encoder[0], weights), images, target, block_images=BLOCK)


def _blocks(target: Path) -> int:
    return len(list(target.glob("unfinished/*.json")))


def _files(directory: Path) -> tuple[bytes, bytes]:
    """The matrix and its rows, byte by byte."""
    return (directory / "vectors.npy").read_bytes(), (directory / "rows.parquet").read_bytes()


@pytest.mark.parametrize("kind", ["folder", "network"])
def test_killed_at_random_points_it_is_the_same_bit_for_bit(
    kind: str, listed: Path, network: list[str], tmp_path: Path
) -> None:
    encoder = ["folder"] if kind == "folder" else network
    target, dice = tmp_path / "killed", random.Random(kind)
    for _ in range(2):
        process = _start(listed, target, encoder)
        wanted = _blocks(target) + dice.randint(1, 4)
        while _blocks(target) < wanted:
            assert process.poll() is None, "ended before it could be killed"
            time.sleep(0.005)
        time.sleep(dice.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (target / "vectors.npy").exists()
    kept = _blocks(target)
    assert kept >= 2
    newest = (target / f"unfinished/{kept - 1}.npy").stat().st_mtime_ns
    _finish(listed, target, encoder)
    assert (target / "vectors.npy").stat().st_mtime_ns > newest

    # The same fit, so that only the interruptions differ.
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.copytree(target / "encoder", whole / "encoder")
    _finish(listed, whole, encoder)
    assert _files(target) == _files(whole)
    assert len(np.load(target / "vectors.npy")) == IMAGES - 1


def test_a_full_disk_is_a_sentence_and_the_work_goes_on_when_there_is_room(
    listed: Path, network: list[str], tmp_path: Path
) -> None:
    def little_room() -> None:
        # The kernel refuses to write beyond it, as a full disk does: at the whole matrix here.
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    target = tmp_path / "full"
    process = _start(listed, target, network, little_room)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "cannot be written" in said
    assert "resumes where it stopped" in said
    assert "Traceback" not in said
    assert _blocks(target) == IMAGES // BLOCK
    _finish(listed, target, network)
    _finish(listed, tmp_path / "whole", network)
    assert _files(target) == _files(tmp_path / "whole")
    assert os.path.getsize(target / "vectors.npy") > 60_000
