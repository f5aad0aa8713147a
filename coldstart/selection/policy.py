"""The default policy: what to use when nobody wants to choose, chosen by measurement.

k-means, best of ten starts, for the first batch; UHerding, by a class-balanced probe, for every
later one. Best, or within a point of best, on all embedding sets tried.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from coldstart.progress import Progress
from coldstart.selection.doubt import knows_two_classes
from coldstart.selection.kmeans import KMeans
from coldstart.selection.maxherding import MaxHerding
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import ENGINE_HELP, ONE_MACHINE, Strategy, option
from coldstart.selection.uherding import UHerding


@dataclass(frozen=True, kw_only=True)
class Auto(Strategy):
    """k-means for the first batch, UHerding once two classes are labelled, MaxHerding in between.

    Gains are those of the strategy that was used; the first note says which.
    """

    name = "auto"
    title = "Automatic"
    summary = "Starts with the middles of groups, then asks about what the model is unsure of."
    paper = "k-means, then Bae et al., ICLR 2025 (UHerding)"
    covers = True

    engine: str = option("local", ENGINE_HELP, choices=ONE_MACHINE)

    @property
    def nested(self) -> bool:
        return False

    def quick(self, pool: Pool) -> Strategy:
        return self._used(pool)[0].quick(pool)

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        used, why = self._used(pool)
        picks = used.select(pool, budget, progress=progress)
        return replace(
            picks,
            strategy=self.name,
            settings=asdict(self),
            notes=[f"{why}: picked by {used.title}.", *picks.notes],
        )

    def _used(self, pool: Pool) -> tuple[Strategy, str]:
        """The strategy for this pool, and why."""
        if len(pool.labelled) == 0 and pool.probabilities is None:
            return KMeans(seed=self.seed, engine=self.engine), "First batch"
        if knows_two_classes(pool):
            return UHerding(seed=self.seed, engine=self.engine), "Labels exist"
        why = "Fewer than two classes are labelled"
        return MaxHerding(seed=self.seed, engine=self.engine), why
