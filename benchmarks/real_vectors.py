"""Embeddings of real images with known classes, for the benchmarks that need nothing else.

digits ships with scikit-learn. TrashNet and CIFAR-10 come from the folder named by COLDSTART_DATA,
else ../shared/data, and are encoded once by the MobileNetV2 checkpoint that lies there; the vectors
are kept in the system's temporary folder.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

CIFAR_EVERY = 4


def data_folder() -> Path:
    """Where the photos are looked for."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("COLDSTART_DATA", beside))


def real_vectors(name: str) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) float32 unit vectors and the (n,) class names of digits, trashnet or cifar10.

    Raises FileNotFoundError when the photos or the checkpoint are missing.
    """
    if name == "digits":
        from sklearn.datasets import load_digits

        pixels, digit = load_digits(return_X_y=True)
        vectors, names = pixels - pixels.mean(axis=0), digit.astype(str)
    else:
        vectors, names = _encoded(name, {"trashnet": 224, "cifar10": 96}[name])
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit.astype(np.float32), names.astype(object)


def _encoded(name: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    folder, checkpoint = data_folder() / name, data_folder() / "mobilenetv2_100.pth"
    for needed in (folder, checkpoint):
        if not needed.exists():
            raise FileNotFoundError(needed)
    kept = Path(tempfile.gettempdir()) / f"coldstart-benchmark-{name}-{side}.npz"
    if kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            return arrays["vectors"], arrays["names"]
    files = sorted(folder.rglob("*.jpg"))[:: CIFAR_EVERY if name == "cifar10" else 1]
    vectors = _mobilenet(files, checkpoint, side)
    names = np.array([file.parent.name for file in files])
    np.savez(kept, vectors=vectors, names=names)
    return vectors, names


def _mobilenet(files: list[Path], checkpoint: Path, side: int) -> np.ndarray:
    import timm
    import torch
    from PIL import Image

    network = timm.create_model("mobilenetv2_100", num_classes=1001, pad_type="same")
    network.load_state_dict(torch.load(checkpoint, weights_only=True))
    network.reset_classifier(0)
    network.eval()
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(files), 32):
            block = [
                np.asarray(Image.open(file).convert("RGB").resize((side, side)))
                for file in files[start : start + 32]
            ]
            pixels = torch.from_numpy(np.stack(block)).permute(0, 3, 1, 2).float()
            vectors.append(network((pixels - 127.5) / 127.5).numpy())
    return np.concatenate(vectors)
