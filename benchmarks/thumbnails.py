"""How near is making thumbnails to the speed at which the images can be decoded at all?

    python benchmarks/thumbnails.py [--images 600] [--rounds 3]

On photos of TrashNet (512 × 384) and the same enlarged to 12 megapixels, in turns within one run:

    decoding alone   each file decoded at the scale the thumbnail needs, and thrown away
    thumbnails       coldstart's own: decoded, shrunk, written as JPEG, one process for each core
    the plain way    Pillow's `Image.thumbnail` and `save`, one file after another in one process

Rates are images per CPU second, workers included, which a busy machine does not change, and images
per second by the clock, which it does. The start of the worker processes is measured apart, and
left out of the first. Photos come from the folder named by COLDSTART_DATA, else ../shared/data.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from PIL import Image

from coldstart.images.check import usable_cores
from coldstart.images.read import read_image
from coldstart.images.thumbnail import JPEG_QUALITY, THUMBNAIL_PIXELS
from coldstart.images.thumbnails import make_thumbnails
from coldstart.images.workers import map_in_processes

_CHUNK = 32
_LARGE = (4000, 3000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = Path(os.environ.get("COLDSTART_DATA", Path(__file__).parents[2] / "shared" / "data"))
    photos = sorted((data / "trashnet").glob("*/*.jpg"))
    if not photos:
        print(f"skipped: there are no photos in {data / 'trashnet'} (set COLDSTART_DATA)")
        return 0
    chosen = random.Random(0).sample(photos, min(options.images, len(photos)))
    print(f"{usable_cores()} cores")
    with tempfile.TemporaryDirectory() as scratch:
        compare("photos of 512 × 384", chosen, Path(scratch), options.rounds)
        large = [enlarged(path, Path(scratch)) for path in chosen[: max(8, len(chosen) // 8)]]
        compare("photos of 4000 × 3000", large, Path(scratch), options.rounds)
    return 0


def compare(what: str, paths: list[Path], scratch: Path, rounds: int) -> None:
    target = scratch / "thumbnails"
    pairs = [(path, target / f"{number}.jpg") for number, path in enumerate(paths)]
    # By its own name, under which the workers can import it; here it is called __main__.
    own = import_module(Path(__file__).stem)
    ways: dict[str, Callable[[], object]] = {
        "decoding alone": lambda: on_all_cores(own.decode, paths),
        "thumbnails": lambda: list(make_thumbnails(pairs)),
        "the plain way": lambda: plain(pairs),
    }
    idle = on_all_cores_cost(lambda: on_all_cores(own.nothing, paths))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            cpu, wall = on_all_cores_cost(way)
            if name != "the plain way":
                cpu -= idle[0]
            found[name].append((len(paths) / cpu, len(paths) / wall))
    rates = {name: statistics.median(one for one, _ in each) for name, each in found.items()}
    clock = {name: statistics.median(two for _, two in each) for name, each in found.items()}
    print(f"\n{len(paths)} {what} (starting the workers: {idle[0]:.2f} CPU s, left out)")
    for name in ways:
        words = f"  {name:16}{rates[name]:8.0f} images/CPU s{clock[name]:8.0f} images/s"
        words += f"   {rates[name] / rates['decoding alone']:.2f} of decoding"
        print(f"{words}, {rates[name] / rates['the plain way']:.2f} of the plain way", flush=True)


def on_all_cores_cost(way: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds, of workers that have ended too, and seconds by the clock."""
    before, started = cpu_seconds(), time.perf_counter()
    way()
    return cpu_seconds() - before, time.perf_counter() - started


def cpu_seconds() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total


def on_all_cores(function: Callable[[list[Path]], int], paths: list[Path]) -> int:
    chunks: Iterable[list[Path]] = (
        paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)
    )
    return sum(map_in_processes(function, chunks, usable_cores(), function))


def decode(paths: list[Path]) -> int:
    return sum(read_image(path, at_least=THUMBNAIL_PIXELS).width > 0 for path in paths)


def nothing(paths: list[Path]) -> int:
    """What a worker costs before it has done anything: its start and its imports."""
    return len(paths)


def plain(pairs: list[tuple[Path, Path]]) -> None:
    for path, target in pairs:
        with Image.open(path) as image:
            small = image.convert("RGB")
            small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            small.save(target, "JPEG", quality=JPEG_QUALITY)


def enlarged(path: Path, scratch: Path) -> Path:
    file = scratch / path.name
    with Image.open(path) as image:
        size = _LARGE if image.width >= image.height else _LARGE[::-1]
        image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file


if __name__ == "__main__":
    sys.exit(main())
