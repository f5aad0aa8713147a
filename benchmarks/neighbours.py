"""Neighbours for the map of a large pool: faiss's groups beside UMAP's own search and all pairs.

    python benchmarks/neighbours.py [--images 100000] [--columns 384]

CPU seconds, and the share of the 15 nearest that is found, on 1,000 random images. Vectors are
those of `selection_cases.py`: 100 clusters, and directions all alike (the hardest case).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from selection_cases import flat, steep

from coldstart.embeddings.layout import NEIGHBOURS, near_neighbours, nearest_neighbours

ASKED = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=384)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "coldstart, faiss by groups": lambda rows: near_neighbours(rows, NEIGHBOURS)[0],
        "UMAP's own (pynndescent)": pynndescent,
        "all pairs (faiss)": lambda rows: nearest_neighbours(rows, NEIGHBOURS)[0],
    }
    for way in ways.values():  # what is compiled is compiled here
        way(steep(6_000, 64))
    print(f"{'vectors':12}{'':30}{'CPU s':>10}{'found':>10}")
    for name, make in (("clusters", steep), ("all alike", flat)):
        rows = make(options.images, options.columns)
        asked = np.random.default_rng(0).permutation(len(rows))[:ASKED]
        found = {}
        for title, way in ways.items():
            started = time.process_time()
            found[title] = (way(rows)[asked], time.process_time() - started)
        truth = found["all pairs (faiss)"][0]
        for title, (near, seconds) in found.items():
            share = np.mean([len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(near, truth)])
            print(f"{name:12}{title:30}{seconds:10.1f}{share:10.1%}", flush=True)


def pynndescent(rows: np.ndarray) -> np.ndarray:
    from umap.umap_ import nearest_neighbors

    found: np.ndarray = nearest_neighbors(
        rows, NEIGHBOURS, "euclidean", {}, False, np.random.RandomState(0), n_jobs=1
    )[0]
    return found


if __name__ == "__main__":
    main()
