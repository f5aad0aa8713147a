"""Are probes fitted faster by one thread or by as many as BLAS takes?

Fits the product's probes on vectors of the sizes that occur, with the limit of the product and
without. CPU seconds and wall seconds, medians of five fits; run it where the app will run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_info

from coldstart.training.probe import fit_probe

SIZES = ((60, 384, 6), (200, 1280, 6), (1000, 384, 10), (3000, 768, 10))
REPEATS = 5


def cost(fit: Callable[..., object], vectors: np.ndarray, names: list[str], model: str) -> tuple:
    """(CPU seconds, wall seconds) of one fit, medians."""
    taken = []
    for _ in range(REPEATS):
        cpu, wall = time.process_time(), time.monotonic()
        fit(vectors, names, model=model)
        taken.append((time.process_time() - cpu, time.monotonic() - wall))
    return tuple(statistics.median(one) for one in zip(*taken))


def main() -> None:
    unlimited = fit_probe.__wrapped__  # type: ignore[attr-defined]
    print("| labels × dimension | probe | CPU s: one thread | all | ratio | wall s: one | all |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for labels, dimension, classes in SIZES:
        random = np.random.default_rng(0)
        centres = random.normal(size=(classes, dimension))
        which = random.integers(classes, size=labels)
        vectors = centres[which] + 2.0 * random.normal(size=(labels, dimension))
        names = [f"class {one}" for one in which]
        for model in ("ridge", "logistic"):
            fit_probe(vectors, names, model=model)  # libraries are loaded
            one, all_ = (cost(fit, vectors, names, model) for fit in (fit_probe, unlimited))
            print(
                f"| {labels} × {dimension} | {model} | {one[0]:.3f} | {all_[0]:.3f} | "
                f"{all_[0] / one[0]:.1f} | {one[1]:.3f} | {all_[1]:.3f} |",
                flush=True,
            )
    threads = max(one["num_threads"] for one in threadpool_info())
    print(f"all: {threads} threads")


if __name__ == "__main__":
    main()
