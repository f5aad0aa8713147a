"""How near is extraction to what the machine allows, and how does it compare with the plain loop?

    python benchmarks/embedding.py [--only dino_resnet50,…] [--images 64] [--rounds 3]

For each encoder, in turns within one run: reading alone, the network alone, both together as
coldstart does it, and the plain loop (Pillow, batches of 32, float32, torch as it comes). Rates are
images per CPU second, which a busy machine does not change; the plain loop runs in one thread, for
more would be charged for waiting. The bound is the smaller of reading alone and the network alone;
where one core does both, the most that can be had is 1 / (1 / reading + 1 / network), printed too.
Weights are random, but for MobileNetV2 where its file is at hand: speed does not depend on them.
Photos are TrashNet's, from the folder named by COLDSTART_DATA, else ../shared/data.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from coldstart.embeddings.encoders import ENCODERS, Encoder, Tunable, card_of, make_encoder
from coldstart.embeddings.encoders.adapted import architecture
from coldstart.embeddings.encoders.network import NetworkEncoder
from coldstart.embeddings.encoders.parallel import map_on_cores, single_threaded
from coldstart.embeddings.engines import ImageToEmbed, encode_here, encode_prepared, prepare_batch
from coldstart.embeddings.measures import neighbour_agreement
from coldstart.images.read import read_image

NAMES = (
    "timm:resnet18",
    "dino_resnet50",
    "dinov2_vits14",
    "vgg16",
    "timm:mobilenetv2_100",
    "dinov2_vitb14",
    "clip_vitb16",
    "siglip_vitb16",
    "folder",
)
NAIVE_BATCH = 32
_LARGE = (3000, 2250)
_REDUCED_IMAGES = 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"comma-separated: {', '.join(NAMES)}")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = Path(os.environ.get("COLDSTART_DATA", Path(__file__).parents[2] / "shared" / "data"))
    paths = sorted((data / "trashnet").glob("*/*.jpg"))
    if not paths:
        print(f"skipped: there are no photos in {data / 'trashnet'} (set COLDSTART_DATA)")
        return 0
    paths = random.Random(0).sample(paths, options.images)
    print(f"{len(paths)} photos of 512×384, {os.cpu_count()} cores, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only.split(",") if options.only else NAMES:
            encoder = _encoder(name, data, Path(scratch))
            encoder.fit(paths)
            _measure(encoder, paths, options.rounds)
        _reduced(paths, Path(scratch), data)
    return 0


def _measure(encoder: Encoder, paths: list[Path], rounds: int) -> None:
    images = [ImageToEmbed(number, str(number), path) for number, path in enumerate(paths)]
    way: dict[str, Any] = {"backend": "eager", "batch_images": encoder.batch_images}
    naive_vectors = _naive(encoder, paths)
    if isinstance(encoder, Tunable):
        pixels = prepare_batch(encoder, images[:8]).pixels
        with single_threaded():
            # As for a pool that is worth the measurement.
            way = encoder.choose(pixels, 1_000_000, os.cpu_count() or 1)
        assert encoder.use(way)
    size = encoder.batch_images
    batches = [images[row : row + size] for row in range(0, len(images), size)]
    prepared = [prepare_batch(encoder, batch) for batch in batches]
    vectors: list[np.ndarray] = []

    def together() -> None:
        vectors[:] = [batch.vectors for batch in encode_here(encoder, batches)]

    jobs: dict[str, Callable[[], object]] = {
        "reading": lambda: list(map_on_cores(lambda one: prepare_batch(encoder, one), batches)),
        "network": lambda: list(map_on_cores(lambda one: encode_prepared(encoder, one), prepared)),
        "coldstart": together,
        "plain loop": lambda: _naive(encoder, paths),
    }
    rates: dict[str, list[float]] = {job: [] for job in jobs}
    for _ in range(rounds):
        for job, work in jobs.items():
            started = time.process_time()
            work()
            rates[job].append(len(paths) / (time.process_time() - started))
    rate = {job: statistics.median(each) for job, each in rates.items()}
    bound = min(rate["reading"], rate["network"])
    both = 1 / (1 / rate["reading"] + 1 / rate["network"])
    cosine = (np.concatenate(vectors) * naive_vectors).sum(1).min()
    print(f"\n{encoder.name}: {way['backend']}, batches of {way['batch_images']}")
    print("  images per CPU second: " + ", ".join(f"{job} {r:.1f}" for job, r in rate.items()))
    print(f"  share of the bound {rate['coldstart'] / bound:.2f} (attainable {both / bound:.2f})")
    print(f"  beside the plain loop {rate['coldstart'] / rate['plain loop']:.2f} times as fast")
    print(f"  least cosine to the plain loop's vectors {cosine:.5f}")


def _naive(encoder: Encoder, paths: list[Path]) -> np.ndarray:
    """What one writes first: open, resize, stack 32, through the network."""
    if not isinstance(encoder, NetworkEncoder):
        return _naive_without_network(encoder, paths)
    cut, vectors = encoder.cropping, []
    mean = torch.tensor(cut.mean)[:, None, None]
    deviation = torch.tensor(cut.deviation)[:, None, None]
    network = encoder.network.to(memory_format=torch.contiguous_format)
    with single_threaded(), torch.inference_mode():
        for row in range(0, len(paths), NAIVE_BATCH):
            images = []
            for path in paths[row : row + NAIVE_BATCH]:
                with Image.open(path) as opened:
                    pixels = torch.from_numpy(cut.prepare(opened.convert("RGB")).copy())
                images.append((pixels.permute(2, 0, 1).float() / 255 - mean) / deviation)
            vectors.append(torch.nn.functional.normalize(network(torch.stack(images)), dim=1))
    return torch.cat(vectors).numpy()


def _naive_without_network(encoder: Encoder, paths: list[Path]) -> np.ndarray:
    """The same loop for an encoder that is no network, with its own preparation and arithmetic."""
    vectors = []
    with single_threaded():
        for row in range(0, len(paths), NAIVE_BATCH):
            images = []
            for path in paths[row : row + NAIVE_BATCH]:
                with Image.open(path) as opened:
                    images.append(encoder.prepare(opened.convert("RGB")))
            vectors.append(encoder.encode(np.stack(images)))
    return np.concatenate(vectors)


def _reduced(paths: list[Path], scratch: Path, data: Path) -> None:
    """Do JPEGs decoded at reduced scale have the same neighbours?"""
    large = []
    for path in paths[:_REDUCED_IMAGES]:
        file = scratch / path.name
        with Image.open(path) as opened:
            size = _LARGE if opened.width >= opened.height else _LARGE[::-1]
            opened.resize(size, Image.Resampling.BICUBIC).save(file, quality=90)
        large.append(file)
    encoder = _encoder("timm:mobilenetv2_100", data, scratch)
    vectors, seconds = [], []
    for at_least in (None, encoder.read_at_least):
        started = time.process_time()
        pixels = [encoder.prepare(read_image(path, at_least=at_least)) for path in large]
        seconds.append(time.process_time() - started)
        vectors.append(np.concatenate([encoder.encode(one[None]) for one in pixels]))
    cosine = (vectors[0] * vectors[1]).sum(1)
    print(f"\nJPEGs of {_LARGE[0]}×{_LARGE[1]} decoded at reduced scale, MobileNetV2:")
    print(f"  reading and resizing {seconds[0] / seconds[1]:.1f} times as fast")
    print(f"  of 5 neighbours {neighbour_agreement(*vectors, neighbours=5):.1%} the same")
    print(f"  cosine to the vector of the whole: median {np.median(cosine):.4f}")


def _encoder(name: str, data: Path, scratch: Path) -> Encoder:
    """With random weights, none where it needs none, or the MobileNetV2 beside the photos."""
    trained = data / "mobilenetv2_100.pth"
    if name == "timm:mobilenetv2_100" and trained.is_file():
        return make_encoder(name, trained, pad_type="same", mean=0.5, std=0.5)
    if name == "folder":
        return make_encoder(name)
    torch.manual_seed(0)
    network, _ = architecture(name, {})
    file = scratch / f"{name.replace(':', '-')}.safetensors"
    safetensors.torch.save_file(
        {key: tensor.contiguous() for key, tensor in network.state_dict().items()}, file
    )
    assert name in ENCODERS or card_of(name).model
    return make_encoder(name, file)


if __name__ == "__main__":
    sys.exit(main())
