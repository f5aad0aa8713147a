"""One rehearsal: a strategy asks in batches on one split, and the head is measured each time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.rehearsal.splits import Split

_MEASURED = ("accuracy", "balanced_accuracy", "pool_accuracy", "nearest", "classes_found")
RANDOM = "random"
EVERYTHING = "everything"
"""The name of the run that is given every label of the pool: what all strategies work towards."""


@dataclass(frozen=True)
class Run:
    """What one strategy reached on one split.

    Attributes
    ----------
    strategy : its name, with settings as in ``probcover+delta=paper``.
    split, imbalance : which `Split`.
    batch : how many labels it asked for at a time; None for all up to the next budget.
    budgets : (b,) numbers of labels at which it was measured.
    accuracy, balanced_accuracy : (b,) of the head on the test set; the second is the mean over
        classes. nearest : (b,) of the nearest labelled image's class.
    classes_found : (b,) how many classes have a label.
    picks : rows of the data set in the order they were asked for.
    cpu_s : CPU seconds the strategy took to choose, all batches together.
    error : why it could not go on; the lists end before that batch.
    """

    strategy: str
    split: int
    imbalance: float
    batch: int | None
    budgets: list[int]
    accuracy: list[float] = field(default_factory=list)
    balanced_accuracy: list[float] = field(default_factory=list)
    pool_accuracy: list[float] = field(default_factory=list)
    nearest: list[float] = field(default_factory=list)
    classes_found: list[int] = field(default_factory=list)
    picks: list[int] = field(default_factory=list)
    cpu_s: float = 0.0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON takes it."""
        return asdict(self)

    def cut(self, count: int | None) -> Run:
        """The run as if it had been measured at its first ``count`` budgets only."""
        lists = ("budgets", *_MEASURED)
        return Run(**self.as_dict() | {name: getattr(self, name)[:count] for name in lists})


def parse_strategy(text: str, seed: int) -> Any:
    """The strategy called ``name`` or ``name+key=value+…``.

    Raises ValueError as `make_strategy`, or for a setting without ``=``.
    """
    from coldstart.selection import make_strategy

    name, *settings = text.strip().split("+")
    pairs: dict[str, Any] = {}
    for one in settings:
        key, equals, value = one.partition("=")
        if not equals:
            raise ValueError(f"{text!r}: {one!r} is not key=value")
        pairs[key] = value
    return make_strategy(name, seed=seed, **pairs)


def run_once(
    vectors: NDArray[np.float32],
    classes: NDArray[np.int64],
    split: Split,
    strategy: str,
    budgets: Sequence[int],
    *,
    batch: int | None = None,
    progress: Progress = silent,
) -> Run:
    """Let ``strategy`` ask for labels up to each of ``budgets`` in turn, and measure.

    It asks for ``batch`` labels at a time, or for all up to the next budget. A strategy that needs
    labels before it can choose starts with the batch that random drew on the same split. The seed
    of the strategy is the split's number.

    vectors : (n, d) unit rows; classes : (n,) int64 from 0. A strategy sees the vectors of the pool
    and the labels it asked for, and nothing else.
    """
    from coldstart.selection import Pool, make_strategy

    chooser = parse_strategy(strategy, split.number)
    beginner = make_strategy(RANDOM, seed=split.number)
    run = Run(strategy, split.number, split.imbalance, batch, [int(one) for one in budgets])
    pool = Pool(np.ascontiguousarray(vectors[split.pool]))
    true = classes[split.pool]
    labelled = np.empty(0, dtype=np.int64)
    spent = 0.0
    for number, budget in enumerate(budgets):
        progress(number, len(budgets), f"rehearsing {strategy}")
        while len(labelled) < budget:
            started = time.process_time()
            # One class labelled is as good as none to a strategy that goes by a model's doubts.
            learned = len(np.unique(true[labelled])) > 1
            one = beginner if chooser.needs_labels and not learned else chooser
            asked = min(batch or budget, budget - len(labelled))
            try:
                found = one.select(_with_labels(pool, labelled, true), asked)
            except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
                # A peer's failure is a result: it is written down, and the others go on.
                return _closed(run, split, labelled, spent, f"{type(error).__name__}: {error}")
            spent += time.process_time() - started
            labelled = np.concatenate([labelled, found.indices])
        _measure(run, vectors, classes, split, split.pool[labelled])
    return _closed(run, split, labelled, spent, "")


def run_everything(vectors: NDArray[np.float32], classes: NDArray[np.int64], split: Split) -> Run:
    """The head with every label of the pool: the accuracy that all labels give."""
    run = Run(EVERYTHING, split.number, split.imbalance, None, [len(split.pool)])
    _measure(run, vectors, classes, split, split.pool)
    return run


def measure_again(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], split: Split, run: Run
) -> Run:
    """What the picks of a finished run are worth by the head as it is now.

    ValueError when they were not picked on this split.
    """
    if not np.isin(run.picks, split.pool).all():
        raise ValueError(f"the picks of {run.strategy} are not of split {split.number}")
    again = Run(**run.as_dict() | {name: [] for name in _MEASURED})
    for budget in run.budgets[: len(run.accuracy)]:
        _measure(again, vectors, classes, split, np.asarray(run.picks[:budget]))
    return again


def _with_labels(pool: Any, labelled: NDArray[np.int64], true: NDArray[np.int64]) -> Any:
    if len(labelled) == 0:
        return pool
    candidates = np.ones(pool.n, dtype=bool)
    candidates[labelled] = False
    return pool.changed(labelled=labelled, labels=true[labelled], candidates=candidates)


def _closed(run: Run, split: Split, labelled: NDArray[np.int64], spent: float, error: str) -> Run:
    return Run(
        **run.as_dict()
        | {
            "picks": split.pool[labelled].tolist(),
            "cpu_s": round(spent, 3),
            "error": error,
        }
    )


def _measure(
    run: Run,
    vectors: NDArray[np.float32],
    classes: NDArray[np.int64],
    split: Split,
    labelled: NDArray[np.int64],
) -> None:
    """Add what the labels so far are worth; ``labelled`` are rows of the data set."""
    from coldstart.training.probe import fit_probe

    test = split.test
    known, true = classes[labelled], classes[test]
    found = np.unique(known)
    if len(found) == 1:
        predicted = np.full(len(test), found[0])
    else:
        names = [f"{one:06d}" for one in known.tolist()]
        probe = fit_probe(vectors[labelled], names, seed=0)
        numbers = np.array([int(name) for name in probe.class_names])
        predicted = numbers[probe.predict(vectors[test]).class_indices]
    right = predicted == true
    tested = np.unique(true)
    per_class = np.array([right[true == one].mean() for one in tested])
    in_pool = np.array([np.sum(classes[split.pool] == one) for one in tested])
    closest = np.argmax(vectors[test] @ vectors[labelled].T, axis=1)
    run.accuracy.append(round(float(right.mean()), 5))
    run.balanced_accuracy.append(round(float(np.mean(per_class)), 5))
    run.pool_accuracy.append(round(float(per_class @ in_pool / in_pool.sum()), 5))
    run.nearest.append(round(float((known[closest] == true).mean()), 5))
    run.classes_found.append(len(found))
