"""What is each strategy worth? Rehearsals on labelled images whose labels are hidden.

    python benchmarks/rehearse.py            a smoke of the machinery on the digits, not of figures
    python benchmarks/rehearse.py --full     everything behind docs/evidence.md; goes on where it
                                             stopped, and several may run side by side (--writer)
    python benchmarks/rehearse.py --report   write the tables and plots of docs/evidence.md

Own strategies and those of scikit-activeml (with their own defaults) ask on the same splits, and
are measured by the same head with the same tuning. The photos of TrashNet and CIFAR-10 come from
the folder named by COLDSTART_DATA, else ../shared/data; where they are missing the script says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from rehearse_data import DATA_SETS, ENCODERS, MORE_ENCODERS, load  # noqa: E402

from coldstart.rehearsal import (  # noqa: E402
    EVERYTHING,
    RANDOM,
    draw_split,
    label_budgets,
    measure_again,
    run_everything,
    run_once,
)
from coldstart.workflow.rehearsal_runs import Bench, RunFile, run_of, versions  # noqa: E402

PER_CLASS = (1, 2, 5, 10, 20, 50)
REPEATS = 20
# Only these two go on to 50 labels a class; all others are compared up to 20.
TO_THE_END = ("random", "auto")
LAST_COMPARED = 20
POOL = 1_200
RARE = "auto+rare_classes=true"
OWN = ("random", "auto", RARE, "kmeans", "probcover", "maxherding", "uherding", "margin")
PEERS = tuple(
    f"skactiveml:{name}"
    for name in ("TypiClust", "ProbCover", "MaxHerding", "CoreSet", "Badge", "DropQuery", "Falcun")
)
MORE = (
    "typiclust",
    "badge",
    "coreset",
    "entropy",
    "probcover+delta=paper",
    "kmeans+starts=1",
    "maxherding+refine=swaps",
    "dropquery",
    "tcm",
    "dcom",
    "usl",
)
# Labels asked for at a time, in images a class; None: all up to the next budget.
BATCHES = (1.0, 0.5, 2.0)


@dataclass(frozen=True)
class Part:
    """Some strategies under some conditions, for all data sets; parts are run in order."""

    strategies: Sequence[str]
    imbalances: Sequence[float] = (1.0,)
    batches: Sequence[float | None] = (None,)
    per_class: Sequence[int] = PER_CLASS
    encoders: Mapping[str, Sequence[str]] = field(default_factory=lambda: ENCODERS)


PARTS = {
    "own": Part(OWN),
    "peers": Part(PEERS),
    "imbalanced": Part((*OWN, *PEERS), imbalances=(10.0, 50.0)),
    "batches": Part(
        ("random", "auto", "kmeans", "maxherding", "uherding", "margin", "skactiveml:TypiClust"),
        batches=BATCHES,
        per_class=(1, 2, 5, 10, 20),
    ),
    "encoders": Part(TO_THE_END, per_class=(1, 2, 5, 10, 20), encoders=MORE_ENCODERS),
    "more": Part(MORE),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all data sets, strategies, repeats")
    parser.add_argument("--report", action="store_true", help="write docs/evidence.md")
    parser.add_argument(
        "--measure-again",
        action="store_true",
        help="runs of the repository from other vectors: the same picks by the head as it is now",
    )
    parser.add_argument("--to", type=Path, help="where runs are kept (default: a scratch folder)")
    parser.add_argument(
        "--cache", type=Path, help="where vectors are kept (default: with the runs)"
    )
    parser.add_argument("--writer", default="runs", help="a name of its own for each process")
    parser.add_argument("--parts", default=",".join(PARTS), help="in this order")
    parser.add_argument("--only", default=",".join(DATA_SETS), help="as in digits or digits:pixels")
    parser.add_argument("--strategies", help="instead of those of the parts")
    parser.add_argument("--imbalances", help="with --measure-again: only these, as in 10,50")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    home = options.to or Path(tempfile.gettempdir()) / "coldstart-rehearse"
    if options.report:
        from rehearse_report import write_report

        return write_report(home, options.cache or home / "vectors")
    if options.measure_again:
        measure_stored(home, options)
        return 0
    if options.full:
        run_full(home, options)
        return 0
    return smoke()


def run_full(home: Path, options: argparse.Namespace) -> None:
    """Every part; the first repeats of all data sets come first, so that a look is early."""
    vectors = options.cache or home / "vectors"
    store = RunFile(home / "runs", options.writer)
    done: set[tuple[object, ...]] = set()
    size = -1
    for name in options.parts.split(","):
        part = PARTS[name]
        benches = list(_benches(vectors, options.only.split(","), part.encoders))
        strategies = options.strategies.split(",") if options.strategies else part.strategies
        for first in range(0, options.repeats, 5):
            for bench, of in benches:
                now = sum(file.stat().st_size for file in store.directory.glob("*.jsonl"))
                if now != size:
                    size = now
                    done = {_key(line) for line in [*_stored(), *store.read()]}
                for number in range(first, min(first + 5, options.repeats)):
                    _one_split(store, bench, of, part, strategies, number, done)
            print(f"{time.strftime('%H:%M:%S')} {name}: repeats {first}-{first + 4}", flush=True)


def _one_split(
    store: RunFile,
    bench: Bench,
    of: str,
    part: Part,
    strategies: Sequence[str],
    number: int,
    done: set[tuple[object, ...]],
) -> None:
    count = len(bench.class_names)
    for imbalance in part.imbalances:
        split = draw_split(bench.classes, number, most_pool=POOL, imbalance=imbalance)
        budgets = label_budgets(part.per_class, count, len(split.pool))
        case = bench.data, bench.encoder
        if (*case, EVERYTHING, number, imbalance, None) not in done:
            store.add(bench, of, run_everything(bench.vectors, bench.classes, split))
            done.add((*case, EVERYTHING, number, imbalance, None))
        for times in part.batches:
            batch = None if times is None else max(1, round(times * count))
            for strategy in strategies:
                if (*case, strategy, number, imbalance, batch) in done:
                    continue
                up_to = budgets
                if strategy not in TO_THE_END:
                    up_to = tuple(b for b in budgets if b <= LAST_COMPARED * count)
                run = run_once(bench.vectors, bench.classes, split, strategy, up_to, batch=batch)
                store.add(bench, of, run)
                done.add((*case, strategy, number, imbalance, batch))


def measure_stored(home: Path, options: argparse.Namespace) -> None:
    """Measure the stored runs that were of other vectors, or of an earlier head, once more."""
    from rehearse_report import stored_lines

    store = RunFile(home / "runs", options.writer)
    done = {_key(line) for line in store.read()}
    lines = [line for line in stored_lines() if _key(line) not in done]
    if options.strategies:
        lines = [one for one in lines if one["strategy"] in options.strategies.split(",")]
    if options.imbalances:
        wanted = [float(one) for one in options.imbalances.split(",")]
        lines = [one for one in lines if one["imbalance"] in wanted]
    for bench, of in _benches(options.cache or home / "vectors", options.only.split(","), ENCODERS):
        mine = [
            line for line in lines if (line["data"], line["encoder"]) == (bench.data, bench.encoder)
        ]
        for line in mine:
            old = run_of(line)
            if old.error or old.strategy == EVERYTHING:
                continue
            split = draw_split(bench.classes, old.split, most_pool=POOL, imbalance=old.imbalance)
            store.add(bench, of, measure_again(bench.vectors, bench.classes, split, old))
        print(f"{bench.data} by {bench.encoder}: {len(mine)} runs measured again", flush=True)


def _key(line: dict[str, object]) -> tuple[object, ...]:
    names = ("data", "encoder", "strategy", "split", "imbalance", "batch")
    return tuple(line[name] for name in names)


def _stored() -> list[dict[str, object]]:
    """Runs of the repository that hold: of peers, and of our own strategies as they are now."""
    from rehearse_report import stored_lines

    now = versions()["selection"]
    return [
        line
        for line in stored_lines()
        if line["strategy"].startswith("skactiveml:")
        or line["strategy"] in (RANDOM, EVERYTHING)
        or line["versions"]["selection"] == now
    ]


def _benches(
    cache: Path, names: Sequence[str], encoders: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Bench, str]]:
    for name, _, only in (one.partition(":") for one in names):
        for encoder in [only] if only else encoders[name]:
            try:
                data = load(name, encoder, cache)
            except FileNotFoundError as missing:
                print(f"{name} by {encoder}: skipped, {missing}")
                continue
            class_names, classes = np.unique(data.classes, return_inverse=True)
            bench = Bench(name, encoder, data.vectors, classes, class_names.tolist())
            yield bench, bench.fingerprint()


def smoke() -> int:
    """Three strategies on the digits, and once more: 1 if what is finished runs again."""
    from coldstart.rehearsal import summarise

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        options = argparse.Namespace(
            cache=None,
            only="digits:pixels",
            writer="runs",
            parts="own",
            repeats=2,
            strategies="random,kmeans,skactiveml:TypiClust",
        )
        run_full(home, options)
        store = RunFile(home / "runs")
        lines = store.read()
        run_full(home, options)
        again = store.read()
        for of in sorted({line["of"] for line in lines}):
            summary = summarise(store.runs(of), 10)
            assert summary is not None
            print(f"full accuracy {summary.full_accuracy:.3f}, {summary.splits} splits")
            for one in summary.strategies:
                print(f"  {one.strategy:24} area {one.area:.3f}  {one.accuracy}  {one.error}")
    if len(again) != len(lines):
        print("a finished benchmark ran again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
