"""The default policy: what to use when nobody wants to choose, chosen by measurement.

k-means, best of ten starts, for the first batch; UHerding, by a class-balanced probe, for every
later one. While only one class is known, half of a batch looks for another; with ``rare_classes``
it goes on looking while classes are still being discovered. docs/evidence.md says what that is
worth, and what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.coreset import CoreSet
from coldstart.selection.doubt import knows_two_classes
from coldstart.selection.kmeans import KMeans
from coldstart.selection.maxherding import MaxHerding
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import ENGINE_HELP, ONE_MACHINE, Strategy, option
from coldstart.selection.uherding import UHerding

# Five labels of one class, and none of another, are a reason to look for another.
_LABELS_OF_ONE_CLASS = 5
_EVEN, _VERY_UNEVEN = 0.1, 0.5
_MOST_FLATTENED = 6.0
_MOST_FARTHEST = 0.5


def unevenness(labels: Sequence[Any] | NDArray[Any]) -> float:
    """The squared coefficient of variation of the numbers of labels of the classes found: 0 where
    all have as many, 0.3 and 1.1 for ten classes that fall off geometrically by 10 and by 50."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(counts.var() / counts.mean() ** 2)


@dataclass(frozen=True, kw_only=True)
class Auto(Strategy):
    """k-means for the first batch, UHerding once two classes are labelled, MaxHerding in between.

    While five labels or more are all of one class, CoreSet picks half of a batch. With
    ``rare_classes``, as long as some class has a single label: while the `unevenness` of the labels
    goes from 0.1 to 0.5, the share of CoreSet goes from nothing to half, and the ``flatten`` of
    UHerding from 0 to 6. Picks of CoreSet come evenly among the others. Gains are those of the
    strategy that picked; the notes say which did.
    """

    name = "auto"
    title = "Automatic"
    summary = "Starts with the middles of groups, then asks about what the model is unsure of."
    paper = "k-means; Bae et al., ICLR 2025 (UHerding); Sener & Savarese, ICLR 2018 (CoreSet)"
    covers = True

    rare_classes: bool = option(
        False,
        "Look for rare classes once the labels are uneven: better where every class counts the "
        "same, a little worse where every image does.",
    )
    engine: str = option("local", ENGINE_HELP, choices=ONE_MACHINE)

    @property
    def nested(self) -> bool:
        return False

    def quick(self, pool: Pool) -> Strategy:
        # A preview shows the picks of what it is given: they must be the ones to come.
        return self if self._search(pool) else self._used(pool)[0].quick(pool)

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        used, why = self._used(pool)
        farthest = round(_MOST_FARTHEST * self._search(pool) * budget)
        picks = used.select(pool, budget - farthest, progress=progress)
        notes = [f"{why}: picked by {used.title}.", *picks.notes]
        if farthest:
            apart = CoreSet(seed=self.seed).select(_after(pool, picks), farthest, progress=progress)
            picks = _spread(picks, apart)
            notes.append(
                f"Classes without a label are looked for: {farthest} of {budget} picks are by "
                f"{CoreSet.title}."
            )
        return replace(picks, strategy=self.name, settings=asdict(self), notes=notes)

    def _used(self, pool: Pool) -> tuple[Strategy, str]:
        """The strategy for this pool, and why."""
        if len(pool.labelled) == 0 and pool.probabilities is None:
            return KMeans(seed=self.seed, engine=self.engine), "First batch"
        if knows_two_classes(pool):
            flatten = _MOST_FLATTENED * self._search(pool)
            return UHerding(seed=self.seed, engine=self.engine, flatten=flatten), "Labels exist"
        why = "Fewer than two classes are labelled"
        return MaxHerding(seed=self.seed, engine=self.engine), why

    def _search(self, pool: Pool) -> float:
        """How much to look for classes that have no label yet, from 0 to 1."""
        if pool.labels is None or len(pool.labels) == 0:
            return 0.0
        counts = np.unique(pool.labels, return_counts=True)[1]
        if len(counts) == 1 and pool.probabilities is None:
            return float(counts[0] >= _LABELS_OF_ONE_CLASS)
        if not self.rare_classes or counts.min() > 1:
            return 0.0
        share = (unevenness(pool.labels) - _EVEN) / (_VERY_UNEVEN - _EVEN)
        return float(np.clip(share, 0, 1))


def _after(pool: Pool, picks: Selection) -> Pool:
    """The pool once the picks are labelled, with whatever class."""
    candidates = pool.candidates.copy()
    candidates[picks.indices] = False
    labelled = np.concatenate([pool.labelled, picks.indices])
    return pool.changed(candidates=candidates, labelled=labelled, labels=None)


def _spread(many: Selection, few: Selection) -> Selection:
    """Both, ``few`` evenly among ``many``, so that a part of the batch has its share of each."""
    place = np.concatenate([(np.arange(len(one)) + 0.5) / len(one) for one in (many, few)])
    order = np.argsort(place, kind="stable")
    reasons = [*many.reasons, *few.reasons]
    return replace(
        many,
        indices=np.concatenate([many.indices, few.indices])[order],
        gains=np.concatenate([many.gains, few.gains])[order],
        reasons=[reasons[one] for one in order.tolist()],
    )
