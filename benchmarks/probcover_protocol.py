"""ProbCover's protocol at a smaller scale: a self-supervised network, then labels from one a class.

    python benchmarks/probcover_protocol.py                 a smoke of the machinery, minutes
    python benchmarks/probcover_protocol.py --full --to DIR the figures of docs/evidence.md; hours,
                                                            goes on where it stopped

SimCLR trains a ResNet-18 from random numbers on half of 10,000 CIFAR-10 images without a label, as
`coldstart simclr` does; strategies ask among those, and a class-balanced linear head on the frozen
network is judged on the other half. The paper trained on 50,000 images for 500 epochs on a GPU, so
the figures are not comparable; the order of the strategies is the question. CIFAR-10 comes from
the folder named by COLDSTART_DATA, else ../shared/data.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from rehearse_data import data_folder  # noqa: E402

from coldstart.rehearsal import run_everything, run_once  # noqa: E402
from coldstart.rehearsal.splits import Split  # noqa: E402

STRATEGIES = (
    "random",
    "typiclust",
    "probcover+delta=paper",
    "probcover",
    "maxherding",
    "kmeans",
    "auto",
    "coreset",
)
PER_CLASS = (1, 2, 5, 10)
RESULT = Path(__file__).parent / "results" / "probcover_protocol.json"
# Per cent, one label a class: Yehuda et al., NeurIPS 2022, semi-supervised head on CIFAR-10.
PUBLISHED = {
    "random": 53.8,
    "coreset": 56.6,
    "typiclust": 93.2,
    "probcover+delta=paper": 94.1,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--to", type=Path, help="where the network and its vectors are kept")
    parser.add_argument("--images", type=int, default=5_000, help="that SimCLR learns from")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--pixels", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    if not options.full:
        options.images, options.epochs, options.repeats = 200, 1, 2
    with tempfile.TemporaryDirectory() as scratch:
        try:
            told = measure(options.to or Path(scratch), options)
        except FileNotFoundError as missing:
            print(f"skipped: {missing} is not there (set COLDSTART_DATA)")
            return 0
    print("\n".join(markdown(told)))
    if options.full:
        RESULT.write_text(json.dumps(told, indent=1) + "\n")
    return 0


def measure(home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train, embed, let every strategy ask, and say how it went, ready for JSON."""
    pool, test = _halves(options.images)
    classes = _class_numbers([*pool, *test])
    vectors, training = _embedded(home, pool, [*pool, *test], options)
    rows = np.arange(len(classes))
    rows_of_pool, rows_of_test = rows[: len(pool)], rows[len(pool) :]
    budgets = [per * len(np.unique(classes)) for per in PER_CLASS]
    accuracy: dict[str, list[list[float]]] = {}
    for strategy in STRATEGIES:
        runs = [
            # The order decides ties and the starts of k-means, as another draw of images would.
            run_once(vectors, classes, Split(number, order, rows_of_test), strategy, budgets)
            for number, order in _orders(rows_of_pool, options.repeats)
        ]
        accuracy[strategy] = [run.accuracy for run in runs]
        print(f"{strategy}: {np.mean(accuracy[strategy], axis=0).round(3)}", flush=True)
    everything = run_everything(vectors, classes, Split(0, rows_of_pool, rows_of_test))
    return {
        "images": len(pool),
        "test_images": len(test),
        "pixels": options.pixels,
        "budgets": budgets,
        "all_labels": everything.accuracy[0],
        "accuracy": accuracy,
        **training,
    }


def _orders(rows: np.ndarray, repeats: int) -> list[tuple[int, np.ndarray]]:
    return [(number, np.random.default_rng(number).permutation(rows)) for number in range(repeats)]


def _halves(most: int) -> tuple[list[Path], list[Path]]:
    """Files to learn from and files to judge by, half of every class each."""
    root = data_folder() / "cifar10"
    if not root.is_dir():
        raise FileNotFoundError(root)
    generator = np.random.default_rng(0)
    pool: list[Path] = []
    test: list[Path] = []
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    for folder in folders:
        files = sorted(folder.glob("*.jpg"))
        files = [files[number] for number in generator.permutation(len(files))]
        count = min(len(files) // 2, most // len(folders))
        pool += files[:count]
        test += files[count : 2 * count]
    return pool, test


def _class_numbers(files: Sequence[Path]) -> np.ndarray:
    return np.unique([file.parent.name for file in files], return_inverse=True)[1]


def _embedded(
    home: Path, learned_from: Sequence[Path], files: Sequence[Path], options: argparse.Namespace
) -> tuple[np.ndarray, dict[str, Any]]:
    import torch

    from coldstart.embeddings.encoders import make_encoder
    from coldstart.embeddings.encoders.adapted import trainable
    from coldstart.embeddings.simclr import SimclrSettings, train_simclr
    from coldstart.images.read import read_image

    torch.set_num_threads(1)
    start = trainable("timm:resnet18", pixels=options.pixels, from_scratch=True)
    settings = SimclrSettings(epochs=options.epochs, patience=1_000)
    result = train_simclr(start, learned_from, home / "simclr", settings, progress=_say)
    encoder = make_encoder("simclr", weights=result.weights)
    batches = []
    for at in range(0, len(files), 64):
        images = [encoder.prepare(read_image(file)) for file in files[at : at + 64]]
        batches.append(encoder.encode(np.stack(images)))
    vectors = np.concatenate(batches).astype(np.float32)
    last = result.history[-1]
    return vectors, {
        "epochs": last.epoch,
        "best_epoch": result.best_epoch,
        "consistency": [round(one.consistency, 4) for one in result.history],
        "loss": last.loss,
    }


def _say(done: int, total: int | None, what: str) -> None:
    if total and done % 20 == 0:
        print(f"{done}/{total} {what}", flush=True)


def markdown(told: dict[str, Any]) -> Iterable[str]:
    """The part of docs/evidence.md on the stored result."""
    yield "## ProbCover's protocol, at a smaller scale"
    yield ""
    yield f"CIFAR-10: SimCLR (ResNet-18 from random numbers, {told['pixels']} pixels) learned from"
    yield f"{told['images']:,} images without labels for {told['epochs']} epochs on a CPU; the"
    yield "paper takes 50,000 and 500 epochs on a GPU. Strategies ask among those images, and the"
    yield f"head on the frozen network is judged on {told['test_images']:,} others. With all labels"
    yield f"it is right in {100 * told['all_labels']:.1f}%. Accuracy in %, then its deviation over"
    yield "orders of the pool; last, what the paper printed for one label a class with a"
    yield "semi-supervised head. Made by `benchmarks/probcover_protocol.py --full`."
    yield ""
    yield "| labels | " + " | ".join(map(str, told["budgets"])) + " | published, 10 labels |"
    yield "| --- |" + " --- |" * (len(told["budgets"]) + 1)
    for strategy, runs in sorted(told["accuracy"].items(), key=lambda one: -np.mean(one[1])):
        cells = " | ".join(_mean_and_spread(runs))
        published = f"{PUBLISHED[strategy]:.1f}" if strategy in PUBLISHED else ""
        yield f"| {strategy} | {cells} | {published} |"
    yield ""


def _mean_and_spread(runs: list[list[float]]) -> list[str]:
    means, spreads = 100 * np.mean(runs, axis=0), 100 * np.std(runs, axis=0)
    return [f"{mean:.1f} ({spread:.1f})" for mean, spread in zip(means, spreads)]


if __name__ == "__main__":
    sys.exit(main())
