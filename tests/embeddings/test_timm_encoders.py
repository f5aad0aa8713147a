"""Models of timm: its own preprocessing and vectors, and sentences where a file does not fit."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from coldstart.embeddings.encoders import ENCODERS, card_of, make_encoder
from coldstart.embeddings.encoders.cropping import Cropping
from coldstart.errors import ColdstartError

SMALL = "test_resnet"  # one of timm's own tiny networks


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a tiny ResNet, with the layer that names classes."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    safetensors.torch.save_file(timm.create_model(SMALL).state_dict(), file)
    return file


@pytest.fixture
def photo() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 44, 3), np.uint8)
    return Image.fromarray(pixels).resize((440, 300), Image.Resampling.BICUBIC)


def test_vectors_are_timms_own(checkpoint: Path, photo: Image.Image) -> None:
    encoder = make_encoder(f"timm:{SMALL}", weights=checkpoint)
    vectors = encoder.encode(np.stack([encoder.prepare(photo)] * 2))
    network = timm.create_model(SMALL, num_classes=0, checkpoint_path=None).eval()
    weights = safetensors.torch.load_file(checkpoint)
    network.load_state_dict({k: v for k, v in weights.items() if not k.startswith("fc.")})
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(network(transform(photo)[None]), dim=1)[0]
    assert vectors.shape == (2, encoder.dimension) == (2, card_of(f"timm:{SMALL}").dimension)
    assert float(vectors[0] @ expected.numpy()) > 0.9995


@pytest.mark.parametrize(
    "options",
    [
        {"crop_pct": 0.875, "interpolation": "bicubic", "crop_mode": "center"},
        {"crop_pct": 1.0, "interpolation": "bilinear", "crop_mode": "squash"},
        {"crop_pct": 1.0, "interpolation": "bicubic", "crop_mode": "border"},
    ],
)
def test_preprocessing_is_timms_own(options: dict[str, object], photo: Image.Image) -> None:
    mean, deviation = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    transform = timm.data.create_transform(96, mean=mean, std=deviation, **options)
    cropping = Cropping(
        side=96,
        resize_pixels=int(96 / float(str(options["crop_pct"]))),
        interpolation=str(options["interpolation"]),
        mean=mean,
        deviation=deviation,
        mode=options["crop_mode"],  # type: ignore[arg-type]
    )
    pixels = torch.from_numpy(cropping.prepare(photo).copy()).permute(2, 0, 1) / 255
    ours = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    grey_levels = (ours - transform(photo)).abs() * torch.tensor(deviation)[:, None, None] * 255
    assert float(grey_levels.mean()) < 1.5


def test_what_a_checkpoint_needs_is_read_beside_it_or_set_by_hand(
    checkpoint: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.safetensors"
    file.write_bytes(checkpoint.read_bytes())
    by_hand = make_encoder(f"timm:{SMALL}", weights=file, mean=0.5, std="0.5,0.5,0.5")
    assert by_hand.preprocessing["mean"] == [0.5, 0.5, 0.5]
    said = {
        "architecture": SMALL,
        "model_args": {"drop_rate": 0.1},
        "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "crop_pct": 0.5},
    }
    file.with_suffix(".json").write_text(json.dumps(said))
    encoder = make_encoder(f"timm:{SMALL}", weights=file)
    assert encoder.preprocessing["mean"] == [0.1, 0.2, 0.3]
    assert encoder.preprocessing["resize"].startswith(f"shorter side to {2 * encoder.input_pixels}")
    assert encoder.settings["arguments"]["drop_rate"] == 0.1
    file.with_suffix(".json").write_text(json.dumps(said | {"architecture": "resnet18"}))
    with pytest.raises(ColdstartError, match=r"weights of 'resnet18'.*timm:resnet18"):
        make_encoder(f"timm:{SMALL}", weights=file)


def test_a_checkpoint_of_another_architecture_is_explained(
    checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(ColdstartError) as caught:
        make_encoder("timm:test_vit", weights=checkpoint)
    said = str(caught.value)
    assert "of another architecture" in said
    assert "'cls_token' is not" in said
    weights = safetensors.torch.load_file(checkpoint)
    weights["conv1.0.weight"] = torch.zeros(1, 3, 3, 3)
    torch.save(weights, tmp_path / "wrong.pth")
    with pytest.raises(ColdstartError, match=r"'conv1\.0\.weight' has shape \(1, 3, 3, 3\)"):
        make_encoder(f"timm:{SMALL}", weights=tmp_path / "wrong.pth")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("timm:test_resnat", {}, "Did you mean test_resnet"),
        ("timm:resnet18.nowhere", {}, "Leave out what follows the dot"),
        (f"timm:{SMALL}", {"padding_kind": "same"}, "cannot build.*padding_kind"),
        (f"timm:{SMALL}", {"mean": "grey"}, "not three numbers"),
    ],
)
def test_wrong_names_and_options_are_sentences(
    checkpoint: Path, name: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ColdstartError, match=words):
        make_encoder(name, weights=checkpoint, **options)


def test_without_a_network_the_hub_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "HF_ENDPOINT"):
        monkeypatch.delenv(proxy, raising=False)
    with pytest.raises(ColdstartError) as caught:
        make_encoder(f"timm:{SMALL}")
    source = card_of(f"timm:{SMALL}").weights
    assert source is not None
    said = str(caught.value)
    for part in ("'folder'", source.command, str(source.cached_file)):
        assert part in said
    # Put where the sentence says, the file is found.
    source.cached_file.parent.mkdir(parents=True)
    source.cached_file.write_bytes(checkpoint.read_bytes())
    assert make_encoder(f"timm:{SMALL}").settings["weights"] == source.cached_file.name


def test_every_card_that_names_a_model_agrees_with_timm() -> None:
    for card in ENCODERS.values():
        if not card.model:
            continue
        cfg = timm.models.get_pretrained_cfg(card.model)
        assert cfg is not None
        assert card.weights is not None
        assert int(card.arguments.get("img_size", cfg.input_size[-1])) == card.input_pixels
        with torch.device("meta"):
            network = timm.create_model(card.model, num_classes=cfg.num_classes or 0)
        assert (cfg.num_classes or network.num_features) == card.dimension
