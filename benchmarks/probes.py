"""Which probe is right at which number of labels, and does any get worse when labels are added?

    python benchmarks/probes.py [--only digits,trashnet,cifar10] [--repeats 10]

Labels are picked as the app picks them (the strategy `auto`, a batch of one image a class) and at
random; 75/25 splits; the accuracy is that on the quarter nobody picked from, in percent. Every
probe is tuned as in the product, on its labels alone. The peers are scikit-learn's logistic
regression as it comes, and 1-NN. `falls` is the largest mean loss when labels are added, over
neighbouring budgets.
Photos that are missing are said so.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from real_vectors import real_vectors
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from coldstart.selection import Pool, strategies
from coldstart.training import PROBES, fit_probe

A_CLASS = (1, 2, 3, 5, 10, 20)


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
        for picks in ("auto", "random"):
            _report(name, picks, vectors, names, options.repeats)


def _report(name: str, picks: str, vectors: np.ndarray, names: np.ndarray, repeats: int) -> None:
    classes = len(set(names))
    methods = [*PROBES, "plain logistic", "1-NN"]
    figures = np.zeros((repeats, len(methods), len(A_CLASS)))
    for repeat in range(repeats):
        pool, test = train_test_split(
            np.arange(len(names)), test_size=0.25, random_state=repeat, stratify=names
        )
        order = _order(picks, vectors[pool], names[pool], classes, repeat)
        for column, budget in enumerate(A_CLASS):
            rows = pool[order[: budget * classes]]
            for row, method in enumerate(methods):
                said = _predict(method, vectors[rows], names[rows], vectors[test])
                figures[repeat, row, column] = 100 * np.mean(said == names[test])
    print(f"\n{name}: {len(names):,} images, {classes} classes, picked by {picks}")
    print(f"{'labels a class':16}" + "".join(f"{budget:>8}" for budget in A_CLASS) + "   falls")
    means = figures.mean(axis=0)
    for row, method in enumerate(methods):
        falls = max(0.0, -np.diff(means[row]).min())
        cells = "".join(f"{one:8.1f}" for one in means[row])
        print(f"{method:16}{cells}{falls:8.1f}", flush=True)


def _order(picks: str, vectors: np.ndarray, names: np.ndarray, batch: int, seed: int) -> np.ndarray:
    if picks == "random":
        return np.random.default_rng(seed).permutation(len(names))[: batch * A_CLASS[-1]]
    chosen: list[int] = []
    while len(chosen) < batch * A_CLASS[-1]:
        pool = (
            Pool(vectors, labelled=chosen, labels=names[chosen].tolist())
            if chosen
            else (Pool(vectors))
        )
        strategy = strategies()["auto"](seed=seed)
        chosen += strategy.select(pool, batch).indices.tolist()
    return np.array(chosen)


def _predict(method: str, x: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    if len(set(y)) == 1:
        return np.full(len(test), y[0])
    if method == "1-NN":
        return y[(test @ x.T).argmax(axis=1)]
    if method == "plain logistic":
        return LogisticRegression(max_iter=1000).fit(x, y.astype(str)).predict(test)
    probe = fit_probe(x, y.tolist(), model=method)
    return np.array(probe.class_names)[probe.predict(test).class_indices]


if __name__ == "__main__":
    main()
