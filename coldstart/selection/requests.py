"""Requests that every strategy takes: keep away from what is labelled, and more of some class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from coldstart.progress import Progress
from coldstart.selection.doubt import doubt_of
from coldstart.selection.exact import nearest_distances
from coldstart.selection.pool import Pool, Selection, check_budget

if TYPE_CHECKING:
    from coldstart.selection.strategy import Strategy

_LIKELY_PER_PICK = 10


def without_near_duplicates(pool: Pool, distance: float) -> Pool:
    """The pool whose candidates are at least ``distance`` from every labelled image."""
    if not distance >= 0:
        raise ValueError(f"away_from_labelled must be a distance of at least 0; got {distance!r}")
    if distance == 0 or len(pool.labelled) == 0:
        return pool
    far = nearest_distances(pool.unit, pool.labelled) >= distance
    return pool.changed(candidates=pool.candidates & far)


def select_wishes(
    strategy: Strategy, pool: Pool, budget: int, wishes: Mapping[Any, int], progress: Progress
) -> Selection:
    """``wishes[name]`` picks that are probably of that class, then the rest of the budget freely.

    For each wished class the strategy chooses among the images predicted to be of it, the likeliest
    ten times as many as were wished for; those picks then count as labelled with it.
    """
    budget = check_budget(budget, pool)
    doubt = doubt_of(pool, "a wish for more of a class")
    for name, count in wishes.items():
        if name not in doubt.classes:
            known = ", ".join(map(str, doubt.classes))
            raise ValueError(f"wishes name the class {name!r}; the model knows {known}")
        if not isinstance(count, (int, np.integer)) or count < 0:
            raise ValueError(f"wishes for {name!r} must be a number of images; got {count!r}")
    if sum(wishes.values()) > budget:
        raise ValueError(f"wishes add up to {sum(wishes.values())}, more than the budget {budget}")
    now = pool.changed(probabilities=doubt.probabilities, class_names=doubt.classes)
    parts: list[Selection] = []
    for name, count in wishes.items():
        if count == 0:
            continue
        likely = doubt.probabilities[:, doubt.classes.index(name)]
        rows = np.flatnonzero(now.candidates)
        rows = rows[np.argsort(-likely[rows], kind="stable")[: _LIKELY_PER_PICK * count]]
        predicted = int(np.sum(likely[rows] >= doubt.probabilities[rows].max(axis=1)))
        rows = rows[: max(count, predicted)]
        only = np.zeros(pool.n, dtype=bool)
        only[rows] = True
        picks = strategy._pick(now.changed(candidates=only), count, progress)
        reasons = [
            f"wished for: {name} at {likely[row]:.0%}; {reason}"
            for row, reason in zip(picks.indices.tolist(), picks.reasons, strict=True)
        ]
        parts.append(replace(picks, reasons=reasons))
        now = _with_labels(now, picks, name)
    left = budget - sum(wishes.values())
    if left:
        parts.append(strategy._pick(now, left, progress))
    return replace(
        parts[-1],
        indices=np.concatenate([part.indices for part in parts]),
        gains=np.concatenate([part.gains for part in parts]),
        reasons=[reason for part in parts for reason in part.reasons],
        notes=list(dict.fromkeys(note for part in parts for note in part.notes)),
        saturated_at=None,
    )


def _with_labels(pool: Pool, picks: Selection, name: Any) -> Pool:
    candidates = pool.candidates.copy()
    candidates[picks.indices] = False
    labels = None
    if pool.labels is not None:
        labels = np.array([*pool.labels.tolist(), *[name] * len(picks)])
    return pool.changed(
        candidates=candidates,
        labelled=np.concatenate([pool.labelled, picks.indices]),
        labels=labels,
    )
