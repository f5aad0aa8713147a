"""Folds for cross-validation: stratified by class, with copies of one picture kept together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def group_numbers(groups: Sequence[str] | None, count: int) -> np.ndarray:
    """(count,) int64: the same number for images of the same group; all differ without groups.

    An empty text is no group: such an image is one of its own.

    Raises ValueError when there is not one group for each image.
    """
    if groups is None:
        return np.arange(count)
    if len(groups) != count:
        raise ValueError(f"{len(groups)} groups for {count} images")
    named = [group or f"\n{row}" for row, group in enumerate(groups)]
    return np.unique(np.asarray(named, dtype=object), return_inverse=True)[1]


def stratified_folds(
    classes: np.ndarray, groups: np.ndarray, folds: int, seed: int, *, rare_below: int = 0
) -> np.ndarray:
    """(n,) int64 fold of each image, from 0 to ``folds`` - 1.

    The groups of a class are shuffled and dealt to the folds in turn, and the next class goes on
    where the last one ended: within a class the folds differ by at most one group, and so they do
    in all. A group of several classes counts for that of its first image. Images of classes with
    fewer than ``rare_below`` groups get -1: they are to be trained on in every fold.

    classes : (n,) int64; groups : (n,) int64.
    """
    random = np.random.default_rng(seed)
    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    class_of_group = classes[first]
    fold_of_group = np.full(len(first), -1, dtype=np.int64)
    dealt = 0
    for which in np.unique(class_of_group):
        mine = random.permutation(np.flatnonzero(class_of_group == which))
        if len(mine) >= rare_below:
            fold_of_group[mine] = (dealt + np.arange(len(mine))) % folds
            dealt += len(mine)
    return fold_of_group[members]
