"""The one list of strategies, in the order they are shown."""

from __future__ import annotations

from typing import Any

from coldstart.selection.activeft import ActiveFT
from coldstart.selection.badge import Badge
from coldstart.selection.coreset import CoreSet
from coldstart.selection.dcom import DCoM
from coldstart.selection.dropquery import DropQuery
from coldstart.selection.kmeans import KMeans
from coldstart.selection.maxherding import FacilityLocation, MaxHerding
from coldstart.selection.policy import Auto
from coldstart.selection.probcover import ProbCover
from coldstart.selection.skactiveml_bridge import make_bridge
from coldstart.selection.strategy import Strategy, from_text, settings_of
from coldstart.selection.typiclust import TCM, TypiClust
from coldstart.selection.uherding import UHerding
from coldstart.selection.uncertainty import (
    Bald,
    Entropy,
    LeastConfidence,
    Margin,
    VariationRatio,
)
from coldstart.selection.uniform import Random
from coldstart.selection.usl import USL

_STRATEGIES: tuple[type[Strategy], ...] = (
    Auto,
    ProbCover,
    KMeans,
    MaxHerding,
    FacilityLocation,
    TypiClust,
    CoreSet,
    USL,
    ActiveFT,
    UHerding,
    Margin,
    Entropy,
    LeastConfidence,
    Badge,
    DropQuery,
    TCM,
    DCoM,
    Bald,
    VariationRatio,
    Random,
)


def strategies() -> dict[str, type[Strategy]]:
    """Every strategy on offer, by name, in the order they should be listed."""
    return {strategy.name: strategy for strategy in _STRATEGIES}


def make_strategy(name: str, **settings: Any) -> Strategy:
    """The strategy called ``name``, or ``skactiveml:<class>`` where that package is installed.

    Settings may be text, as the command line has them.

    Raises ValueError for an unknown strategy or setting, or a value out of range.
    """
    if name.startswith("skactiveml:"):
        return make_bridge(name.removeprefix("skactiveml:"), settings)
    kind = strategies().get(name)
    if kind is None:
        raise ValueError(f"there is no strategy {name!r}; choose one of {', '.join(strategies())}")
    known = {setting.name: setting for setting in settings_of(kind)}
    values = {}
    for key, value in settings.items():
        if key not in known:
            raise ValueError(f"{name} has no setting {key!r}; it has {', '.join(known)}")
        values[key] = from_text(name, known[key], value) if isinstance(value, str) else value
    return kind(**values)
