"""From runs to what can be said: means with bands, paired differences to random, labels needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.rehearsal.compare import Comparison, bootstrap_rows, compare_paired, holm
from coldstart.rehearsal.curves import area_under_curve, labels_needed
from coldstart.rehearsal.run import EVERYTHING, RANDOM, Run

NEARLY = 0.9
"""The share of the accuracy with all labels that "labels needed" is about."""

_LEVEL = 0.95
_DRAWS = 2_000


@dataclass(frozen=True)
class StrategySummary:
    """What one strategy reached over all splits of a case.

    Attributes
    ----------
    accuracy, deviation, low, high : (b,) mean over the splits, standard deviation, and the 95%
        bootstrap interval of the mean, at each budget.
    balanced_accuracy, nearest, classes_found : (b,) means.
    area, area_deviation : of the area under the accuracy curve over log labels.
    to_random : the paired difference in area to random; None for random itself.
    p_holm : its Wilcoxon p, corrected for the number of strategies compared in the case.
    at_budget : (b,) paired differences in accuracy to random at each budget, each interval as wide
        as the number of budgets asks for (Bonferroni).
    needed, needed_low, needed_high : labels at which the mean curve reaches 90% of the accuracy
        with all labels, and the bootstrap interval; infinite where the budgets end before.
    saving, saving_low, saving_high : how many times as many labels random needs for it; where
        the budgets end before a curve gets there, the last budget stands in for it; where that is
        random's, the saving is at least that (``saving_at_least``).
    runs, failed, error, cpu_s : how many splits it has, how many of its runs failed, why the first
        did, and the median CPU seconds of choosing.
    """

    strategy: str
    runs: int
    accuracy: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    balanced_accuracy: list[float] = field(default_factory=list)
    nearest: list[float] = field(default_factory=list)
    classes_found: list[float] = field(default_factory=list)
    area: float = float("nan")
    area_deviation: float = float("nan")
    to_random: Comparison | None = None
    p_holm: float | None = None
    at_budget: list[Comparison] = field(default_factory=list)
    needed: float = float("inf")
    needed_low: float = float("inf")
    needed_high: float = float("inf")
    saving: float | None = None
    saving_low: float | None = None
    saving_high: float | None = None
    saving_at_least: bool = False
    failed: int = 0
    error: str = ""
    cpu_s: float = 0.0


@dataclass(frozen=True)
class CaseSummary:
    """All strategies on one data set, encoder, imbalance and batch rule.

    full_accuracy : mean accuracy with every label of the pool. splits : the repeats that all
    strategies listed have in common. classes : how many there are.
    """

    budgets: list[int]
    classes: int
    splits: int
    full_accuracy: float
    strategies: list[StrategySummary] = field(default_factory=list)

    def get(self, strategy: str) -> StrategySummary | None:
        """One strategy's summary, if it took part."""
        return next((one for one in self.strategies if one.strategy == strategy), None)

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it; infinite numbers of labels become None."""
        return _finite(asdict(self))


def summarise(runs: Sequence[Run], classes: int, *, seed: int = 0) -> CaseSummary | None:
    """The summary of one case's runs; None before random has finished a split.

    A strategy is compared with random on the splits that both have finished.
    """
    whole = [one for one in runs if not one.error and len(one.accuracy) == len(one.budgets)]
    by_strategy: dict[str, dict[int, Run]] = {}
    for run in whole:
        by_strategy.setdefault(run.strategy, {})[run.split] = run
    full = {split: run.accuracy[0] for split, run in by_strategy.pop(EVERYTHING, {}).items()}
    random = by_strategy.get(RANDOM, {})
    if not random or not full:
        return None
    budgets = min((run.budgets for run in random.values()), key=len)
    failures: dict[str, list[str]] = {}
    for run in runs:
        if run.error:
            failures.setdefault(run.strategy, []).append(run.error)
    names = list(dict.fromkeys([*by_strategy, *failures]))
    found = []
    for name in names:
        mine = by_strategy.get(name, {})
        shared = sorted(set(mine) & set(random) & set(full))
        errors = failures.get(name, [])
        if shared:
            found.append(
                _one(
                    name,
                    [mine[s] for s in shared],
                    [random[s] for s in shared],
                    float(np.mean([full[s] for s in shared])),
                    errors,
                    seed,
                )
            )
        else:
            found.append(StrategySummary(name, 0, failed=len(errors), error=errors[0]))
    compared = [one for one in found if one.to_random is not None]
    corrected = holm([one.to_random.p for one in compared if one.to_random is not None])
    p_of = {one.strategy: p for one, p in zip(compared, corrected, strict=True)}
    return CaseSummary(
        budgets=list(budgets),
        classes=classes,
        splits=len(set(random) & set(full)),
        full_accuracy=float(np.mean(list(full.values()))),
        strategies=[
            StrategySummary(**vars(one) | {"p_holm": p_of.get(one.strategy)}) for one in found
        ],
    )


def _one(
    name: str, mine: list[Run], random: list[Run], full: float, errors: list[str], seed: int
) -> StrategySummary:
    # A strategy may have been measured at fewer budgets than random: compared is what both have.
    count = min(len(run.accuracy) for run in [*mine, *random])
    random_budgets = random[0].budgets[: min(len(run.accuracy) for run in random)]
    budgets = mine[0].budgets[:count]
    accuracy = np.array([run.accuracy[:count] for run in mine])
    whole = np.array([run.accuracy[: len(random_budgets)] for run in random])
    beside = whole[:, :count]
    areas, random_areas = area_under_curve(budgets, accuracy), area_under_curve(budgets, beside)
    rows = bootstrap_rows(len(mine), seed, _DRAWS)
    drawn = accuracy[rows].mean(axis=1)
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    wanted = NEARLY * full
    needed = labels_needed(budgets, accuracy.mean(axis=0), wanted)
    needed_draws = np.array([labels_needed(budgets, one, wanted) for one in drawn])
    saving: list[float | None] = [None] * 3
    reached = True
    if name != RANDOM and np.isfinite(needed):
        random_drawn = whole[rows].mean(axis=1)
        random_draws = np.array(
            [labels_needed(random_budgets, one, wanted) for one in random_drawn]
        )
        random_needed = labels_needed(random_budgets, whole.mean(axis=0), wanted)
        reached = bool(np.isfinite(random_needed))
        last = random_budgets[-1]
        capped = np.minimum(random_draws, last) / np.minimum(needed_draws, last)
        saving = [
            min(random_needed, last) / min(needed, last),
            *_quantiles(capped),
        ]
    level = 1 - (1 - _LEVEL) / len(budgets)
    is_random = name == RANDOM
    needed_low, needed_high = _quantiles(needed_draws)
    return StrategySummary(
        strategy=name,
        runs=len(mine),
        accuracy=_listed(accuracy.mean(axis=0)),
        deviation=_listed(accuracy.std(axis=0, ddof=1) if len(mine) > 1 else 0 * accuracy[0]),
        low=_listed(low),
        high=_listed(high),
        balanced_accuracy=_mean_of(mine, "balanced_accuracy", count),
        nearest=_mean_of(mine, "nearest", count),
        classes_found=_mean_of(mine, "classes_found", count),
        area=float(areas.mean()),
        area_deviation=float(areas.std(ddof=1)) if len(mine) > 1 else 0.0,
        to_random=None if is_random else compare_paired(areas, random_areas, seed=seed),
        p_holm=None,
        at_budget=[]
        if is_random
        else [
            compare_paired(accuracy[:, at], beside[:, at], level=level, seed=seed)
            for at in range(len(budgets))
        ],
        needed=needed,
        needed_low=needed_low,
        needed_high=needed_high,
        saving=saving[0],
        saving_low=saving[1],
        saving_high=saving[2],
        saving_at_least=not reached,
        failed=len(errors),
        error=errors[0] if errors else "",
        cpu_s=float(np.median([run.cpu_s for run in mine])),
    )


def _quantiles(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95% interval of values some of which may be infinite."""
    ordered = np.sort(values)
    last = len(ordered) - 1
    return float(ordered[round((1 - _LEVEL) / 2 * last)]), float(
        ordered[round((1 + _LEVEL) / 2 * last)]
    )


def _mean_of(runs: list[Run], name: str, count: int) -> list[float]:
    return _listed(np.mean([getattr(run, name)[:count] for run in runs], axis=0))


def _listed(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 5) for value in values]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
