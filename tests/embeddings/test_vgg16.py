"""VGG16: torchvision's own network and preprocessing, and sentences for weights that do not fit."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from PIL import Image

from coldstart.embeddings.encoders import ENCODERS, make_encoder
from coldstart.embeddings.encoders import torchvision_vgg16 as module
from coldstart.embeddings.encoders.cropping import IMAGENET_DEVIATION, IMAGENET_MEAN
from coldstart.embeddings.encoders.weights import download_weights, put_weights, read_weights
from coldstart.errors import ColdstartError


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """The whole of torchvision's VGG16 with random weights (quick ones: its own take seconds)."""
    torch.manual_seed(0)
    with torch.device("meta"):
        whole = torchvision.models.vgg16(weights=None)
    whole = whole.to_empty(device="cpu").eval()
    for parameter in whole.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
        with torch.no_grad():
            repeats = parameter.numel() // 100_003 + 1
            values = torch.randn(100_003).repeat(repeats)[: parameter.numel()]
            parameter.copy_(values.view_as(parameter) * (2.0 / fan_in) ** 0.5)
    return whole


def test_vectors_are_torchvisions_second_hidden_layer(
    network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "vgg16.pth"
    file.write_bytes(b"stands for 528 MB")
    monkeypatch.setattr(module, "read_weights", lambda _: dict(network.state_dict()))
    encoder = make_encoder("vgg16", weights=file)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    image = Image.fromarray(pixels).resize((400, 300))
    vectors = encoder.encode(np.stack([encoder.prepare(image)] * 2))
    assert vectors.shape == (2, 4096) == (2, encoder.dimension)
    assert vectors.dtype == np.float32

    preprocess = torchvision.models.VGG16_Weights.IMAGENET1K_V1.transforms()
    seen: list[torch.Tensor] = []
    with torch.inference_mode():
        hook = network.classifier[4].register_forward_hook(lambda *args: seen.append(args[2]))
        network(preprocess(image)[None])
        hook.remove()
    expected = torch.nn.functional.normalize(seen[0], dim=1)[0]
    # Resizing the middle only, not the whole, may differ by a grey level here and there.
    assert float(vectors[0] @ expected.numpy()) > 0.999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert encoder.settings["weights"] == "vgg16.pth"
    assert len(encoder.settings["weights_hash"]) == 64


@pytest.mark.parametrize("size", [(500, 375), (31, 200), (2000, 300), (224, 224)])
def test_the_middle_is_cut_out_as_torchvision_does(size: tuple[int, int]) -> None:
    image = Image.radial_gradient("L").convert("RGB").resize(size)
    preprocess = torchvision.models.VGG16_Weights.IMAGENET1K_V1.transforms()
    expected = preprocess(image) * torch.tensor(IMAGENET_DEVIATION)[:, None, None]
    expected = (expected + torch.tensor(IMAGENET_MEAN)[:, None, None]) * 255
    prepared = module.CROPPING.prepare(image)
    assert np.abs(prepared.transpose(2, 0, 1) - expected.numpy()).mean() < 1.5


def _meta_weights() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return dict(torchvision.models.vgg16(weights=None).state_dict())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classifier.3.weight": None}, r"lack 'classifier\.3\.weight', of shape \(4096, 4096\)"),
        ({"features.0.weight": (64, 1, 3, 3)}, r"'features\.0\.weight' has shape \(64, 1, 3, 3\)"),
        ({"layer4.0.conv1.weight": (1,)}, r"have 'layer4\.0\.conv1\.weight' too many"),
    ],
)
def test_weights_of_another_network_name_the_key(
    change: dict[str, tuple[int, ...] | None], words: str
) -> None:
    weights = _meta_weights()
    for key, shape in change.items():
        if shape is None:
            del weights[key]
        else:
            weights[key] = torch.empty(shape, device="meta")
    with pytest.raises(ColdstartError, match=words):
        put_weights(module.penultimate_vgg16(), weights, Path("mine.pth"), ("classifier.6.",))


def test_a_checkpoint_with_other_classes_fits() -> None:
    weights = _meta_weights()
    weights["classifier.6.weight"] = torch.empty((6, 4096), device="meta")
    put_weights(module.penultimate_vgg16(), weights, Path("mine.pth"), ("classifier.6.",))


def test_weights_are_read_from_both_kinds_of_file(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(2), "b": torch.zeros(1)}
    torch.save({"state_dict": {f"module.{k}": v for k, v in tensors.items()}}, tmp_path / "m.pth")
    safetensors.torch.save_file(tensors, tmp_path / "m.safetensors")
    for name in ("m.pth", "m.safetensors"):
        read = read_weights(tmp_path / name)
        assert {k: v.tolist() for k, v in read.items()} == {"a": [1.0, 1.0], "b": [0.0]}


class Code:
    """What a weights file must not bring to life."""


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.pth", None, "does not exist"),
        ("text.pth", b"hello", "cannot be read as weights|more than weights"),
        ("text.safetensors", b"hello", "cannot be read as weights"),
        ("code.pth", Code(), "more than weights"),
        ("list.pth", [torch.ones(1)], "weights by name"),
    ],
)
def test_a_bad_weights_file_is_a_sentence(
    tmp_path: Path, name: str, content: object, words: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / name)
    with pytest.raises(ColdstartError, match=words):
        read_weights(tmp_path / name)


def test_without_a_network_the_way_round_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(ColdstartError) as caught:
        make_encoder("vgg16")
    said = str(caught.value)
    assert "cannot be downloaded here: no route to host" in said
    target = tmp_path / "hub/checkpoints/vgg16-397923af.pth"
    for part in ("'folder'", "https://", "--weights", str(target)):
        assert part in said
    # Put where the sentence says, the file is found.
    target.write_bytes(b"weights")
    assert download_weights(ENCODERS["vgg16"]) == target


def test_the_card_agrees_with_torchvision_and_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = ENCODERS["vgg16"].weights
    assert weights is not None
    assert weights.url == torchvision.models.VGG16_Weights.IMAGENET1K_V1.url
    assert weights.cached_file.parent == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.setenv("TORCH_HOME", "/elsewhere")
    assert weights.cached_file.parent == Path(torch.hub.get_dir()) / "checkpoints"


def test_unknown_names_and_options_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="no encoder called 'resnet'"):
        make_encoder("resnet")
    with pytest.raises(ColdstartError, match="has no option 'flop'"):
        make_encoder("folder", flop=True)
    with pytest.raises(ColdstartError, match="takes no weights"):
        make_encoder("folder", weights=tmp_path / "x.pth")


def test_cards_say_what_the_encoders_are() -> None:
    folder, card = make_encoder("folder"), ENCODERS["folder"]
    assert (folder.name, folder.dimension) == (card.name, card.dimension)
    assert folder.input_pixels == card.input_pixels
    assert module.CROPPING.side == ENCODERS["vgg16"].input_pixels
    for card in ENCODERS.values():
        assert card.paper
        assert card.licence
        assert card.weights is None or card.weights.url.startswith("https://")


def test_dinos_resnet_is_torchvisions_without_its_classes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = torchvision.models.resnet50(weights=None).eval()
    # As DINO's file is: without the classes, and here without what training alone needs.
    kept = {k: v for k, v in whole.state_dict().items() if not k.startswith("fc.")}
    file = tmp_path / "dino.pth"
    torch.save({k: v for k, v in kept.items() if "num_batches" not in k}, file)
    encoder = make_encoder("dino_resnet50", weights=file)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    scaled = (scaled - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(
        IMAGENET_DEVIATION
    )[:, None, None]
    whole.fc = torch.nn.Identity()
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(whole(scaled), dim=1)
    np.testing.assert_allclose(encoder.encode(pixels), expected.numpy(), atol=1e-5)
    assert encoder.dimension == ENCODERS["dino_resnet50"].dimension
