"""Exported models say elsewhere what the app says here."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from coldstart.embeddings.encoders.adapted import architecture
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.training.network_files import load_network
from coldstart.workflow.embed import embed, import_vectors, use_set
from coldstart.workflow.export_model import export_model, load_deployable
from coldstart.workflow.finetune import finetune
from coldstart.workflow.predictions import predictions
from coldstart.workflow.scan import scan
from coldstart.workflow.train import train

NETWORK = "timm:test_resnet"
OPTIONS = {"input_size": 32}

# Nothing but the folder, and the packages its requirements name.
ALONE = """
import runpy, sys
for name in ("coldstart", "torch", "timm", "torchvision", "sklearn", "scipy", "pandas"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two kinds in all the ways a file can hold them, and a tiny network's weights."""
    place = tmp_path_factory.mktemp("export")
    images = place / "images"
    (images / "more").mkdir(parents=True)
    for number in range(36):
        random = np.random.default_rng(number)
        small = random.integers(0, 256, (6, 1 if number % 2 else 6, 3), np.uint8)
        pixels = np.ascontiguousarray(np.broadcast_to(small, (6, 6, 3)))
        side = (90, 70) if number % 3 else (300, 220)
        picture = Image.fromarray(pixels).resize(side, Image.Resampling.BICUBIC)
        kind = "stripes" if number % 2 else "checks"
        _save(picture, images / "more" / f"{kind}-{number:02}", number)
    torch.manual_seed(0)
    weights = timm.create_model("test_resnet").state_dict()
    safetensors.torch.save_file(weights, place / "tiny.safetensors")
    return place


def _save(picture: Image.Image, file: Path, number: int) -> None:
    grey = np.asarray(picture.convert("L")).astype(np.uint16)
    exif = Image.Exif()
    exif[274] = 6
    clear = picture.convert("RGBA")
    clear.putalpha(Image.fromarray(255 - np.asarray(picture.convert("L"))))
    ways = (
        lambda: picture.save(file.with_suffix(".png")),
        lambda: picture.save(file.with_suffix(".jpg"), quality=90),
        lambda: picture.convert("CMYK").save(file.with_suffix(".jpg"), quality=95),
        lambda: clear.save(file.with_suffix(".png")),
        lambda: picture.quantize(64).save(file.with_suffix(".gif")),
        lambda: Image.fromarray(grey * 257).save(file.with_suffix(".png")),
        lambda: picture.save(file.with_suffix(".jpg"), exif=exif),
        lambda: picture.save(file.with_suffix(".webp"), quality=90),
    )
    ways[number % len(ways)]()


@pytest.fixture(scope="module")
def project(place: Path) -> Iterator[Project]:
    made = Project.create(place / "project", [place / "images"], name="Stripes | checks")
    scan(made)
    embed(made, NETWORK, weights=place / "tiny.safetensors", options=OPTIONS)
    rows = [row for row in made.store.images.usable() if int(Path(row.name).stem[-2:]) < 24]
    events = []
    for row in rows:
        name = row.name.partition("-")[0]
        class_id = made.store.labels.add_class(name).class_id
        events.append(NewEvent(f"e{row.image_id}", row.image_id, "ann", "class", class_id))
    made.store.labels.append(events)
    yield Project.open(made.directory)
    made.store.close()


def run_alone(folder: Path, images: Path, to: Path) -> dict[str, dict[str, str]]:
    command = [sys.executable, "-I", "-c", ALONE, str(folder / "predict.py"), str(images)]
    finished = subprocess.run(
        [*command, "--to", str(to)], capture_output=True, text=True, check=False, cwd=to.parent
    )
    assert finished.returncode == 0, finished.stderr
    with to.open(encoding="utf-8", newline="") as stream:
        return {row["path"]: row for row in csv.DictReader(stream)}


def says_the_same(project: Project, model: str, said: dict[str, dict[str, str]]) -> None:
    table = predictions(project, model)
    assert table is not None
    assert set(said) == set(table["path"])
    for row in table.to_dict("records"):
        elsewhere = said[row["path"]]
        assert elsewhere["predicted_class"] == row["predicted_class"]
        assert float(elsewhere["confidence"]) == pytest.approx(row["confidence"], abs=1e-3)
        for name in ("checks", "stripes"):
            key = f"probability: {name}"
            assert float(elsewhere[key]) == pytest.approx(row[key], abs=1e-3)


@pytest.mark.parametrize("probe", ["logistic", "knn"])
def test_the_folder_of_a_probe_runs_by_itself(
    project: Project, place: Path, tmp_path: Path, probe: str
) -> None:
    train(project, probe)
    report = export_model(project, tmp_path / "model")
    assert report.left_out == []
    assert {file.name for file in (tmp_path / "model").iterdir()} == set(report.files)
    says_the_same(
        project, "probe", run_alone(tmp_path / "model", place / "images", tmp_path / "said.csv")
    )
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "| checks | 12 |" in card
    assert NETWORK in card
    assert "Too few to say" in card or "cross-validation" in card
    with pytest.raises(ColdstartError, match="not an empty folder"):
        export_model(project, tmp_path / "model")


def test_the_folder_of_a_fine_tuned_network_and_each_file(
    project: Project, place: Path, tmp_path: Path
) -> None:
    settings = {"batch_images": 64}
    finetune(project, epochs=1, settings=settings)
    export_model(project, tmp_path / "model", model="finetune")
    said = run_alone(tmp_path / "model", place / "images", tmp_path / "said.csv")
    says_the_same(project, "finetune", said)

    module = load_deployable(project, "finetune").deployable.module()
    images = torch.rand(5, 3, 32, 32)
    with torch.no_grad():
        expected = module(images).numpy()
    traced = torch.jit.load(str(tmp_path / "model" / "model.torchscript.pt"))
    np.testing.assert_allclose(traced(images).numpy(), expected, atol=1e-4)
    (by_onnx,) = onnxruntime.InferenceSession(tmp_path / "model" / "model.onnx").run(
        None, {"images": images.numpy()}
    )
    np.testing.assert_allclose(by_onnx, expected, atol=1e-4)
    kept = load_network(tmp_path / "model" / "model.safetensors")
    assert kept.class_names == ("checks", "stripes")
    weights = kept.network.encoder.state_dict()
    assert weights.keys() == architecture(NETWORK, OPTIONS)[0].state_dict().keys()

    report = export_model(project, tmp_path / "only.onnx", model="finetune", format="onnx")
    assert report.files == ["only.onnx", "only.json", "only.md"]
    described = json.loads((tmp_path / "only.json").read_text(encoding="utf-8"))
    assert described["preprocessing"]["side"] == 32


def test_the_encoder_without_a_download_goes_along(
    project: Project, place: Path, tmp_path: Path
) -> None:
    embed(project, "folder")
    changed = Project.open(project.directory)
    train(changed, "ridge")
    report = export_model(changed, tmp_path / "model")
    assert report.left_out == []
    said = run_alone(tmp_path / "model", place / "images", tmp_path / "said.csv")
    says_the_same(changed, "probe", said)
    use_set(changed, "test_resnet")


def test_what_cannot_be_exported_is_said(project: Project, place: Path, tmp_path: Path) -> None:
    images = len(project.store.images.usable())
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(images, 8)))
    import_vectors(project, tmp_path / "mine.npy")
    changed = Project.open(project.directory)
    train(changed)
    with pytest.raises(ColdstartError, match="your own table of vectors"):
        export_model(changed, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    use_set(changed, "test_resnet")
    train(Project.open(project.directory))
    kept = place / "tiny.safetensors"
    weights = kept.read_bytes()
    other = {key: one + 1 for key, one in safetensors.torch.load_file(kept).items()}
    safetensors.torch.save_file(other, kept)
    with pytest.raises(ColdstartError, match="are not those that"):
        export_model(project, tmp_path / "model")
    kept.write_bytes(weights)
    with pytest.raises(ColdstartError, match="no format"):
        export_model(project, tmp_path / "model", format="tflite")
