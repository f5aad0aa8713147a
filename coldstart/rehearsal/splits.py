"""Who is asked about and who judges: a pool and a test set, drawn anew for every repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError

_FEWEST_OF_A_CLASS = 2
_MOST_OF_THE_POOL = 0.6


@dataclass(frozen=True)
class Split:
    """Rows to choose from and rows to judge by: ``pool`` and ``test``, int64, nothing in common.

    number : which repeat this is; the same number gives the same split.
    imbalance : how many times the largest class of the pool outnumbers the smallest; 1 for the
        classes as they are.
    """

    number: int
    pool: NDArray[np.int64]
    test: NDArray[np.int64]
    imbalance: float = 1.0


def draw_split(
    classes: NDArray[np.int64],
    number: int,
    *,
    groups: NDArray[np.int64] | None = None,
    test_share: float = 0.25,
    most_pool: int | None = None,
    imbalance: float = 1.0,
) -> Split:
    """Split ``number`` of images with the given ``classes``, (n,) int64 from 0.

    A share ``test_share`` of every class is the test set. Of the rest at most ``most_pool`` images
    are the pool, every class in its own share. With ``imbalance`` above 1 the classes of the pool,
    in an order drawn by chance, fall off geometrically down to the largest class divided by it (at
    least two images stay); the test set keeps its shares.

    groups : (n,) copies of one picture have the same number and stay on one side.

    Raises
    ------
    ColdstartError : fewer than two classes, or a class with fewer than four pictures.
    """
    generator = np.random.default_rng([number, 20_260])
    groups = np.arange(len(classes)) if groups is None else groups
    test = np.zeros(len(classes), dtype=bool)
    rest: list[NDArray[np.int64]] = []
    _, first = np.unique(groups, return_index=True)
    class_of_group = dict(zip(groups[first].tolist(), classes[first].tolist(), strict=True))
    found = np.unique(classes)
    if len(found) < 2:
        raise ColdstartError(
            "All images are of one class.", "A rehearsal needs images of two classes at least."
        )
    for which in found.tolist():
        members = np.array([g for g, c in class_of_group.items() if c == which], dtype=np.int64)
        if len(members) < 2 * _FEWEST_OF_A_CLASS:
            raise ColdstartError(
                f"Class number {which} has {len(members)} different pictures.",
                "A rehearsal needs four of every class: leave smaller classes out.",
            )
        members = generator.permutation(members)
        count = max(1, round(test_share * len(members)))
        test[np.isin(groups, members[:count])] = True
        rest.append(np.flatnonzero(np.isin(groups, members[count:]) & ~test))
    kept = _long_tail(rest, imbalance, generator) if imbalance > 1 else rest
    total = sum(len(rows) for rows in kept)
    share = 1.0 if most_pool is None else min(1.0, most_pool / total)
    drawn = [
        generator.permutation(rows)[: max(_FEWEST_OF_A_CLASS, round(share * len(rows)))]
        for rows in kept
    ]
    # In an order of chance: ties go to the lowest row, which must not mean to the first class.
    pool = generator.permutation(np.concatenate(drawn))
    return Split(number, pool, np.flatnonzero(test), imbalance)


def label_budgets(per_class: Sequence[int], class_count: int, pool_size: int) -> tuple[int, ...]:
    """Numbers of labels for so many ``per_class``, without those beyond 60% of the pool: there
    any two strategies have picked nearly the same images."""
    most = int(_MOST_OF_THE_POOL * pool_size)
    budgets = sorted({one * class_count for one in per_class if one > 0})
    return tuple(one for one in budgets if one <= most) or (max(1, min(class_count, most)),)


def _long_tail(
    rows_of_class: list[NDArray[np.int64]], imbalance: float, generator: np.random.Generator
) -> list[NDArray[np.int64]]:
    order = generator.permutation(len(rows_of_class))
    largest = len(rows_of_class[order[0]])
    kept = list(rows_of_class)
    for place, which in enumerate(order.tolist()):
        wanted = largest * imbalance ** (-place / (len(order) - 1))
        count = max(_FEWEST_OF_A_CLASS, round(wanted))
        kept[which] = generator.permutation(rows_of_class[which])[:count]
    return kept
