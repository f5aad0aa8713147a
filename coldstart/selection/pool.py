"""What every strategy is given (`Pool`) and what it answers (`Selection`), checked at the door."""

from __future__ import annotations

import copy
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.selection.exact import lowest_copies

if TYPE_CHECKING:
    from coldstart.selection.neighbours import RadiusGraph

# Small enough to stay in the processor's cache.
_BLOCK_BYTES = 2**20
_UNIT_NORM_TOLERANCE = 2.0**-22


class Pool:
    """All images a strategy may look at, as arrays. Treat it as read-only.

    Parameters
    ----------
    embeddings : (n, d) numbers of any real dtype and memory order, memory maps included. Only the
        direction of a row counts: strategies work on `unit`, the rows divided by their length.
    labelled : rows that already have a label, or a boolean mask of length n.
    labels : the class of each row in ``labelled``, in the same order.
    probabilities : (n, c) class probabilities of a model, each row summing to one.
    weights : (n,) how much each image counts, at least 0 (an image with two exact copies counts 3).
    candidates : rows (or mask) that may be picked; all by default. Labelled rows are never picked.
    class_names : the class of each column of ``probabilities``.
    graph : a `RadiusGraph` of the same embeddings, so that it need not be built again.

    Raises
    ------
    ValueError : naming the argument, and the shape or the row that is wrong.
    """

    def __init__(
        self,
        embeddings: ArrayLike,
        labelled: ArrayLike | None = None,
        labels: Sequence[Any] | NDArray[Any] | None = None,
        probabilities: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        *,
        candidates: ArrayLike | None = None,
        class_names: Sequence[Any] | None = None,
        graph: RadiusGraph | None = None,
    ) -> None:
        self.embeddings = _check_embeddings(embeddings)
        self._lengths = _row_lengths(self.embeddings)
        n = self.n
        self.labelled = _check_rows("labelled", labelled, n)
        self.labels = _check_labels(labels, len(self.labelled))
        self.probabilities = _check_probabilities(probabilities, n)
        self.class_names = _check_class_names(class_names, self.probabilities)
        self.weights = _check_weights(weights, n)
        self.candidates = np.ones(n, dtype=bool)
        if candidates is not None:
            self.candidates[:] = False
            self.candidates[_check_rows("candidates", candidates, n)] = True
        self.candidates[self.labelled] = False
        self.graph = graph
        # Results that depend only on this pool (a radius search, a fitted probe), kept for redraws.
        self.cache: dict[Any, Any] = {}
        if graph is not None:
            graph.check_belongs_to(self.unit)

    @property
    def n(self) -> int:
        """How many images."""
        return int(self.embeddings.shape[0])

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """(n, d) float32, C order: the rows divided by their length."""
        return _divide_by_length(self.embeddings, self._lengths)

    @cached_property
    def lowest_copy(self) -> NDArray[np.int64]:
        """(n,) the lowest of the rows that are exact copies of each. What is said of a row by way
        of products whose last bits depend on its place is said of this one, so that copies tie."""
        return lowest_copies(self.unit)

    @property
    def mass(self) -> NDArray[np.float64]:
        """(n,) the weights as whole numbers in float64, so that sums of them are exact."""
        if self.weights is None:
            return np.ones(self.n)
        if self.weights.max() <= 2**24 and np.all(self.weights == np.floor(self.weights)):
            return self.weights
        return np.rint(self.weights / self.weights.max() * 2**24)

    def random_part(self, count: int, seed: int) -> tuple[Pool, NDArray[np.int64]]:
        """A pool of ``count`` rows drawn uniformly, and their row numbers in this one.

        Labelled rows that were not drawn join with a weight of 0: they cover, but do not count.
        A pool no larger than ``count`` is its own part.
        """
        if self.n <= count:
            return self, np.arange(self.n)
        generator = np.random.default_rng(seed)
        drawn = np.sort(generator.permutation(self.n)[:count])
        known = np.sort(generator.permutation(len(self.labelled))[:count])
        labelled = self.labelled[known]
        kept = np.union1d(drawn, labelled)
        weights = np.where(np.isin(kept, drawn), self.mass[kept], 0.0)
        part = Pool(
            self.unit[kept],
            labelled=np.searchsorted(kept, labelled),
            labels=None if self.labels is None else self.labels[known],
            probabilities=None if self.probabilities is None else self.probabilities[kept],
            class_names=self.class_names,
            weights=weights if weights.any() else None,
        )
        part.candidates &= self.candidates[kept]
        return part, kept

    def changed(self, **changes: Any) -> Pool:
        """A copy with other attributes; vectors are shared, cached results are dropped."""
        other = copy.copy(self)
        other.cache = {}
        for name, value in changes.items():
            if name not in vars(self):
                raise TypeError(f"a Pool has no attribute {name!r}")
            setattr(other, name, value)
        return other


@dataclass(frozen=True)
class Selection:
    """The ordered picks of a strategy.

    Attributes
    ----------
    indices : (budget,) int64 rows of the pool, best first; never a labelled row, never one twice.
    gains : (budget,) float64 what each pick adds, in the strategy's own measure (for ProbCover the
        share of the pool it newly covers).
    reasons : (budget,) one plain sentence for each pick.
    delta : the radius used, where the strategy has one.
    strategy : the strategy's name.
    settings : the strategy's fields, as given.
    saturated_at : how many picks had been made when everything within reach was covered; None when
        that did not happen.
    notes : what a person should know about this selection as a whole.
    """

    indices: NDArray[np.int64]
    gains: NDArray[np.float64]
    reasons: list[str]
    strategy: str
    settings: dict[str, Any]
    delta: float | None = None
    saturated_at: int | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.indices)


def check_budget(budget: Any, pool: Pool) -> int:
    """``budget`` as an int between 1 and the number of images that can still be picked."""
    try:
        # True is an int to Python, but nobody means a budget by it.
        if isinstance(budget, (bool, np.bool_)):
            raise TypeError
        number = operator.index(budget)
    except TypeError:
        raise ValueError(f"budget must be a whole number of images; got {budget!r}") from None
    available = int(pool.candidates.sum())
    if number < 1:
        raise ValueError(f"budget must be at least 1; got {number}")
    if number > available:
        raise ValueError(
            f"budget is {number}, but only {available} of the {pool.n} images can still be picked"
        )
    return number


def _check_embeddings(embeddings: ArrayLike) -> NDArray[Any]:
    array = np.asarray(embeddings)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"embeddings must hold real numbers; got dtype {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"embeddings must have shape (n, d); got shape {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"embeddings must not be empty; got shape {array.shape}")
    return array


def _blocks(array: NDArray[Any]) -> list[slice]:
    rows = max(1, _BLOCK_BYTES // (8 * array.shape[1]))
    return [slice(start, start + rows) for start in range(0, len(array), rows)]


def _row_lengths(array: NDArray[Any]) -> NDArray[np.float64]:
    lengths = np.empty(len(array))
    for block in _blocks(array):
        rows = array[block].astype(np.float64)
        # Divided by the largest entry first, so that 1e200 or 1e-200 do not over- or underflow.
        largest = np.abs(rows).max(axis=1)
        _raise_for_first(block.start, ~np.isfinite(largest), array, "holds NaN or infinity")
        _raise_for_first(block.start, largest == 0, array, "is all zeros and has no direction")
        rows /= largest[:, None]
        lengths[block] = largest * np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return lengths


def _raise_for_first(start: int, bad: NDArray[np.bool_], array: NDArray[Any], what: str) -> None:
    if bad.any():
        row = start + int(np.argmax(bad))
        raise ValueError(f"embeddings of shape {array.shape}: row {row} {what}")


def _divide_by_length(array: NDArray[Any], lengths: NDArray[np.float64]) -> NDArray[np.float32]:
    ready = array.dtype == np.float32 and array.flags.c_contiguous
    if ready and np.all(np.abs(lengths - 1) < _UNIT_NORM_TOLERANCE):
        return np.asarray(array)
    unit = np.empty(array.shape, dtype=np.float32)
    for block in _blocks(array):
        rows = array[block].astype(np.float64)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        rows /= largest
        rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        unit[block] = rows
    return unit


def _check_rows(name: str, rows: ArrayLike | None, n: int) -> NDArray[np.int64]:
    if rows is None:
        return np.empty(0, dtype=np.int64)
    array = np.asarray(rows)
    if array.dtype == bool:
        if array.shape != (n,):
            raise ValueError(f"{name} as a mask must have shape ({n},); got shape {array.shape}")
        return np.flatnonzero(array).astype(np.int64)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of row numbers; got shape {array.shape}, dtype {array.dtype}"
        )
    out_of_range = (array < 0) | (array >= n)
    if out_of_range.any():
        raise ValueError(
            f"{name} must hold rows 0 to {n - 1}; got {array[out_of_range][0]} "
            f"in an array of shape {array.shape}"
        )
    values, counts = np.unique(array, return_counts=True)
    if len(values) < len(array):
        raise ValueError(
            f"{name} of shape {array.shape} holds row {values[counts > 1][0]} more than once"
        )
    return array.astype(np.int64)


def _check_labels(labels: Sequence[Any] | NDArray[Any] | None, count: int) -> NDArray[Any] | None:
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(
            f"labels must have one class for each of the {count} labelled rows; "
            f"got shape {array.shape}"
        )
    missing = [value is None or value != value for value in array.tolist()]
    if any(missing):
        raise ValueError(f"labels of shape {array.shape}: entry {missing.index(True)} is missing")
    return array


def _check_probabilities(probabilities: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    if probabilities is None:
        return None
    array = np.asarray(probabilities)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or len(array) != n or array.shape[1] < 2:
        raise ValueError(
            f"probabilities must have shape ({n}, number of classes of at least 2); "
            f"got shape {array.shape}, dtype {array.dtype}"
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"probabilities of shape {array.shape} hold NaN or infinity")
    if array.min() < -1e-6 or np.abs(array.sum(axis=1) - 1).max() > 1e-3:
        worst = int(np.argmax(np.abs(array.sum(axis=1) - 1) + (array.min(axis=1) < -1e-6)))
        raise ValueError(
            f"probabilities of shape {array.shape} must be at least 0 and sum to one in each row; "
            f"row {worst} sums to {array[worst].sum():.4g}"
        )
    array = np.clip(array, 0, None)
    return array / array.sum(axis=1, keepdims=True)


def _check_class_names(
    class_names: Sequence[Any] | None, probabilities: NDArray[np.float64] | None
) -> list[Any] | None:
    if class_names is None:
        return None
    columns = 0 if probabilities is None else probabilities.shape[1]
    if len(class_names) != columns:
        raise ValueError(
            f"class_names must name the {columns} columns of probabilities; got {len(class_names)}"
        )
    return list(class_names)


def _check_weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    array = np.asarray(weights)
    if array.shape != (n,) or array.dtype.kind not in "fiub":
        raise ValueError(
            f"weights must have shape ({n},); got shape {array.shape}, dtype {array.dtype}"
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all() or array.min() < 0 or array.max() <= 0:
        raise ValueError(
            f"weights of shape {array.shape} must be finite, at least 0, and not all 0"
        )
    return array
