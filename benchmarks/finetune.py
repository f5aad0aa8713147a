"""Fine-tuning beside the probe: is it worth its time on a CPU?

600 photos of TrashNet; 200 drawn at random are labelled from the truth, 400 stay hidden and judge.
The network is MobileNetV2 with ImageNet weights. Prints accuracy on the hidden photos, class by
class alike too, and seconds. Missing photos are said so.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from real_vectors import data_folder
from sklearn.metrics import balanced_accuracy_score

from coldstart.embeddings.encoders.adapted import Trainable, trainable
from coldstart.training.finetune import FinetuneSettings, finetune
from coldstart.training.finetune_network import run_on_files
from coldstart.training.intervals import clopper_pearson
from coldstart.training.network_files import load_network
from coldstart.training.probe import fit_probe

ENCODER = "timm:mobilenetv2_100"
OPTIONS = {"pad_type": "same", "mean": 0.5, "std": 0.5}
PHOTOS, LABELS = 600, 200


def photos(seed: int) -> tuple[list[Path], np.ndarray]:
    """600 files in a random order, and the true class of each."""
    files = sorted((data_folder() / "trashnet").rglob("*.jpg"))
    order = np.random.default_rng(seed).permutation(len(files))[:PHOTOS]
    chosen = [files[row] for row in order]
    return chosen, np.array([file.parent.name for file in chosen])


def network(pixels: int) -> Trainable:
    start = trainable(ENCODER, data_folder() / "mobilenetv2_100.pth", dict(OPTIONS), pixels=pixels)
    assert start.cropping.side == pixels
    return start


def by_probe(files: list[Path], truth: np.ndarray, pixels: int) -> np.ndarray:
    import torch

    start = network(pixels)
    model = start.network.eval()
    parts = run_on_files(model, files, start.cropping, torch.device("cpu"))
    vectors = np.concatenate([part for part, _ in parts])
    probe = fit_probe(vectors[:LABELS], truth[:LABELS].tolist())
    said = probe.predict(vectors[LABELS:]).class_indices
    return np.array(probe.class_names, dtype=object)[said]


def by_network(
    files: list[Path], truth: np.ndarray, pixels: int, blocks: int, epochs: int, settings: dict
) -> tuple[np.ndarray, str]:
    import torch

    start = network(pixels)
    chosen = FinetuneSettings(ENCODER, blocks=blocks, epochs=epochs, **settings)
    with tempfile.TemporaryDirectory() as directory:
        result = finetune(start, files[:LABELS], truth[:LABELS].tolist(), Path(directory), chosen)
        kept = load_network(result.weights)
    parts = run_on_files(kept.network, files[LABELS:], kept.cropping, torch.device("cpu"))
    said = np.concatenate([part for part, _ in parts]).argmax(axis=1)
    passed = f"{result.best_epoch} of {len(result.history) - 1}"
    return np.array(kept.class_names, dtype=object)[said], passed


def line(name: str, said: np.ndarray, truth: np.ndarray, seconds: float, epochs: str) -> str:
    right = int((said == truth).sum())
    low, high = clopper_pearson(right, len(truth))
    alike = balanced_accuracy_score(truth, said)
    return (
        f"| {name} | {right / len(truth):.1%} ({low:.0%} – {high:.0%}) | {alike:.1%} | {epochs} | "
        f"{seconds:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="draws of photos and labels")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument(
        "--runs", default="160:4,160:0,224:0", help="pixels:blocks, comma-separated; 0 blocks: all"
    )
    parser.add_argument("--set", action="append", default=[], help="a setting, key=number")
    options = parser.parse_args()
    if not (data_folder() / "trashnet").is_dir():
        print(f"skipped: {data_folder()} is not there (set COLDSTART_DATA)")
        return
    settings = {key: float(value) for key, _, value in (one.partition("=") for one in options.set)}
    settings |= {key: int(settings[key]) for key in ("batch_images", "patience") if key in settings}
    print("| | right | every class alike | best epoch | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for seed in range(options.seeds):
        files, truth = photos(seed)
        hidden = truth[LABELS:]
        for pixels in sorted(
            {224, *(int(run.partition(":")[0]) for run in options.runs.split(","))}
        ):
            started = time.monotonic()
            said = by_probe(files, truth, pixels)
            name = f"probe, {pixels} px"
            print(line(name, said, hidden, time.monotonic() - started, ""), flush=True)
        for run in options.runs.split(","):
            pixels, blocks = (int(part) for part in run.split(":"))
            started = time.monotonic()
            said, epochs = by_network(files, truth, pixels, blocks, options.epochs, settings)
            name = f"{'all blocks' if blocks == 0 else f'last {blocks} blocks'}, {pixels} px"
            print(line(name, said, hidden, time.monotonic() - started, epochs), flush=True)


if __name__ == "__main__":
    main()
