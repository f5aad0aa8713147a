"""Which colour and symbol each point of a map has, the same for plotly and for WebGL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.figures.style import PALETTE, QUIET, SCALE, SYMBOLS

NAMED_GROUPS = 24
_STEPS = 10
_COMPARED_KINDS = 16
RINGED = 128
"""Added to a point's group number when it gets a ring."""


@dataclass(frozen=True)
class MapGroup:
    """Points that look alike: ``symbol`` one of `SYMBOLS`, ``quiet`` drawn small and below."""

    name: str
    color: str
    symbol: str
    quiet: bool
    count: int


def group_points(
    values: Sequence[str] | ArrayLike,
    *,
    quiet: Sequence[str] = (),
    order: Sequence[str] = (),
    ringed: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.uint8], list[MapGroup]]:
    """(n,) uint8 group number of each point, and the groups in the order of their numbers.

    values : n texts (the most frequent 24 are told apart, the rest are "other") or n numbers, which
    are put into ten steps from the lowest to the highest (NaN is "not known"). quiet, order : see
    `figures.map_figure`. ringed : (n,) points that get a ring.
    """
    array = np.asarray(values)
    if array.dtype.kind in "fiu":
        numbers, groups = _steps(array.astype(np.float64))
    else:
        numbers, groups = _names(array.astype(str), set(quiet), order)
    if ringed is not None:
        numbers = numbers + np.where(ringed, RINGED, 0)
    return numbers.astype(np.uint8), groups


def _names(
    texts: NDArray[np.str_], quiet: set[str], order: Sequence[str]
) -> tuple[NDArray[np.int64], list[MapGroup]]:
    names, codes = _coded(texts)
    counts = np.bincount(codes, minlength=len(names))
    frequent = np.argsort(-counts, kind="stable").tolist()
    loud = [one for one in frequent if str(names[one]) not in quiet]
    known = [*order, *sorted({str(names[one]) for one in loud} - set(order))]
    place = {name: number for number, name in enumerate(known)}
    shown = [one for one in frequent if str(names[one]) in quiet] + loud[:NAMED_GROUPS]
    groups = []
    for one in shown:
        name = str(names[one])
        if name in quiet:
            groups.append(MapGroup(name, QUIET, "circle", True, int(counts[one])))
            continue
        color, symbol = PALETTE[place[name] % len(PALETTE)], SYMBOLS[place[name] % len(SYMBOLS)]
        groups.append(MapGroup(name, color, symbol, False, int(counts[one])))
    number_of = np.full(len(names), len(shown), dtype=np.int64)
    number_of[shown] = np.arange(len(shown))
    rest = int(counts[loud[NAMED_GROUPS:]].sum()) if len(loud) > NAMED_GROUPS else 0
    if rest:
        groups.append(MapGroup("other", QUIET, "x", False, rest))
    return number_of[codes], groups


def _coded(texts: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """The different texts in order, and the place of each text among them: as `numpy.unique`, which
    sorts them all, and takes ten times as long for a million texts of a few kinds."""
    found: list[str] = []
    codes = np.zeros(len(texts), dtype=np.int64)
    left, rest = np.arange(len(texts)), texts
    while len(rest) and len(found) < _COMPARED_KINDS:
        same = rest == rest[0]
        codes[left[same]] = len(found)
        found.append(str(rest[0]))
        left, rest = left[~same], rest[~same]
    if len(rest):
        return np.unique(texts, return_inverse=True)
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    return np.array([found[one] for one in order], dtype=np.str_), place[codes]


def _steps(numbers: NDArray[np.float64]) -> tuple[NDArray[np.int64], list[MapGroup]]:
    known = np.isfinite(numbers)
    groups: list[MapGroup] = []
    out = np.zeros(len(numbers), dtype=np.int64)
    if not known.all():
        groups.append(MapGroup("not known", QUIET, "circle", True, int((~known).sum())))
    if not known.any():
        return out, groups
    low, high = float(numbers[known].min()), float(numbers[known].max())
    edges = np.linspace(low, high, _STEPS + 1)
    step = np.clip(np.searchsorted(edges, numbers[known], side="right") - 1, 0, _STEPS - 1)
    out[known] = step + len(groups)
    counts = np.bincount(step, minlength=_STEPS)
    for number in range(_STEPS):
        name = f"{edges[number]:.2f} – {edges[number + 1]:.2f}"
        color = _between(number / (_STEPS - 1))
        # Symbols too, so that low, middle and high are told apart without colour.
        symbol = ("circle", "diamond", "square")[number * 3 // _STEPS]
        groups.append(MapGroup(name, color, symbol, False, int(counts[number])))
    return out, groups


def _between(share: float) -> str:
    """The colour at this place of `SCALE`, 0 to 1."""
    stops = np.array([stop for stop, _ in SCALE])
    colours = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for _, color in SCALE]
    mixed = [round(float(np.interp(share, stops, np.array(colours)[:, i]))) for i in range(3)]
    return "#" + "".join(f"{one:02x}" for one in mixed)
