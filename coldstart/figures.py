"""Arrays in, plotly figures out: each answers one question, which the page prints above it.

The figures set no font and no background, so that they take both from the page, light or dark.
Nothing is told by colour alone: classes differ in symbol too, and hovering says it in words.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

PALETTE: tuple[str, ...] = (
    "#1b7d96",
    "#a53c00",
    "#694bb4",
    "#a59600",
    "#e17887",
    "#78964b",
    "#c378e1",
    "#964b4b",
)
"""Eight colours for things that differ in kind: each has a contrast of 2.9 and more to white and to
the dark background, and any two of them differ to people with any kind of colour blindness."""

SYMBOLS: tuple[str, ...] = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star")
"""Seven symbols: with eight colours, 56 classes have a look of their own."""

QUIET = "#84898f"
"""For what is only there to compare with: the unlabelled, random's curve, states."""

SCALE: tuple[tuple[float, str], ...] = ((0.0, "#4b55c8"), (0.5, "#8c7f92"), (1.0, "#c08a00"))
"""From low to high, blue to amber: the axis that colour blindness mostly spares."""

MAP_LIMIT = 10_000
"""More points than this make a plotly map slow to open."""

_NAMED_CATEGORIES = 24
_CELLS_WITH_TEXT = 30


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
    ``customdata`` as ``[image_id]``. quiet : texts drawn small and grey, below the others.
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
    figure = _figure()
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


def coverage_figure(
    labels: np.ndarray,
    coverage: np.ndarray,
    *,
    random_mean: np.ndarray | None = None,
    random_low: np.ndarray | None = None,
    random_high: np.ndarray | None = None,
    next_labels: np.ndarray | None = None,
    next_coverage: np.ndarray | None = None,
    labels_now: int | None = None,
    budget: int | None = None,
    chosen_name: str = "chosen",
    labels_title: str = "Images labelled",
) -> go.Figure:
    """How much of the pool do so many labels cover, and would as many drawn at random?

    labels, coverage : (m,) numbers of labels and shares of the pool, 0 to 1; so are ``random_*``
    at the same labels (mean and band). next_labels, next_coverage : (k,) what labels to come would
    add, drawn as a dashed continuation with its gain in words. labels_now, budget : marked by
    vertical lines.
    """
    figure = _figure()
    if random_low is not None and random_high is not None:
        figure.add_trace(
            go.Scatter(
                x=np.concatenate([labels, labels[::-1]]),
                y=np.concatenate([random_high, random_low[::-1]]),
                fill="toself",
                fillcolor=_see_through(QUIET, 0.25),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    if random_mean is not None:
        _line(figure, labels, random_mean, "at random", color=QUIET, dash="dot")
    _line(figure, labels, coverage, chosen_name, color=PALETTE[0])
    if next_labels is not None and next_coverage is not None and len(next_labels) > 1:
        _line(figure, next_labels, next_coverage, "next labels", color=PALETTE[0], dash="dash")
        gain = 100 * float(next_coverage[-1] - next_coverage[0])
        count = int(next_labels[-1] - next_labels[0])
        figure.add_annotation(
            x=float(next_labels[-1]),
            y=float(next_coverage[-1]),
            text=f"next {count:,} labels: +{gain:.1f} points",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
        )
    if labels_now is not None:
        _mark(figure, labels_now, f"now: {labels_now:,}", right=False)
    if budget is not None:
        reached = float(np.interp(budget, labels, coverage))
        _mark(figure, budget, f"budget {budget:,}: {100 * reached:.0f}%", right=True)
    figure.update_xaxes(title_text=labels_title, rangemode="tozero")
    figure.update_yaxes(title_text="Share of the pool covered", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(hovermode="x unified", height=360)
    return figure


def purity_figure(
    deltas: np.ndarray,
    purity: np.ndarray,
    chosen_delta: float | None = None,
    wanted_purity: float | None = None,
) -> go.Figure:
    """How large may a ball be before it mixes classes?

    deltas, purity : (m,) radii, and the share of balls whose members all are of one class, 0 to 1.
    chosen_delta : the radius in use, marked with its purity. wanted_purity : a level to compare.
    """
    figure = _figure()
    _line(figure, deltas, purity, "balls of one class", color=PALETTE[0], x_format=".3f")
    if wanted_purity is not None:
        figure.add_hline(
            y=wanted_purity,
            line={"color": QUIET, "dash": "dot", "width": 1},
            annotation_text=f"{wanted_purity:.0%}",
            annotation_position="bottom right",
        )
    if chosen_delta is not None:
        reached = float(np.interp(chosen_delta, deltas, purity))
        _mark(figure, chosen_delta, f"delta {chosen_delta:.3f}: {reached:.0%}", right=True)
    figure.update_xaxes(title_text="Radius of the balls (delta)", rangemode="tozero")
    figure.update_yaxes(title_text="Share of balls of one class", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(showlegend=False, height=320)
    return figure


def labels_by_class_figure(
    counts: Mapping[str, int], states: Mapping[str, int] | None = None
) -> go.Figure:
    """Which classes have labels enough? Bars, the largest class on top, states hatched below.

    counts : images of each class. states : images that were skipped, unsure or excluded.
    """
    classes = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    others = list((states or {}).items())
    figure = _figure()
    for rows, offset, colour, pattern in (
        (classes, 0, PALETTE[0], ""),
        (others, len(classes), QUIET, "/"),
    ):
        figure.add_trace(
            go.Bar(
                x=[count for _, count in rows],
                y=[offset + i for i in range(len(rows))],
                orientation="h",
                marker={"color": colour, "pattern": {"shape": pattern}},
                text=[f"{count:,}" for _, count in rows],
                textposition="outside",
                cliponaxis=False,
                hovertext=[_plain(name) for name, _ in rows],
                hovertemplate="%{hovertext}: %{x:,} images<extra></extra>",
            )
        )
    _name_ticks(figure.update_yaxes, [name for name, _ in (*classes, *others)])
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title_text="Images", rangemode="tozero")
    figure.update_layout(showlegend=False, height=90 + 26 * (len(classes) + len(others)))
    return figure


def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> go.Figure:
    """Which classes are taken for which?

    matrix : (k, k) images, row = label, column = prediction; the colour is the share of the row.
    ``customdata`` of a cell is ``[row, column]``.
    """
    k = len(names)
    if matrix.shape != (k, k):
        raise ValueError(f"a matrix of shape {matrix.shape} for {k} classes")
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros((k, k)), where=totals > 0)
    plain = [_plain(name) for name in names]
    hover = [
        [
            f"labelled {plain[row]}<br>predicted {plain[column]}<br>{_number(matrix[row, column])} "
            f"images, {shares[row, column]:.0%} of {plain[row]}"
            for column in range(k)
        ]
        for row in range(k)
    ]
    figure = _figure()
    figure.add_trace(
        go.Heatmap(
            z=shares,
            zmin=0,
            zmax=1,
            colorscale=[[0, _see_through(PALETTE[0], 0.04)], [1, _see_through(PALETTE[0], 0.85)]],
            showscale=False,
            xgap=1,
            ygap=1,
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            customdata=[[[row, column] for column in range(k)] for row in range(k)],
        )
    )
    if k <= _CELLS_WITH_TEXT:
        # Not the heatmap's own text: plotly colours that for a white page, whatever the page is.
        figure.add_trace(
            go.Scatter(
                x=np.tile(np.arange(k), k),
                y=np.repeat(np.arange(k), k),
                mode="text",
                text=[_number(value) if value else "" for value in matrix.ravel()],
                hoverinfo="skip",
                showlegend=False,
            )
        )
    _name_ticks(figure.update_xaxes, names)
    _name_ticks(figure.update_yaxes, names)
    figure.update_xaxes(title_text="The probe's prediction", showgrid=False, zeroline=False)
    figure.update_yaxes(
        title_text="The label", showgrid=False, zeroline=False, autorange="reversed"
    )
    if k > 8 or max(len(name) for name in names) > 10:
        figure.update_xaxes(tickangle=-40)
    figure.update_layout(height=min(900, 160 + 32 * k))
    return figure


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
        self.names = [_plain(name) for name in names]
        self.custom = [[int(image_id)] for image_id in image_ids]
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
                    f"{self.names[row]}<br>{_plain(self.title)}: {word}"
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
        shown = _plain(name)
        points.add_to(figure, rows, [shown] * len(rows), name=f"{shown} ({len(rows):,})", **look)
    rows = np.flatnonzero(~np.isin(texts, told_apart))
    if len(rows):
        says = [_plain(str(texts[row])) for row in rows]
        look = {"color": QUIET, "symbol": "hexagon-open"}
        points.add_to(figure, rows, says, name=f"other ({len(rows):,})", **look)
    figure.update_layout(legend_title_text=_plain(points.title), legend_itemsizing="constant")


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
            name=_plain(points.title),
            color=points.values[rows],
            colorscale=[list(stop) for stop in SCALE],
            colorbar={"title": {"text": _plain(points.title)}, "thickness": 12},
        )
    figure.update_layout(showlegend=False)


def _figure() -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure


def _line(
    figure: go.Figure,
    x: np.ndarray,
    y: np.ndarray,
    name: str,
    *,
    color: str,
    dash: str = "solid",
    x_format: str = ",",
) -> None:
    figure.add_trace(
        go.Scatter(
            x=np.asarray(x),
            y=np.asarray(y),
            mode="lines",
            name=_plain(name),
            line={"color": color, "dash": dash, "width": 2.5},
            hovertemplate=f"{_plain(name)}: %{{y:.1%}} at %{{x:{x_format}}}<extra></extra>",
        )
    )


def _mark(figure: go.Figure, x: float, words: str, *, right: bool) -> None:
    figure.add_vline(
        x=x,
        line={"color": QUIET, "dash": "dash", "width": 1.5},
        annotation_text=words,
        annotation_position="bottom right" if right else "top left",
    )


def _name_ticks(update: Any, names: Sequence[str]) -> None:
    """Number the axis and name the numbers: two long names may look alike when they are cut."""
    shown = [_plain(name if len(name) <= 24 else name[:23] + "…") for name in names]
    update(tickmode="array", tickvals=list(range(len(names))), ticktext=shown)


def _plain(text: str) -> str:
    """``text`` as plotly shows it unchanged: it would read ``<b>`` as bold, and half a character
    (from a file name that is not text) could not be sent at all."""
    return html.escape(text.encode("utf-8", "replace").decode(), quote=False)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _see_through(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
