"""What selection costs, beside its peers in the same run: CPU seconds and added memory.

    python benchmarks/selection.py                    # the usual comparisons: half an hour
    python benchmarks/selection.py graph coreset      # some of them
    python benchmarks/selection.py approximate million    # the two large ones
    python benchmarks/selection.py --scale 0.2        # the same with a fifth of the images
    python benchmarks/selection.py --threads 1        # one thread only (default: one, then two)
    python benchmarks/selection.py --no-peers         # ours alone

Every line runs in a process of its own that may use as many cores as it has threads, after a
warm-up on a small pool, so that imports and the reading of compiled kernels are not counted. What
is compared stands in selection_cases.py.
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
from pathlib import Path
from typing import Any

import numpy as np
from selection_cases import CASES, Line

_WARM_UP_ROWS = 600


def radius(unit: np.ndarray, degree: int) -> float:
    """The radius at which an image has about so many neighbours."""
    from coldstart.selection.coverage import distance_quantiles

    pairs = max(400_000, 100 * len(unit) // degree)
    return float(distance_quantiles(unit, [degree / len(unit)], pairs=pairs)[0])


def prepare(name: str, scale: float, file: str) -> float:
    """Write the vectors of a case and return its radius: in another process than the measured
    one, whose peak memory would otherwise be that of making them."""
    case = CASES[name]
    unit = case.vectors(max(_WARM_UP_ROWS, round(case.images * scale)), case.columns)
    np.save(file, unit)
    return radius(unit, case.degree)


def measure(name: str, number: int, file: str, delta: float) -> dict[str, Any]:
    """CPU and wall seconds, added peak memory and words of one line, in this process."""
    case = CASES[name]
    line = case.lines[number]
    unit = np.load(file)
    if line.warm:
        small = np.ascontiguousarray(unit[:_WARM_UP_ROWS])
        if case.prepare is not None:
            case.prepare(small, delta)
        # As far as that everything is covered: what happens then is compiled too.
        line.work(small, delta, _WARM_UP_ROWS // 4)
    if case.prepare is not None:
        case.prepare(unit, delta)
    loaded = _peak_bytes()
    cpu, wall = time.process_time(), time.perf_counter()
    result = line.work(unit, delta, min(case.budget, len(unit) // 4))
    measured: dict[str, Any] = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "added_bytes": max(0, _peak_bytes() - loaded),
    }
    measured["words"] = line.words(unit, result) if line.words else ""
    return measured


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="comparison", help=", ".join(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the images to use")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work, name, file, *rest = options.child
        if work == "prepare":
            print(json.dumps(prepare(name, options.scale, file)))
        else:
            _use_cores(options.threads[0])
            print(json.dumps(measure(name, int(rest[0]), file, float(rest[1]))))
        return
    usual = [name for name, case in CASES.items() if case.usual]
    with tempfile.TemporaryDirectory() as directory:
        for name in options.names or usual:
            compare(name, options, Path(directory))


def _use_cores(count: int) -> None:
    """Keep this process to so many of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-count:])


def compare(name: str, options: argparse.Namespace, directory: Path) -> None:
    """Print the table of one case."""
    case, file = CASES[name], str(directory / "vectors.npy")
    count = max(_WARM_UP_ROWS, round(case.images * options.scale))
    print(
        f"\n{case.title}: n={count:,} d={case.columns}, {case.degree} neighbours, "
        f"{case.budget:,} picks"
    )
    print(
        f"{'':34}{'threads':>8}{'CPU s':>9}{'wall s':>9}{'added MB':>10}{'beside ours':>13}",
        flush=True,
    )
    made = _child(options, 1, directory, False, "prepare", name, file)
    delta = json.loads(made.stdout.splitlines()[-1])
    for threads in options.threads:
        own = None
        for number, line in enumerate(case.lines):
            if line.is_peer and options.no_peers:
                continue
            done = _child(
                options, threads, directory, line.cold, "measure", name, file, number, delta
            )
            if done.returncode:
                print(f"{line.label:34}failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            own = own or found["cpu_s"]
            _print_row(line, threads, found, own)


def _print_row(line: Line, threads: int, found: dict[str, Any], own: float) -> None:
    print(
        f"{line.label:34}{threads:8}{found['cpu_s']:9.2f}{found['wall_s']:9.2f}"
        f"{found['added_bytes'] / 1e6:10.0f}{found['cpu_s'] / own:12.2f}x",
        flush=True,
    )
    if found["words"]:
        print(f"    {found['words']}", flush=True)


def _child(
    options: argparse.Namespace, threads: int, directory: Path, cold: bool, *arguments: object
) -> subprocess.CompletedProcess[str]:
    """One measurement, in a process of its own with so many threads."""
    environment = {**os.environ}
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[variable] = str(threads)
    command = [sys.executable, __file__, "--scale", str(options.scale), "--threads", str(threads)]
    with tempfile.TemporaryDirectory(dir=directory) as empty:
        if cold:
            environment["NUMBA_CACHE_DIR"] = empty
        return subprocess.run(
            [*command, "--child", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


if __name__ == "__main__":
    main()
