"""The Dataset and the documents' code, run on real small pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from coldstart.errors import ColdstartError
from coldstart.labels.manifest import ManifestRow, write_manifest
from coldstart.labels.split import split_of
from coldstart.training import load_labelled, make_dataloader
from coldstart.training.code_example import code_example

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """30 red, 8 green and 4 blue pictures, one skipped, in nested folders below ``images``."""
    rows = []
    for name, count in (("red", 30), ("green", 8), ("blue", 4)):
        for number in range(count):
            path = f"some/where{number % 3}/{name} {number}.png"
            file = tmp_path / "images" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 30), COLOURS[name]).save(file)
            rows.append(ManifestRow(path=path, content_hash=f"{name}{number}", class_name=name))
    rows.append(ManifestRow(path="gone.png", content_hash="0", state="skipped"))
    write_manifest(rows, tmp_path / "labels.csv")
    return tmp_path


def test_images_and_classes(project: Path) -> None:
    images = load_labelled(project / "labels.csv", project / "images")
    assert isinstance(images, torch.utils.data.Dataset)
    assert images.class_names == ["blue", "green", "red"]
    assert images.class_counts == [4, 8, 30]
    assert len(images) == 42
    for image, index in (images[i] for i in range(0, 42, 5)):
        assert (image.mode, image.size) == ("RGB", (20, 30))
        assert image.getpixel((0, 0)) == COLOURS[images.class_names[index]]


def test_weights_give_every_class_the_same_total(project: Path) -> None:
    images = load_labelled(project / "labels.csv", project / "images")
    totals = np.bincount(images.classes, weights=images.sample_weights)
    assert totals == pytest.approx([14, 14, 14])


def test_splits(project: Path) -> None:
    manifest, root = project / "labels.csv", project / "images"
    train = load_labelled(manifest, root, split="train")
    test = load_labelled(manifest, root, split="test")
    assert len(train) + len(test) == 42
    assert train.class_names == test.class_names
    names = {file.stem.replace(" ", "") for file in test.files}
    assert names == {n for n in names if split_of(n) == "test"} != set()
    assert set(train.splits) == {"train"}
    assert load_labelled(manifest, root).splits.count("test") == len(test)
    with pytest.raises(ColdstartError, match="split “audit”"):
        load_labelled(manifest, root, split="audit")


def test_without_a_folder_it_is_the_manifests(project: Path) -> None:
    manifest = (project / "labels.csv").rename(project / "images" / "labels.csv")
    assert len(load_labelled(manifest)) == 42


def test_several_roots(project: Path) -> None:
    (project / "more").mkdir()
    moved = "some/where0"
    (project / "more" / "some").mkdir()
    (project / "images" / moved).rename(project / "more" / moved)
    images = load_labelled(project / "labels.csv", [project / "images", str(project / "more")])
    assert {file.parents[2].name for file in images.files} == {"images", "more"}


def test_missing_files_are_named(project: Path) -> None:
    (project / "images" / "some" / "where0" / "red 0.png").unlink()
    with pytest.raises(ColdstartError, match="1 of 42 images") as refused:
        load_labelled(project / "labels.csv", project / "images")
    assert "some/where0/red 0.png" in refused.value.problem


def test_a_manifest_without_a_class(tmp_path: Path) -> None:
    row = ManifestRow(path="a", content_hash="0", state="unsure")
    write_manifest([row], tmp_path / "m.jsonl")
    with pytest.raises(ColdstartError, match="No image of"):
        load_labelled(tmp_path / "m.jsonl", tmp_path)


def test_loader_without_a_transform(project: Path) -> None:
    images = load_labelled(project / "labels.csv", project / "images")
    pixels, classes = next(iter(make_dataloader(images, batch_size=5)))
    assert pixels.shape == (5, 3, 224, 224)
    assert pixels.dtype == torch.float32
    expected = [COLOURS[images.class_names[index]] for index in classes]
    assert pixels[:, :, 0, 0].numpy() * 255 == pytest.approx(np.array(expected), abs=1e-3)


def test_balanced_and_plain_order(project: Path) -> None:
    def small(image: Image.Image) -> torch.Tensor:
        return torch.zeros(1)

    images = load_labelled(project / "labels.csv", project / "images", transform=small)
    counts = np.zeros(3)
    loader = make_dataloader(images, batch_size=42, seed=0)
    for _ in range(12):
        for _, classes in loader:
            counts += np.bincount(classes.numpy(), minlength=3)
    assert counts / counts.sum() == pytest.approx([1 / 3] * 3, abs=0.07)
    plain = make_dataloader(images, batch_size=10, balanced=False)
    assert np.bincount(np.concatenate([c.numpy() for _, c in plain])).tolist() == [4, 8, 30]

    def order() -> list[int]:
        return [int(c) for _, classes in make_dataloader(images, seed=3) for c in classes]

    assert order() == order()


def test_the_four_lines_run(project: Path) -> None:
    code = code_example(project / "labels.csv", project / "images")
    assert len(code.strip().splitlines()) == 4
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["pixels"].shape[1:] == (3, 224, 224)
    exec(code_example(str(project / "labels.csv"), [project / "images", project]), {})
