"""One class against the rest, one image in fifty: how soon is it found, and what is it worth?

    python benchmarks/rare_class.py [--repeats 20] [--cache DIR]

The default policy beside random, UHerding and farthest-first (ours and scikit-activeml's), on the
data sets of `rehearse.py`. In each repeat another class is the rare one. A line a data set and
strategy: labels until the first rare image (median; of 200), rare images among 50 and 200 labels,
and after 200 labels the accuracy with both classes alike and with shares as in the pool.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from rehearse_data import ENCODERS, load  # noqa: E402

from coldstart.rehearsal import Run, Split, draw_split, run_once  # noqa: E402

STRATEGIES = ("random", "auto", "uherding", "coreset", "skactiveml:CoreSet")
BUDGETS = (10, 20, 50, 100, 200)
MOST_OF_THE_REST, ONE_IN = 1_150, 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--cache", type=Path, help="where vectors are kept")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    cache = options.cache or Path(tempfile.gettempdir()) / "coldstart-rehearse" / "vectors"
    print("| | strategy | first found at | of 50 | of 200 | alike | as in the pool |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, encoders in ENCODERS.items():
        for encoder in encoders:
            try:
                data = load(name, encoder, cache)
            except FileNotFoundError as missing:
                print(f"{name} by {encoder}: skipped, {missing}", file=sys.stderr)
                continue
            number_of = np.unique(data.classes, return_inverse=True)[1]
            for strategy in STRATEGIES:
                runs = [
                    rare_run(data.vectors, number_of, strategy, one)
                    for one in range(options.repeats)
                ]
                print(f"| {name}, {encoder} | {strategy} | {in_figures(runs)} |", flush=True)
    return 0


def rare_run(
    vectors: np.ndarray, number_of: np.ndarray, strategy: str, repeat: int
) -> tuple[Run, np.ndarray]:
    """A run in which class ``repeat`` (of those there are, in turn) is the rare one, and which of
    its picks, in order, were of it."""
    is_rare = (number_of == repeat % (number_of.max() + 1)).astype(np.int64)
    whole = draw_split(is_rare, repeat)
    generator = np.random.default_rng(repeat)
    rest = generator.permutation(whole.pool[is_rare[whole.pool] == 0])[:MOST_OF_THE_REST]
    rare = generator.permutation(whole.pool[is_rare[whole.pool] == 1])
    rare = rare[: max(2, round(len(rest) / ONE_IN))]
    pool = generator.permutation(np.concatenate([rest, rare]))
    run = run_once(vectors, is_rare, Split(repeat, pool, whole.test), strategy, BUDGETS)
    return run, is_rare[run.picks] == 1


def in_figures(runs: list[tuple[Run, np.ndarray]]) -> str:
    """The cells of one line."""
    first = [int(np.argmax(hit)) + 1 if hit.any() else np.inf for _, hit in runs]
    soon = float(np.median(first))
    of_50, of_200 = (np.mean([hit[:count].sum() for _, hit in runs]) for count in (50, 200))
    alike = 100 * np.mean([run.balanced_accuracy[-1] for run, _ in runs])
    in_pool = 100 * np.mean([run.pool_accuracy[-1] for run, _ in runs])
    said = f"{soon:.0f}" if np.isfinite(soon) else f"> {BUDGETS[-1]}"
    return f"{said} | {of_50:.1f} | {of_200:.1f} | {alike:.1f} | {in_pool:.1f}"


if __name__ == "__main__":
    sys.exit(main())
