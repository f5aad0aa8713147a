"""SimCLR for real, small: it learns what a network from random numbers does not know."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from coldstart.embeddings.encoders import make_encoder
from coldstart.embeddings.encoders.adapted import trainable
from coldstart.embeddings.matrix import EmbeddingSet
from coldstart.embeddings.simclr import CHECKPOINT, SimclrResult, SimclrSettings, train_simclr
from coldstart.embeddings.simclr_history import MEANT_BY_BETTER, read_history
from coldstart.embeddings.views import ViewRecipe, batches_of_views
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.pool import active_set
from coldstart.workflow.scan import scan

NETWORK = "timm:test_resnet"


def _pictures(folder: Path, count: int, patches: int = 6) -> list[Path]:
    """Pictures that differ in pattern, not in colour only."""
    folder.mkdir(parents=True)
    paths = []
    for number in range(count):
        random = np.random.default_rng(number)
        small = random.integers(0, 256, (patches, patches, 3), np.uint8)
        path = folder / f"{number:03}.png"
        Image.fromarray(small).resize((72, 72), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


def test_it_learns_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    paths = _pictures(tmp_path / "images", 240, patches=2)
    torch.manual_seed(0)
    start = trainable(NETWORK, pixels=32, from_scratch=True)
    settings = SimclrSettings(NETWORK, epochs=10, batch_images=48, learning_rate=2e-3)
    result = train_simclr(start, paths, tmp_path / "run", settings)
    losses = [one.loss for one in result.history if one.loss is not None]
    assert np.mean(losses[-3:]) < losses[0] - 0.3
    assert result.history[0].loss is None
    kept = result.history[result.best_epoch].consistency
    assert kept >= max(one.consistency for one in result.history) - MEANT_BY_BETTER
    assert read_history(tmp_path / "run") == result.history

    # The file says what it is; its vectors are those of the network that was kept.
    encoder = make_encoder("simclr", weights=result.weights)
    assert encoder.input_pixels == 32
    with Image.open(paths[0]) as opened:
        pixels = encoder.prepare(opened.convert("RGB"))
    network = timm.create_model("test_resnet", num_classes=0).eval()
    network.load_state_dict(safetensors.torch.load_file(result.weights))
    scaled = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    cut = start.cropping
    scaled = (scaled - torch.tensor(cut.mean)[:, None, None]) / torch.tensor(cut.deviation)[
        :, None, None
    ]
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(network(scaled), dim=1)
    np.testing.assert_allclose(encoder.encode(pixels[None]), expected.numpy(), atol=1e-5)

    other = SimclrSettings(NETWORK, epochs=8, batch_images=32)
    with pytest.raises(ColdstartError, match="begun with other settings"):
        train_simclr(start, paths, tmp_path / "run", other)


def test_it_stops_when_it_no_longer_helps(tmp_path: Path) -> None:
    paths = _pictures(tmp_path / "images", 40)
    start = trainable(NETWORK, pixels=32, from_scratch=True)
    # Nothing is learned at this rate, so nothing gets better.
    settings = SimclrSettings(
        NETWORK, epochs=30, batch_images=32, learning_rate=1e-12, weight_decay=0.0, patience=2
    )
    result = train_simclr(start, paths, tmp_path / "run", settings)
    assert result.stopped_early
    assert len(result.history) - 1 <= 8
    with pytest.raises(ColdstartError, match="too few"):
        train_simclr(start, paths[:10], tmp_path / "few", settings)


class _Stop(Exception):
    pass


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    paths = _pictures(tmp_path / "images", 48)
    weights = tmp_path / "tiny.safetensors"
    network = timm.create_model("test_resnet", drop_rate=0.2)
    safetensors.torch.save_file(network.state_dict(), weights)
    settings = SimclrSettings(NETWORK, epochs=3, batch_images=20, patience=50)

    def run(name: str, stop_in_epoch: int = 0) -> SimclrResult:
        def progress(done: int, total: int | None, message: str = "") -> None:
            if stop_in_epoch and message.startswith(f"Epoch {stop_in_epoch} "):
                raise _Stop

        torch.rand(7)  # whatever was drawn before
        start = trainable(NETWORK, weights, pixels=32)
        return train_simclr(start, paths, tmp_path / name, settings, progress=progress)

    whole = run("whole")
    for epoch in (1, 3):
        with pytest.raises(_Stop):
            run("stopped", epoch)
    resumed = run("stopped")
    kept = [safetensors.torch.load_file(one.weights) for one in (whole, resumed)]
    assert kept[0].keys() == kept[1].keys()
    for key, tensor in kept[0].items():
        assert torch.equal(tensor, kept[1][key]), key
    told = [[(e.loss, e.consistency) for e in one.history] for one in (whole, resumed)]
    assert told[0] == told[1]

    checkpoint = tmp_path / "stopped" / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:-5000])
    with pytest.raises(ColdstartError, match=r"damaged.*begins anew"):
        run("stopped")


def test_views_do_not_depend_on_who_makes_them(tmp_path: Path) -> None:
    paths = _pictures(tmp_path / "images", 20)
    paths.insert(3, tmp_path / "gone.png")
    recipe = ViewRecipe(24, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), mirror=True, seed=4)
    batches = [(1, list(range(18))), (1, [20, 19]), (2, [0])]
    here = list(batches_of_views(recipe, paths, batches, processes=1))
    there = list(batches_of_views(recipe, paths, batches, processes=2))
    assert [len(one.first) for one in here] == [18, 2, 1]
    assert [one.unreadable for one in here] == [one.unreadable for one in there] == [1, 0, 0]
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one.first, other.first)
        assert torch.equal(one.second, other.second)
    assert not torch.equal(here[0].first[0], here[0].second[0])
    assert not torch.equal(here[0].first[0], here[2].first[0])  # another epoch, another view


def test_killed_it_goes_on_after_its_last_epoch_and_swaps_nothing(tmp_path: Path) -> None:
    _pictures(tmp_path / "images", 64)
    project = Project.create(tmp_path / "project", [tmp_path / "images"])
    scan(project)
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(64, 8)))
    import_vectors(project, tmp_path / "mine.npy")
    weights = tmp_path / "tiny.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), weights)
    command = [sys.executable, "-m", "coldstart", "simclr", str(project.directory), "--json"]
    command += ["--encoder", NETWORK, "--weights", str(weights), "--pixels", "40"]
    command += ["--batch", "28", "--name", "mine-simclr", "--set", "patience=50"]
    run = project.models / "mine-simclr"
    process = subprocess.Popen([*command, "--epochs", "500"], stdout=subprocess.DEVNULL)
    while len(read_history(run)) < 3:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = read_history(run)

    finished = subprocess.run(
        [*command, "--epochs", str(len(before) + 1)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    said = json.loads(finished.stdout)
    after = read_history(run)
    # A checkpoint may be one epoch ahead of what the page was told.
    assert after[: len(before)] == before
    assert said["epochs"] == len(after) - 1 == len(before) + 1
    assert said["started_from"] == "tiny.safetensors"
    # With the same network as it came first, which was embedded for that, then with the set in use.
    assert said["compared_with"] == "test_resnet-frozen"
    frozen = EmbeddingSet.open(project.embeddings / "test_resnet-frozen")
    assert frozen.meta["settings"]["weights"] == "tiny.safetensors"
    assert "no accuracy can be told yet" in said["verdict"]
    made = EmbeddingSet.open(project.embeddings / "mine-simclr")
    assert len(made.image_ids) == 64
    used = active_set(Project.open(project.directory))
    assert used is not None
    assert used.name == "mine"
