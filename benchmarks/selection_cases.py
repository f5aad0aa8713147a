"""What `benchmarks/selection.py` compares: the pools, our work, and the peers' work beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Work = Callable[[np.ndarray, float, int], Any]
Words = Callable[[np.ndarray, Any], str]


def steep(n: int, d: int) -> np.ndarray:
    """(n, d) float32 unit rows: 100 clusters in 64 dimensions of falling variance, turned into d
    columns with a little noise."""
    generator = np.random.default_rng(0)
    turn = generator.normal(size=(64, d)).astype(np.float32) / 8
    middles = generator.normal(size=(100, 64)).astype(np.float32)
    inner = generator.normal(size=(n, 64)).astype(np.float32)
    inner *= np.linspace(1.5, 0.2, 64, dtype=np.float32)
    inner += middles[generator.integers(0, 100, n)]
    rows = inner @ turn
    for start in range(0, n, 100_000):
        part = rows[start : start + 100_000]
        part += 0.35 * generator.standard_normal(size=part.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def flat(n: int, d: int) -> np.ndarray:
    """(n, d) float32 unit rows in all directions alike."""
    rows = np.random.default_rng(0).standard_normal(size=(n, d), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def ours(name: str, *, own_radius: bool = True, **settings: Any) -> Work:
    def run(unit: np.ndarray, delta: float, budget: int) -> Any:
        from coldstart.selection import Pool, make_strategy

        given = {"delta": delta} if name == "probcover" and own_radius else {}
        return make_strategy(name, **given, **settings).select(Pool(unit), budget)

    return run


def peer(name: str) -> Work:
    def run(unit: np.ndarray, delta: float, budget: int) -> Any:
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

    return radius_graph(unit, delta)


def plain_graph(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection.neighbours import radius_graph

    return radius_graph(unit, delta, prune=False)


def approximate(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection.approximate import approximate_graph

    return approximate_graph(unit, delta)


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


KEPT: dict[str, Any] = {}


def greedy(unit: np.ndarray, delta: float, budget: int) -> Any:
    from coldstart.selection import ProbCover

    return ProbCover(delta=delta).select(KEPT["pool"], budget)


def keep_graph(unit: np.ndarray, delta: float) -> None:
    """What `greedy` finds there: the pool with its graph."""
    from coldstart.selection import Pool

    KEPT["pool"] = Pool(unit, graph=graph(unit, delta, 0))


def recall(unit: np.ndarray, found: Any) -> str:
    return f"{found.recall:.2%} of the pairs found, on {found.checked:,} random images"


def notes(unit: np.ndarray, picks: Any) -> str:
    return " ".join(picks.notes)


def edges(unit: np.ndarray, found: Any) -> str:
    return f"{len(KEPT['pool'].graph.indices) / 1e6:.1f} million edges"


def inertia(unit: np.ndarray, picks: Any) -> str:
    """How tight the k-means behind our TypiClust is, beside the one behind scikit-activeml's.

    Means of five seeds: one start of either differs from the next by a percent or two.
    """
    from sklearn.cluster import KMeans

    from coldstart.selection.kmeans import kmeans

    count = len(picks)
    own = [kmeans(unit, count, starts=1, seed=seed).inertia for seed in range(5)]
    theirs = [KMeans(count, n_init=1, random_state=seed).fit(unit).inertia_ for seed in range(5)]
    ratio = np.mean(own) / np.mean(theirs)
    return f"inertia {ratio:.3f} of scikit-learn's KMeans (which the peer groups with), five seeds"


@dataclass(frozen=True)
class Line:
    """One row of a table. ``environment`` "cold": no compiled kernels on disk, no warm-up."""

    label: str
    work: Work
    is_peer: bool = False
    words: Words | None = None
    cold: bool = False
    warm: bool = True


@dataclass(frozen=True)
class Case:
    """One table: what it shows, how many images, neighbours an image has, and picks."""

    title: str
    images: int
    degree: int
    budget: int
    lines: list[Line]
    columns: int = 512
    vectors: Callable[[int, int], np.ndarray] = steep
    usual: bool = True
    prepare: Callable[[np.ndarray, float], None] | None = field(default=None)


CASES: dict[str, Case] = {
    "probcover": Case(
        "ProbCover against scikit-activeml",
        20_000,
        50,
        100,
        [
            Line("coldstart", ours("probcover")),
            Line("official algorithm", official, True),
            Line("scikit-activeml", peer("ProbCover"), True),
        ],
    ),
    "probcover-large": Case(
        "ProbCover against the official algorithm",
        50_000,
        50,
        100,
        [Line("coldstart", ours("probcover")), Line("official algorithm", official, True)],
    ),
    "graph": Case(
        "Exact graph against the symmetric matrix product, steep spectrum",
        50_000,
        50,
        0,
        [
            Line("coldstart, pruned if that helps", graph),
            Line("coldstart, not pruned", plain_graph),
            Line("matrix product alone", product, True),
        ],
    ),
    "graph-flat": Case(
        "The same on a flat spectrum, where pruning cannot help",
        50_000,
        50,
        0,
        [
            Line("coldstart, pruned if that helps", graph),
            Line("coldstart, not pruned", plain_graph),
            Line("matrix product alone", product, True),
        ],
        vectors=flat,
    ),
    "greedy": Case(
        "Greedy picks on a pool and a graph that are there",
        50_000,
        500,
        1_000,
        [Line("coldstart", greedy, words=edges)],
        prepare=keep_graph,
    ),
    "approximate": Case(
        "Approximate graph against the symmetric matrix product",
        200_000,
        50,
        0,
        [
            Line("coldstart, approximate", approximate, words=recall),
            Line("matrix product alone", product, True),
        ],
        usual=False,
    ),
    "million": Case(
        "ProbCover on a million images",
        1_000_000,
        50,
        1_000,
        [
            Line("coldstart", ours("probcover"), words=notes),
        ],
        columns=384,
        usual=False,
    ),
    "million-auto": Case(
        "The same with the radius that is found, whose graph would not fit",
        1_000_000,
        50,
        1_000,
        [
            Line("coldstart", ours("probcover", own_radius=False), words=notes),
        ],
        columns=384,
        usual=False,
    ),
    "maxherding": Case(
        "MaxHerding against one pass of its kernel",
        50_000,
        50,
        100,
        [
            Line("coldstart", ours("maxherding")),
            Line("one kernel pass", kernel_pass, True),
        ],
    ),
    "typiclust": Case(
        "TypiClust against scikit-activeml",
        50_000,
        50,
        100,
        [
            Line("coldstart", ours("typiclust"), words=inertia),
            Line("scikit-activeml", peer("TypiClust"), True),
        ],
    ),
    "coreset": Case(
        "CoreSet against scikit-activeml",
        50_000,
        50,
        100,
        [
            Line("coldstart", ours("coreset")),
            Line("scikit-activeml", peer("CoreSet"), True),
        ],
    ),
    "kmeans": Case(
        "k-means centres, ten starts",
        50_000,
        50,
        100,
        [Line("coldstart", ours("kmeans"))],
    ),
    "first-call": Case(
        "The first ProbCover of a process: imports, and compiling where nothing is on disk yet",
        2_000,
        50,
        20,
        [
            Line("compiled kernels on disk", ours("probcover"), warm=False),
            Line("nothing on disk", ours("probcover"), warm=False, cold=True),
        ],
    ),
}
