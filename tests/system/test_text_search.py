"""CLIP through its two libraries: pictures by timm and words by open_clip are of one space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import safetensors.torch
import torch
from PIL import Image

from coldstart.embeddings.encoders import make_encoder
from coldstart.embeddings.matrix import EmbeddingSet, write_set
from coldstart.embeddings.text import can_encode_text, encode_text, why_no_text
from coldstart.errors import ColdstartError


def test_one_file_of_weights_gives_open_clips_pictures_and_words(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-16-quickgelu", pretrained=None).eval()
    file = tmp_path / "clip.safetensors"
    safetensors.torch.save_file({k: v.contiguous() for k, v in model.state_dict().items()}, file)

    encoder = make_encoder("clip_vitb16", weights=file)
    photo = Image.radial_gradient("L").convert("RGB").resize((300, 260))
    pixels = encoder.prepare(photo)
    vectors = encoder.encode(pixels[None])
    images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255.0
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN)[:, None, None]
    deviation = torch.tensor(open_clip.OPENAI_DATASET_STD)[:, None, None]
    with torch.inference_mode():
        expected = model.encode_image((images - mean) / deviation, normalize=True)
        words = model.encode_text(open_clip.tokenize(["a dog", "a cat"]), normalize=True)
    assert float(vectors[0] @ expected[0].numpy()) > 0.9999

    one = _set(tmp_path / "clip", vectors, encoder="clip_vitb16", weights_file=str(file))
    assert can_encode_text(one)
    encoded = encode_text(one, ["a dog", "a cat"])
    np.testing.assert_allclose(encoded, words.numpy(), atol=1e-5)
    assert encode_text(one, []).shape == (0, 512)

    file.unlink()
    gone = _set(tmp_path / "gone", vectors, encoder="clip_vitb16", weights_file=str(file))
    assert "no longer on this machine" in why_no_text(gone)


def test_a_set_without_words_says_which_have_them(tmp_path: Path) -> None:
    one = _set(tmp_path / "folder", np.eye(3, dtype=np.float32), encoder="folder")
    assert "clip_vitb16" in why_no_text(one)
    with pytest.raises(ColdstartError, match="knows no words"):
        encode_text(one, ["a dog"])


def _set(directory: Path, vectors: np.ndarray, **meta: str) -> EmbeddingSet:
    count = len(vectors)
    hashes = [str(row) for row in range(count)]
    return write_set(directory, [vectors], vectors.shape[1], range(count), hashes, meta)
