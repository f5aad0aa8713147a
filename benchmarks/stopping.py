"""Is the answer to "may I stop now?" right? Complete labelling runs with known truth, replayed.

    python benchmarks/stopping.py                    a smoke run: digits, 8 runs, half a minute
    python benchmarks/stopping.py --full             240 runs, half an hour of an idle core

A run: a third of the images is set aside as the world outside; a strategy picks from the rest, a
fifth of the labels goes to audit images drawn from outside (with replacement, as from an endless
pool: the harder case), the probe is the product's default, and after every batch the product's own
`coldstart.stopping` is asked. Truth is the accuracy on all of the world outside. Beside it: fixed
budgets, kappa alone, and the oracle, none of which pays for audit labels. Cost = labels + price *
points of error.

With --full also the photos of TrashNet and CIFAR-10 (see `rehearse_data.py` for where from). Runs
are kept in --to: started again, it goes on, and a changed rule is judged on the same runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rehearse_data import load
from stopping_judge import Findings, judge
from stopping_replay import STRATEGIES, kept_run
from stopping_report import report
from threadpoolctl import threadpool_limits

COMPONENTS = 128
SMOKE = (("digits", "pixels"),)
FULL = (
    *SMOKE,
    ("trashnet", "folder"),
    ("trashnet", "mobilenetv2"),
    ("cifar10", "folder"),
    ("cifar10", "mobilenetv2"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="200 runs and more")
    parser.add_argument("--repeats", type=int, help="runs for each strategy and embedding set")
    parser.add_argument("--only-kept", action="store_true", help="judge the runs that are there")
    parser.add_argument(
        "--to",
        type=Path,
        default=Path(tempfile.gettempdir()) / "coldstart-stopping",
        help="where runs and vectors are kept",
    )
    options = parser.parse_args()
    repeats = options.repeats or (12 if options.full else 2)
    folder = options.to / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    sets = list(embedding_sets(FULL if options.full else SMOKE, options.to / "vectors"))
    started = time.perf_counter()
    noted = Findings()
    # Repeat by repeat, so that what is there after a while is balanced.
    for repeat in range(repeats):
        for which, (data, vectors, classes) in enumerate(sets):
            for place, strategy in enumerate(STRATEGIES):
                # Every run has a split and an audit of its own, so that runs are independent.
                seed = (which * len(STRATEGIES) + place) * 1_000 + repeat
                if options.only_kept and not (folder / f"{data} {strategy} {seed}.npz").exists():
                    continue
                judge(kept_run(folder, data, vectors, classes, strategy, seed), noted)
                print(f"{noted.runs} runs: {data} {strategy}", file=sys.stderr, flush=True)
    print(f"{noted.runs} runs, {time.perf_counter() - started:.0f} s\n")
    report(noted)
    return 0


def embedding_sets(
    wanted: tuple[tuple[str, str], ...], cache: Path
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, (n, d) float32 unit vectors, (n,) int64 classes."""
    for name, encoder in wanted:
        try:
            known = load(name, encoder, cache)
        except FileNotFoundError as error:
            print(f"{name} by {encoder}: skipped, {error}")
            continue
        # The main directions come first; half of them are half of the work.
        vectors = known.vectors[:, :COMPONENTS]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        yield f"{name}-{encoder}", vectors, np.unique(known.classes, return_inverse=True)[1]


if __name__ == "__main__":
    with threadpool_limits(1):
        sys.exit(main())
