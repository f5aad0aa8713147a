"""The data sets of `rehearse.py`: images, true classes and frozen vectors, computed once and kept.

The photos of TrashNet and CIFAR-10 and the MobileNetV2 weights come from the folder named by
COLDSTART_DATA, else ../shared/data beside the repository.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CIFAR_IMAGES = 3_000
COMPONENTS = 256
PIXELS_SIDE = 32
# How large an image of each data set is shown to MobileNetV2, in pixels.
SIDES = {"trashnet": 224, "cifar10": 96, "digits": 96}
DATA_SETS = ("digits", "trashnet", "cifar10")
ENCODERS = {
    "digits": ("folder", "pixels"),
    "trashnet": ("folder", "mobilenetv2"),
    "cifar10": ("folder", "mobilenetv2"),
}
# Good and bad ones on purpose: do the measures that need no label tell them apart?
MORE_ENCODERS = {
    "digits": ("mobilenetv2", "mobilenetv2-early", "untrained"),
    "trashnet": ("pixels", "mobilenetv2-early", "untrained"),
    "cifar10": ("pixels", "mobilenetv2-early", "untrained"),
}


@dataclass(frozen=True)
class DataSet:
    """``vectors`` (n, d) float32 unit rows, ``classes`` (n,) of names, ``names`` of the images."""

    name: str
    encoder: str
    vectors: np.ndarray
    classes: np.ndarray
    names: list[str]


def data_folder() -> Path:
    """Where the photos and the weights are looked for."""
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("COLDSTART_DATA", beside_repository))


def load(name: str, encoder: str, cache: Path) -> DataSet:
    """The vectors of one data set, from ``cache`` or computed and put there.

    Raises FileNotFoundError naming what is not there.
    """
    file = cache / f"{name}-{encoder}.npz"
    if not file.exists():
        vectors, classes, names = _compute(name, encoder)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, suffix=".npz", delete=False) as part:
            np.savez(part, vectors=vectors, classes=classes, names=np.array(names))
        os.replace(part.name, file)
    kept = np.load(file)
    return DataSet(name, encoder, kept["vectors"], kept["classes"], kept["names"].tolist())


def _compute(name: str, encoder: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    with tempfile.TemporaryDirectory() as scratch:
        paths, classes = _images(name, Path(scratch))
        if encoder == "pixels":
            vectors = _pixels(paths)
        elif encoder == "folder":
            vectors = _folder(paths, flip=name != "digits")
        else:
            vectors = _principal(_mobilenet(paths, SIDES[name], encoder))
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    if name == "digits":
        names = [path.name for path in paths]
    vectors = vectors.astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors, classes, names


def _images(name: str, scratch: Path) -> tuple[list[Path], np.ndarray]:
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if name == "digits":
        digits = load_digits()
        paths = [scratch / f"{i:04}.png" for i in range(len(digits.images))]
        for path, image in zip(paths, digits.images):
            Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8)).save(path)
        return paths, digits.target.astype(str)
    root = data_folder() / name
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not there (set COLDSTART_DATA)")
    paths = sorted(p for p in root.glob("*/*") if p.suffix == ".jpg")
    classes = np.array([path.parent.name for path in paths])
    if name == "cifar10":
        chosen, _ = train_test_split(
            np.arange(len(paths)), train_size=CIFAR_IMAGES, stratify=classes, random_state=0
        )
        return [paths[i] for i in chosen], classes[chosen]
    return paths, classes


def _pixels(paths: list[Path]) -> np.ndarray:
    from PIL import Image

    def small(path: Path) -> np.ndarray:
        image = Image.open(path)
        if max(image.size) > PIXELS_SIDE:
            image = image.resize((PIXELS_SIDE, PIXELS_SIDE), Image.Resampling.BOX)
        return np.asarray(image, dtype=np.float32).ravel()

    rows = np.stack([small(path) for path in paths])
    return rows - rows.mean(axis=0)


def _folder(paths: list[Path], *, flip: bool) -> np.ndarray:
    from coldstart.embeddings.encoders.folder import SIDE_PIXELS, FolderEncoder
    from coldstart.images.read import read_image

    encoder = FolderEncoder(flip=flip)
    encoder.fit(paths)
    batches = []
    for start in range(0, len(paths), encoder.batch_images):
        batch = paths[start : start + encoder.batch_images]
        images = [encoder.prepare(read_image(p, at_least=2 * SIDE_PIXELS)) for p in batch]
        batches.append(encoder.encode(np.stack(images)))
    return np.concatenate(batches)


def _principal(vectors: np.ndarray) -> np.ndarray:
    """Unit rows turned onto their first 256 principal directions: nearly the same distances, for
    a fifth of the work."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    _, _, directions = np.linalg.svd(unit, full_matrices=False)
    return unit @ directions[:COMPONENTS].T


def _mobilenet(paths: list[Path], side: int, encoder: str) -> np.ndarray:
    """The network's vectors, those of its third block (``-early``), or those of random weights."""
    import timm
    import torch

    from coldstart.images.read import read_image

    weights = data_folder() / "mobilenetv2_100.pth"
    if not weights.exists():
        raise FileNotFoundError(f"{weights} is not there (set COLDSTART_DATA)")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = timm.create_model("mobilenetv2_100", num_classes=1001, pad_type="same")
    if encoder != "untrained":
        net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    net.reset_classifier(0)
    if encoder == "mobilenetv2-early":
        first = [net.conv_stem, net.bn1, *list(net.blocks)[:3]]
        pool = torch.nn.AdaptiveAvgPool2d(2)
        net = torch.nn.Sequential(*first, pool, torch.nn.Flatten())
    net.eval()
    batches = []
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            images = [read_image(p).convert("RGB") for p in paths[start : start + 32]]
            images = [image.resize((side, side), 2) for image in images]
            pixels = np.stack([np.asarray(image, dtype=np.float32) for image in images])
            batch = torch.from_numpy((pixels - 127.5) / 127.5).permute(0, 3, 1, 2)
            batches.append(net(batch).numpy())
    return np.concatenate(batches)
