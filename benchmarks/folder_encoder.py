"""Does the `folder` encoder reach its reference figures, and what does it cost?

    python benchmarks/folder_encoder.py [--only digits,trashnet,cifar10]

Beside it runs its peer that needs no download either: pixels reduced by PCA. The photos of TrashNet
and CIFAR-10 come from the folder named by COLDSTART_DATA, else ../shared/data; where they are
missing the script says so. Exits 1 when a figure is more than two points below the reference one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split

from coldstart.embeddings.encoders.folder import SIDE_PIXELS, FolderEncoder
from coldstart.embeddings.encoders.parallel import map_on_cores
from coldstart.images.read import read_image

TOLERANCE = 0.02
SPLITS = 5
CIFAR_IMAGES = 3_000
MEASURES = ("1-NN, leave one out", "probe, 75/25", "probe, 10 labels a class")


@dataclass(frozen=True)
class Case:
    """One folder of images with its classes, and the reference figures of `MEASURES`."""

    load: Callable[[Path], tuple[list[Path], np.ndarray]]
    flip: bool
    reference_pixels: tuple[float, float, float]
    reference_folder: tuple[float, float, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="comma-separated: digits, trashnet, cifar10")
    wanted = parser.parse_args().only
    names = wanted.split(",") if wanted else list(CASES)
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            case = CASES[name]
            try:
                paths, classes = case.load(Path(scratch))
            except FileNotFoundError as missing:
                print(f"{name}: skipped, {missing} is not there (set COLDSTART_DATA).")
                continue
            failures += _report(name, case, paths, classes)
    return 1 if failures else 0


def _report(name: str, case: Case, paths: list[Path], classes: np.ndarray) -> int:
    """Print one table; returns how many figures are too low."""
    encoder = FolderEncoder(flip=case.flip)
    vectors, fit_s, encode_s, cpu_s = _fit_and_encode(encoder, paths)
    pixels = np.stack(list(map_on_cores(lambda p: encoder.prepare(read_image(p)), paths)))
    rows = [
        ("pixels + PCA", measure(_pixels_pca(pixels), classes), case.reference_pixels),
        ("folder", measure(vectors, classes), case.reference_folder),
    ]
    print(f"\n{name}: {len(paths):,} images, {len(set(classes))} classes")
    print(f"{'':14}" + "".join(f"{measured:>34}" for measured in MEASURES))
    for label, figures, reference in rows:
        cells = (f"{f:.3f} (reference {p:.3f}, {f - p:+.3f})" for f, p in zip(figures, reference))
        print(f"{label:14}" + "".join(f"{cell:>34}" for cell in cells))
    print(
        f"fit {fit_s:.1f} s, encode {encode_s:.1f} s = {len(paths) / encode_s:.0f} images/s; "
        f"{cpu_s / len(paths) * 1000:.0f} CPU seconds per 1,000 images, fit included",
        flush=True,
    )
    return sum(f < p - TOLERANCE for f, p in zip(rows[1][1], case.reference_folder))


def _fit_and_encode(
    encoder: FolderEncoder, paths: Sequence[Path]
) -> tuple[np.ndarray, float, float, float]:
    """Vectors, seconds to fit, seconds to encode, CPU seconds of both."""

    def encode(batch: Sequence[Path]) -> np.ndarray:
        images = [encoder.prepare(read_image(p, at_least=2 * SIDE_PIXELS)) for p in batch]
        return encoder.encode(np.stack(images))

    cpu_before, started = time.process_time(), time.perf_counter()
    encoder.fit(paths)
    fitted = time.perf_counter()
    size = encoder.batch_images
    batches = (paths[row : row + size] for row in range(0, len(paths), size))
    vectors = np.concatenate(list(map_on_cores(encode, batches)))
    encode_s = time.perf_counter() - fitted
    return vectors, fitted - started, encode_s, time.process_time() - cpu_before


def measure(vectors: np.ndarray, classes: np.ndarray) -> tuple[float, float, float]:
    """The figures of `MEASURES` for unit vectors (n, d) and their classes (n,)."""
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    nearest = float((classes[similarities.argmax(1)] == classes).mean())
    quarter = StratifiedShuffleSplit(SPLITS, test_size=0.25, random_state=0)
    probe = _mean_accuracy(vectors, classes, quarter.split(vectors, classes))
    few = _mean_accuracy(vectors, classes, _ten_a_class(classes))
    return nearest, probe, few


def _mean_accuracy(
    vectors: np.ndarray, classes: np.ndarray, splits: Iterator[tuple[np.ndarray, np.ndarray]]
) -> float:
    accuracies = []
    for train, test in splits:
        probe = LogisticRegression(C=10.0, class_weight="balanced", max_iter=3_000)
        probe.fit(vectors[train], classes[train])
        accuracies.append(probe.score(vectors[test], classes[test]))
    return float(np.mean(accuracies))


def _ten_a_class(classes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    for _ in range(SPLITS):
        train = np.concatenate(
            [random.choice(np.flatnonzero(classes == c), 10, replace=False) for c in set(classes)]
        )
        yield train, np.setdiff1d(np.arange(len(classes)), train)


def _pixels_pca(pixels: np.ndarray) -> np.ndarray:
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255.0
    reduced = PCA(min(128, len(flat) - 1), svd_solver="randomized", random_state=0)
    vectors = reduced.fit_transform(flat)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _digits(scratch: Path) -> tuple[list[Path], np.ndarray]:
    digits = load_digits()
    paths = [scratch / f"{i:04}.png" for i in range(len(digits.images))]
    for path, image in zip(paths, digits.images):
        Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8)).save(path)
    return paths, digits.target


def _class_folders(name: str) -> tuple[list[Path], np.ndarray]:
    beside_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("COLDSTART_DATA", beside_repository)) / name
    if not root.is_dir():
        raise FileNotFoundError(root)
    paths = sorted(p for p in root.glob("*/*") if p.suffix == ".jpg")
    return paths, np.array([path.parent.name for path in paths])


def _trashnet(_: Path) -> tuple[list[Path], np.ndarray]:
    return _class_folders("trashnet")


def _cifar10(_: Path) -> tuple[list[Path], np.ndarray]:
    paths, classes = _class_folders("cifar10")
    chosen, _ = train_test_split(
        np.arange(len(paths)), train_size=CIFAR_IMAGES, stratify=classes, random_state=0
    )
    return [paths[i] for i in chosen], classes[chosen]


CASES = {
    "digits": Case(_digits, False, (0.985, 0.967, 0.900), (0.986, 0.993, 0.946)),
    "trashnet": Case(_trashnet, True, (0.585, 0.492, 0.329), (0.882, 0.787, 0.534)),
    "cifar10": Case(_cifar10, True, (0.311, 0.339, 0.222), (0.459, 0.592, 0.384)),
}

if __name__ == "__main__":
    sys.exit(main())
