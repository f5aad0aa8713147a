"""Does the list of likely label mistakes find them?

    python benchmarks/label_mistakes.py [--only digits,trashnet,cifar10] [--repeats 10]

300 labels drawn at random from real images, 5% of them changed to another class at random. The
table has the share of the changed ones among the first k shown, by the product's order, by each of
its two opinions alone, and in random order; and the share of changed labels among the first k. The
probe is the product's. Missing photos are said so.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from real_vectors import real_vectors

from coldstart.training import cross_validate
from coldstart.training.label_mistakes import disagreement, mistake_order, model_doubt

LABELS, FLIPPED = 300, 0.05
FIRST = (5, 10, 15, 30, 45, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="digits,trashnet,cifar10")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    for name in options.only.split(","):
        try:
            vectors, names = real_vectors(name)
        except FileNotFoundError as missing:
            print(f"{name}: skipped, {missing} is not there (set COLDSTART_DATA).")
            continue
        _report(name, vectors, names, options.repeats)


def _report(name: str, vectors: np.ndarray, names: np.ndarray, repeats: int) -> None:
    methods = ("models and neighbours", "models alone", "neighbours alone", "random")
    found = np.zeros((len(methods), len(FIRST), repeats))
    seconds = []
    for repeat in range(repeats):
        random = np.random.default_rng(repeat)
        rows = random.permutation(len(names))[:LABELS]
        given, flipped = _flip(names[rows], sorted(set(names)), random)
        began = time.process_time()
        said = cross_validate(vectors[rows], given.tolist()).out_of_fold
        groups = np.arange(LABELS)
        orders = (
            mistake_order(said, vectors[rows], groups),
            np.argsort(-model_doubt(said), kind="stable"),
            np.argsort(-disagreement(vectors[rows], said.labels, groups), kind="stable"),
            random.permutation(LABELS),
        )
        seconds.append(time.process_time() - began)
        for which, order in enumerate(orders):
            for column, k in enumerate(FIRST):
                found[which, column, repeat] = flipped[order[:k]].mean() * k
    total = round(FLIPPED * LABELS)
    print(
        f"\n{name}: {LABELS} labels, {total} of them changed, {repeats} draws, "
        f"{np.median(seconds):.1f} CPU seconds a draw"
    )
    print(f"{'share of the changed found':28}" + "".join(f"  first {k:<4}" for k in FIRST))
    for which, method in enumerate(methods):
        cells = "".join(f"{100 * one / total:8.0f}%   " for one in found[which].mean(axis=1))
        print(f"{method:28}{cells}", flush=True)
    cells = "".join(f"{100 * one / k:8.0f}%   " for one, k in zip(found[0].mean(axis=1), FIRST))
    print(f"{'changed among those shown':28}{cells}")


def _flip(
    names: np.ndarray, classes: list[str], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    flipped = np.zeros(len(names), dtype=bool)
    flipped[random.permutation(len(names))[: round(FLIPPED * len(names))]] = True
    given = names.copy()
    for row in np.flatnonzero(flipped):
        given[row] = random.choice([one for one in classes if one != names[row]])
    return given, flipped


if __name__ == "__main__":
    main()
