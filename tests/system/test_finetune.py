"""Fine-tuning on a tiny network: it starts as the probe, learns, and goes on where it stopped."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from coldstart.embeddings.encoders.adapted import Trainable, trainable
from coldstart.errors import ColdstartError
from coldstart.training.augment import balanced_draw
from coldstart.training.finetune import CHECKPOINT, FinetuneResult, FinetuneSettings, finetune
from coldstart.training.finetune_history import Epoch, best_epoch, read_history
from coldstart.training.finetune_network import (
    ClassNetwork,
    blocks_of,
    put_probe,
    run_on_files,
    train_only,
)
from coldstart.training.network_files import load_network
from coldstart.training.probe import fit_probe

NETWORK = "timm:test_resnet"
QUICK = FinetuneSettings(NETWORK, epochs=3, batch_images=32, learning_rate=1e-3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), file)
    return file


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    """50 pictures of stripes and of checks."""
    folder = tmp_path_factory.mktemp("images")
    files, names = [], []
    for number in range(50):
        random = np.random.default_rng(number)
        stripes = number % 2 == 0
        small = random.integers(0, 256, (6, 1 if stripes else 6, 3), np.uint8)
        files.append(folder / f"{number}.png")
        whole = np.broadcast_to(small, (6, 6, 3))
        Image.fromarray(np.ascontiguousarray(whole)).resize((48, 48), 0).save(files[-1])
        names.append("stripes" if stripes else "checks")
    return files, names


def start(checkpoint: Path) -> Trainable:
    return trainable(NETWORK, checkpoint, pixels=32)


def test_before_training_it_says_what_the_probe_says(
    checkpoint: Path, pictures: tuple[list[Path], list[str]]
) -> None:
    files, names = pictures
    begun = start(checkpoint)
    with torch.no_grad():
        parts = run_on_files(begun.network.eval(), files, begun.cropping, torch.device("cpu"))
        vectors = np.concatenate([part for part, _ in parts])
    probe = fit_probe(vectors, names)
    network = ClassNetwork(begun.network, vectors.shape[1], 2).eval()
    put_probe(network, probe)
    logits = np.concatenate(
        [part for part, _ in run_on_files(network, files, begun.cropping, torch.device("cpu"))]
    )
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(said, probe.probabilities(vectors), atol=1e-4)


def test_it_learns_and_resumes_bit_for_bit(
    checkpoint: Path, pictures: tuple[list[Path], list[str]], tmp_path: Path
) -> None:
    files, names = pictures

    class Stopped(Exception):
        pass

    def run(directory: Path, stop_at: int | None = None) -> FinetuneResult:
        def progress(done: int, total: int | None, message: str = "") -> None:
            if total is not None and done == stop_at:
                raise Stopped

        return finetune(start(checkpoint), files, names, directory, QUICK, progress=progress)

    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", stop_at=13)
    assert (tmp_path / "stopped" / CHECKPOINT).is_file()
    assert len(read_history(tmp_path / "stopped")) == 2
    resumed = run(tmp_path / "stopped")
    losses = [(one.loss, one.kept_aside_loss) for one in whole.history]
    assert losses == [(one.loss, one.kept_aside_loss) for one in resumed.history]
    one, other = (safetensors.torch.load_file(found.weights) for found in (whole, resumed))
    assert all(torch.equal(one[key], other[key]) for key in one)

    assert whole.history[0].loss is None
    assert whole.history[-1].loss is not None
    assert whole.history[1].loss is not None
    assert whole.history[-1].loss < whole.history[1].loss
    assert whole.kept_aside == 10
    assert whole.best_epoch == best_epoch(whole.history)
    kept = load_network(whole.weights)
    assert kept.class_names == ("checks", "stripes")
    assert kept.cropping == start(checkpoint).cropping
    assert kept.about["temperature"] == whole.temperature != 1.0

    with pytest.raises(ColdstartError, match="begun with other labels"):
        finetune(start(checkpoint), files[1:], names[1:], tmp_path / "stopped", QUICK)
    (tmp_path / "stopped" / CHECKPOINT).write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ColdstartError, match=r"damaged.*begins anew"):
        run(tmp_path / "stopped")


def test_frozen_blocks_stay_as_they_were(
    checkpoint: Path, pictures: tuple[list[Path], list[str]], tmp_path: Path
) -> None:
    files, names = pictures
    settings = FinetuneSettings(NETWORK, blocks=1, epochs=1, batch_images=64)
    result = finetune(start(checkpoint), files[:30], names[:30], tmp_path / "run", settings)
    assert result.kept_aside == 0  # too few to decide anything
    assert result.history[-1].kept_aside_loss is None
    before = start(checkpoint).network.state_dict()
    after = load_network(result.weights).network.encoder.state_dict()
    groups = blocks_of(start(checkpoint).network)
    for name in itertools.chain(*groups[:-1]):
        assert torch.equal(before[name], after[name]), name
    assert not torch.equal(before[groups[-1][0]], after[groups[-1][0]])
    with pytest.raises(ColdstartError, match="has 5 blocks"):
        finetune(
            start(checkpoint),
            files,
            names,
            tmp_path / "other",
            FinetuneSettings(NETWORK, blocks=6),
        )


def test_what_cannot_be_trained_is_said(
    checkpoint: Path, pictures: tuple[list[Path], list[str]], tmp_path: Path
) -> None:
    files, _ = pictures
    with pytest.raises(ColdstartError, match="class “one”"):
        finetune(start(checkpoint), files, ["one"] * len(files), tmp_path / "one", QUICK)
    # A lone label of a class is learned from, and a file that is gone is left out.
    names = ["a"] * 10 + ["b"] * 9 + ["lone"]
    gone = [*files[:9], tmp_path / "gone.png", *files[10:20]]
    settings = FinetuneSettings(NETWORK, blocks=1, epochs=1, batch_images=64)
    result = finetune(start(checkpoint), gone, names, tmp_path / "lone", settings)
    assert result.unreadable == 1
    assert load_network(result.weights).class_names == ("a", "b", "lone")
    with pytest.raises(ColdstartError, match="no network that coldstart has fine-tuned"):
        load_network(files[0])


def test_blocks_of_a_network_timm_did_not_make() -> None:
    import torchvision

    resnet = torchvision.models.resnet18(weights=None)
    resnet.fc = torch.nn.Identity()
    blocks = blocks_of(resnet)
    assert [name for block in blocks for name in block] == [n for n, _ in resnet.named_parameters()]
    assert len(blocks) == 2 + 4 * 2
    network = ClassNetwork(resnet, 512, 3)
    learns = train_only(network, 2)
    last = [*resnet.layer4.parameters(), *network.last.parameters()]
    assert {id(one) for one in learns} == {id(one) for one in last}


def test_the_kept_epoch_is_the_last_that_helped() -> None:
    def history(*losses: float | None) -> list[Epoch]:
        return [Epoch(n, None, loss, None, 0.0) for n, loss in enumerate(losses)]

    assert best_epoch(history(1.0, 0.8, 0.7999, 0.9)) == 1
    assert best_epoch(history(1.0, 1.1)) == 0
    assert best_epoch(history(None, None, None)) == 2


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any),
    draws=st.integers(1, 60),
    seed=st.integers(0, 9),
)
def test_classes_are_drawn_equally_often(counts: list[int], draws: int, seed: int) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    rows = balanced_draw(classes, draws, np.random.default_rng(seed))
    assert len(rows) == draws
    drawn = np.bincount(classes[rows], minlength=len(counts))[np.array(counts) > 0]
    assert drawn.max() - drawn.min() <= 1
    for which in np.unique(classes):
        times = np.bincount(rows, minlength=len(classes))[classes == which]
        assert times.max() - times.min() <= 1
