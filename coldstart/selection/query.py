"""Our strategies behind scikit-activeml's interface, so that a script switches by an import.

    from coldstart.selection.query import ProbCover      # was: from skactiveml.pool import …

    rows = ProbCover(random_state=0).query(X, y, batch_size=10)

Every class of the registry is here under its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.selection.pool import Pool
from coldstart.selection.registry import make_strategy, strategies


class QueryStrategy:
    """One strategy with scikit-activeml's `query`.

    Parameters
    ----------
    strategy : its name in the registry.
    missing_label : the value in ``y`` of an image without a label.
    random_state : the seed; None is 0.
    settings : the strategy's fields.
    """

    def __init__(
        self,
        strategy: str,
        *,
        missing_label: Any = np.nan,
        random_state: int | None = None,
        **settings: Any,
    ) -> None:
        self.missing_label = missing_label
        self.strategy = make_strategy(strategy, seed=int(random_state or 0), **settings)

    def query(
        self,
        X: ArrayLike,
        y: ArrayLike,
        clf: Any = None,
        fit_clf: bool = True,
        *,
        candidates: ArrayLike | None = None,
        batch_size: int = 1,
        return_utilities: bool = False,
    ) -> NDArray[np.int64] | tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(batch_size,) rows of ``X`` to label.

        ``y`` (n,) holds the labels, ``missing_label`` where there is none. ``clf`` (fitted on the
        labelled rows when ``fit_clf``) gives the probabilities to strategies that use them.
        ``candidates`` are row numbers. Utilities (batch_size, n) hold the gain of each pick at its
        turn and 0 elsewhere, NaN where a row cannot be picked: the others are never computed.
        """
        labels = np.asarray(y)
        known = ~self._is_missing(labels)
        labelled = np.flatnonzero(known)
        probabilities = class_names = None
        if clf is not None and len(labelled):
            model = clf.fit(np.asarray(X)[labelled], labels[labelled]) if fit_clf else clf
            probabilities = model.predict_proba(np.asarray(X))
            class_names = list(model.classes_)
            if probabilities.shape[1] < 2:
                probabilities = class_names = None
        pool = Pool(
            X,
            labelled=labelled,
            labels=labels[labelled],
            probabilities=probabilities,
            class_names=class_names,
            candidates=candidates,
        )
        picks = self.strategy.select(pool, batch_size)
        if not return_utilities:
            return picks.indices
        utilities = np.where(pool.candidates, 0.0, np.nan)[None, :].repeat(batch_size, axis=0)
        for turn, row in enumerate(picks.indices):
            utilities[turn, picks.indices[:turn]] = np.nan
            utilities[turn, row] = picks.gains[turn]
        return picks.indices, utilities

    def _is_missing(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        if isinstance(self.missing_label, float) and np.isnan(self.missing_label):
            return np.array([value != value for value in labels.tolist()], dtype=bool)
        return np.array([value == self.missing_label for value in labels.tolist()], dtype=bool)


def __getattr__(name: str) -> Callable[..., QueryStrategy]:
    """`from coldstart.selection.query import <class name of any strategy>`."""
    for strategy in strategies().values():
        if strategy.__name__ == name:
            registered = strategy.name
            return lambda **settings: QueryStrategy(registered, **settings)
    raise AttributeError(f"there is no strategy class {name!r}")
