"""The map: where in the pool is what?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, SCALE, SYMBOLS, new_figure, plain

MAP_LIMIT = 10_000
"""More points than this make a plotly map slow to open."""

_NAMED_CATEGORIES = 24


def map_figure(
    layout: np.ndarray,
    colour: Sequence[str] | np.ndarray,
    image_names: Sequence[str],
    image_ids: Sequence[int],
    *,
    colour_title: str,
    quiet: Sequence[str] = ("unlabelled",),
    order: Sequence[str] = (),
    labelled: np.ndarray | None = None,
) -> go.Figure:
    """Where in the pool is what? One point per image.

    layout : (n, 2) float, n at most `MAP_LIMIT` (see `thin_out`). colour : n texts (the points of
    a text share colour, symbol and legend entry; the most frequent 24 are told apart, the rest are
    "other") or n numbers (NaN is drawn quiet). image_names, image_ids : for hovering, and in
    ``customdata`` as ``[image_id, number of the point]``. quiet : texts drawn small and grey, below
    the others.
    order : texts in the order in which they get their looks (`PALETTE` and `SYMBOLS` in turn), so
    that a class looks the same everywhere; the texts it lacks follow by the alphabet.
    labelled : (n,) bool, points that get a ring.
    """
    n = len(layout)
    if n > MAP_LIMIT:
        raise ValueError(f"{n} points are more than {MAP_LIMIT}: thin them out first")
    values = np.asarray(colour)
    if layout.shape != (n, 2) or not len(values) == len(image_names) == len(image_ids) == n:
        raise ValueError("layout, colour, image_names and image_ids must be of one length")
    points = _Points(layout, values, image_names, image_ids, colour_title)
    figure = new_figure()
    if values.dtype.kind in "fiu":
        _numbered_points(figure, points)
    else:
        _named_points(figure, points, set(quiet), order)
    if labelled is not None and labelled.any():
        figure.add_trace(
            go.Scattergl(
                x=layout[labelled, 0],
                y=layout[labelled, 1],
                mode="markers",
                name=f"labelled ({int(labelled.sum()):,})",
                marker={
                    "symbol": "circle-open",
                    "size": points.size + 6,
                    "color": QUIET,
                    "line": {"width": 1.5},
                },
                hoverinfo="skip",
            )
        )
    # The axes of such a map mean nothing; only nearness does, so both have the same scale.
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    figure.update_layout(
        dragmode="lasso", clickmode="event+select", hovermode="closest", height=560, uirevision=1
    )
    return figure


def thin_out(n: int, keep: np.ndarray, limit: int = MAP_LIMIT, seed: int = 0) -> np.ndarray:
    """Sorted row numbers of at most ``limit`` of n points: all of ``keep``, and a random rest.

    keep : (k,) row numbers, such as the labelled ones; the first ``limit`` when there are more.
    """
    if n <= limit:
        return np.arange(n)
    kept = np.unique(keep)[:limit].astype(np.int64)
    others = np.setdiff1d(np.arange(n), kept)
    drawn = np.random.default_rng(seed).choice(others, limit - len(kept), replace=False)
    return np.sort(np.concatenate([kept, drawn]))


class _Points:
    """The points of a map with what hovering over them says."""

    def __init__(
        self,
        layout: np.ndarray,
        values: np.ndarray,
        names: Sequence[str],
        image_ids: Sequence[int],
        title: str,
    ) -> None:
        self.layout, self.values, self.title = layout, values, title
        self.names = [plain(name) for name in names]
        self.custom = [[int(image_id), number] for number, image_id in enumerate(image_ids)]
        self.size = 9 if len(layout) <= 500 else 6 if len(layout) <= 3000 else 4

    def add_to(
        self, figure: go.Figure, rows: np.ndarray, says: Sequence[str], **marker: Any
    ) -> None:
        name = marker.pop("name")
        figure.add_trace(
            go.Scattergl(
                x=self.layout[rows, 0],
                y=self.layout[rows, 1],
                mode="markers",
                name=name,
                marker={"size": self.size, **marker},
                customdata=[self.custom[row] for row in rows],
                text=[
                    f"{self.names[row]}<br>{plain(self.title)}: {word}"
                    for row, word in zip(rows, says)
                ],
                hovertemplate="%{text}<extra></extra>",
            )
        )


def _named_points(
    figure: go.Figure, points: _Points, quiet: set[str], order: Sequence[str]
) -> None:
    texts = points.values.astype(str)
    names, counts = np.unique(texts, return_counts=True)
    frequent = [str(names[i]) for i in np.argsort(-counts, kind="stable")]
    loud = [name for name in frequent if name not in quiet]
    place = {name: i for i, name in enumerate([*order, *sorted(set(loud) - set(order))])}
    told_apart = [name for name in frequent if name in quiet] + loud[:_NAMED_CATEGORIES]
    for name in told_apart:
        rows = np.flatnonzero(texts == name)
        look = (
            {"color": QUIET, "size": points.size - 1.5, "opacity": 0.45}
            if name in quiet
            else {
                "color": PALETTE[place[name] % len(PALETTE)],
                "symbol": SYMBOLS[place[name] % len(SYMBOLS)],
            }
        )
        shown = plain(name)
        points.add_to(figure, rows, [shown] * len(rows), name=f"{shown} ({len(rows):,})", **look)
    rows = np.flatnonzero(~np.isin(texts, told_apart))
    if len(rows):
        says = [plain(str(texts[row])) for row in rows]
        look = {"color": QUIET, "symbol": "hexagon-open"}
        points.add_to(figure, rows, says, name=f"other ({len(rows):,})", **look)
    figure.update_layout(legend_title_text=plain(points.title), legend_itemsizing="constant")


def _numbered_points(figure: go.Figure, points: _Points) -> None:
    known = np.isfinite(points.values)
    unknown = np.flatnonzero(~known)
    if len(unknown):
        name = f"not known ({len(unknown):,})"
        says = ["not known"] * len(unknown)
        points.add_to(figure, unknown, says, name=name, color=QUIET, opacity=0.45)
    rows = np.flatnonzero(known)
    if len(rows):
        points.add_to(
            figure,
            rows,
            [f"{points.values[row]:.3g}" for row in rows],
            name=plain(points.title),
            color=points.values[rows],
            colorscale=[list(stop) for stop in SCALE],
            colorbar={"title": {"text": plain(points.title)}, "thickness": 12},
        )
    figure.update_layout(showlegend=False)
