"""What selection costs, beside its peers in the same run: CPU seconds and added memory.

    python benchmarks/selection.py                  # every comparison, a few minutes
    python benchmarks/selection.py graph coreset    # some of them
    python benchmarks/selection.py --scale 0.2      # the same with a fifth of the images
    python benchmarks/selection.py --no-peers       # ours alone

Every line runs in a process of its own with one BLAS thread (``--threads 2`` for two), after a
warm-up on a small pool, so that imports and the reading of compiled kernels are not counted.
Vectors are synthetic: 100 clusters in 64 dimensions of falling variance, turned into d columns
with a little noise, as unit vectors.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

D = 512
Work = Callable[[np.ndarray, float, int], Any]


def vectors(n: int, d: int = D) -> np.ndarray:
    """(n, d) float32 unit rows."""
    generator = np.random.default_rng(0)
    turn = generator.normal(size=(64, d)).astype(np.float32) / 8
    middles = generator.normal(size=(100, 64)).astype(np.float32)
    inner = generator.normal(size=(n, 64)).astype(np.float32)
    inner *= np.linspace(1.5, 0.2, 64, dtype=np.float32)
    inner += middles[generator.integers(0, 100, n)]
    rows = inner @ turn + 0.35 * generator.normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def radius(unit: np.ndarray, degree: int) -> float:
    """The radius at which an image has about so many neighbours."""
    from coldstart.selection.coverage import distance_quantiles

    return float(distance_quantiles(unit, [degree / len(unit)], pairs=400_000)[0])


def ours(name: str, **settings: Any) -> Work:
    def run(unit: np.ndarray, delta: float, budget: int) -> Any:
        from coldstart.selection import Pool, make_strategy

        given = {"delta": delta} if name == "probcover" else {}
        return make_strategy(name, **given, **settings).select(Pool(unit), budget)

    return run


def peer(name: str) -> Work:
    def run(unit: np.ndarray, delta: float, budget: int) -> Any:
        import warnings

        import skactiveml.pool as peers

        warnings.simplefilter("ignore")
        given = {"deltas": [delta]} if name == "ProbCover" else {}
        strategy = getattr(peers, name)(random_state=0, **given)
        return strategy.query(unit, np.full(len(unit), np.nan), batch_size=budget)

    return run


def official(unit: np.ndarray, delta: float, budget: int) -> list[int]:
    """The published ProbCover on the CPU: an edge list, scanned whole for every pick."""
    first, second = [], []
    for start in range(0, len(unit), 500):
        near = 2 - 2 * (unit[start : start + 500] @ unit.T) < delta**2
        row, column = np.nonzero(near)
        first.append(row + start)
        second.append(column)
    x, y = np.concatenate(first), np.concatenate(second)
    picks = []
    for _ in range(budget):
        pick = int(np.argmax(np.bincount(x, minlength=len(unit))))
        picks.append(pick)
        keep = ~np.isin(y, y[x == pick])
        x, y = x[keep], y[keep]
    return picks


def graph(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection.neighbours import radius_graph

    return radius_graph(unit, delta, threads=int(os.environ["OMP_NUM_THREADS"]))


def approximate(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection.approximate import approximate_graph

    found = approximate_graph(unit, delta, threads=int(os.environ["OMP_NUM_THREADS"]))
    print(f"measured recall {found.recall:.4f}", file=sys.stderr)
    return found


def plain_graph(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection.neighbours import radius_graph

    return radius_graph(unit, delta, threads=int(os.environ["OMP_NUM_THREADS"]), prune=False)


def product(unit: np.ndarray, delta: float, budget: int) -> None:
    """The symmetric matrix product alone, n² d operations: the floor of a graph without pruning."""
    for start in range(0, len(unit), 1024):
        for other in range(start, len(unit), 1024):
            _ = unit[start : start + 1024] @ unit[other : other + 1024].T


def kernel_pass(unit: np.ndarray, delta: float, budget: int) -> float:
    """exp(-d²) of every pair, once, summed: one pass of the MaxHerding kernel."""
    total = 0.0
    for start in range(0, len(unit), 1024):
        for other in range(0, len(unit), 1024):
            tile = unit[start : start + 1024] @ unit[other : other + 1024].T
            tile -= 1
            tile *= 2
            total += float(np.exp(tile, out=tile).sum())
    return total


_KEPT: dict[str, Any] = {}


def greedy(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection import ProbCover

    return ProbCover(delta=delta).select(_KEPT["pool"], budget)


# name: (what it shows, images, neighbours an image has, picks, [(label, work, is a peer)])
COMPARISONS: dict[str, tuple[str, int, int, int, list[tuple[str, Work, bool]]]] = {
    "probcover": (
        "ProbCover against scikit-activeml",
        20_000,
        50,
        100,
        [
            ("coldstart", ours("probcover"), False),
            ("official algorithm", official, True),
            ("scikit-activeml", peer("ProbCover"), True),
        ],
    ),
    "probcover-large": (
        "ProbCover against the official algorithm",
        50_000,
        50,
        100,
        [("coldstart", ours("probcover"), False), ("official algorithm", official, True)],
    ),
    "graph": (
        "Exact graph against the symmetric matrix product",
        50_000,
        50,
        0,
        [
            ("coldstart, pruned if that helps", graph, False),
            ("coldstart, not pruned", plain_graph, False),
            ("matrix product alone", product, True),
        ],
    ),
    "approximate": (
        "Approximate graph against the symmetric matrix product",
        200_000,
        50,
        0,
        [
            ("coldstart, approximate", approximate, False),
            ("matrix product alone", product, True),
        ],
    ),
    "million": (
        "ProbCover on a million images, approximate",
        1_000_000,
        50,
        1000,
        [("coldstart", ours("probcover"), False)],
    ),
    "greedy": (
        "Greedy picks on a pool and a graph that are there",
        50_000,
        500,
        1000,
        [("coldstart", greedy, False)],
    ),
    "maxherding": (
        "MaxHerding against one pass of its kernel",
        50_000,
        50,
        100,
        [("coldstart", ours("maxherding"), False), ("one kernel pass", kernel_pass, True)],
    ),
    "typiclust": (
        "TypiClust against scikit-activeml",
        50_000,
        50,
        100,
        [
            ("coldstart", ours("typiclust"), False),
            ("scikit-activeml", peer("TypiClust"), True),
        ],
    ),
    "coreset": (
        "CoreSet against scikit-activeml",
        50_000,
        50,
        100,
        [("coldstart", ours("coreset"), False), ("scikit-activeml", peer("CoreSet"), True)],
    ),
    "kmeans": (
        "k-means centres, ten starts",
        50_000,
        50,
        100,
        [("coldstart", ours("kmeans"), False)],
    ),
}


def prepare(name: str, scale: float, file: str) -> float:
    """Write the vectors of a comparison and return its radius: in another process than the
    measured one, whose peak memory would otherwise be that of making them."""
    _, images, degree, _, _ = COMPARISONS[name]
    unit = vectors(max(600, round(images * scale)))
    np.save(file, unit)
    return radius(unit, degree)


def measure(name: str, line: int, file: str, delta: float) -> dict[str, float]:
    """CPU and wall seconds and added peak memory of one line, in this process."""
    _, _, _, budget, lines = COMPARISONS[name]
    _, work, _ = lines[line]
    unit = np.load(file)
    small = np.ascontiguousarray(unit[:600])
    if name == "greedy":
        from coldstart.selection import Pool

        _KEPT["pool"] = Pool(small, graph=graph(small, delta, 0))
        work(small, delta, 5)
        _KEPT["pool"] = Pool(unit, graph=graph(unit, delta, 0))
    else:
        work(small, delta, 5)
    loaded = _peak_bytes()
    cpu, wall = time.process_time(), time.perf_counter()
    work(unit, delta, min(budget, len(unit) // 4))
    return {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "added_bytes": max(0, _peak_bytes() - loaded),
    }


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="comparison", help=", ".join(COMPARISONS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the images to use")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work, name, file, *rest = options.child
        if work == "prepare":
            print(json.dumps(prepare(name, options.scale, file)))
        else:
            print(json.dumps(measure(name, int(rest[0]), file, float(rest[1]))))
        return
    # The two large ones take half an hour: only when asked for by name.
    usual = [name for name, (_, images, *_) in COMPARISONS.items() if images < 100_000]
    with tempfile.TemporaryDirectory() as directory:
        for name in options.names or usual:
            compare(name, options, str(Path(directory) / "vectors.npy"))


def compare(name: str, options: argparse.Namespace, file: str) -> None:
    """Print the table of one comparison."""
    environment = {**os.environ}
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[variable] = str(options.threads)

    def child(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, __file__, "--scale", str(options.scale), "--child"]
        return subprocess.run(
            [*command, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    title, images, degree, budget, lines = COMPARISONS[name]
    count = max(600, round(images * options.scale))
    print(f"\n{title}: n={count:,} d={D}, {degree} neighbours, {budget} picks")
    print(f"{'':34}{'CPU s':>9}{'wall s':>9}{'added MB':>10}{'beside ours':>13}", flush=True)
    delta = json.loads(child("prepare", name, file).stdout.splitlines()[-1])
    own = None
    for number, (label, _, is_peer) in enumerate(lines):
        if is_peer and options.no_peers:
            continue
        done = child("measure", name, file, number, delta)
        if done.returncode:
            print(f"{label:34}failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        own = own or found["cpu_s"]
        print(
            f"{label:34}{found['cpu_s']:9.2f}{found['wall_s']:9.2f}"
            f"{found['added_bytes'] / 1e6:10.0f}{found['cpu_s'] / own:12.1f}x",
            flush=True,
        )
        if done.stderr.startswith("measured"):
            print(f"    {done.stderr.splitlines()[0]}")


if __name__ == "__main__":
    main()
