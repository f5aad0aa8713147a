"""What is known class by class: how many labels, and which are taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import (
    PALETTE,
    QUIET,
    name_ticks,
    new_figure,
    number,
    plain,
    see_through,
)

_CELLS_WITH_TEXT = 30


def labels_by_class_figure(
    counts: Mapping[str, int], states: Mapping[str, int] | None = None
) -> go.Figure:
    """Which classes have labels enough? Bars, the largest class on top, states hatched below.

    counts : images of each class. states : images that were skipped, unsure or excluded.
    """
    classes = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    others = list((states or {}).items())
    figure = new_figure()
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
                hovertext=[plain(name) for name, _ in rows],
                hovertemplate="%{hovertext}: %{x:,} images<extra></extra>",
            )
        )
    name_ticks(figure.update_yaxes, [name for name, _ in (*classes, *others)])
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title_text="Images", rangemode="tozero")
    figure.update_layout(showlegend=False, height=90 + 26 * (len(classes) + len(others)))
    return figure


def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> go.Figure:
    """Which classes are taken for which?

    matrix : (k, k) images, row = label, column = prediction; the colour is the share of the
    row. ``customdata`` of a cell is ``[row, column]``; a heatmap cannot be clicked, so the last
    trace has an unseen marker on each cell.
    """
    k = len(names)
    if matrix.shape != (k, k):
        raise ValueError(f"a matrix of shape {matrix.shape} for {k} classes")
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros((k, k)), where=totals > 0)
    shown = [plain(name) for name in names]
    hover = [
        [
            f"labelled {shown[row]}<br>predicted {shown[column]}<br>{number(matrix[row, column])} "
            f"images, {shares[row, column]:.0%} of {shown[row]}"
            for column in range(k)
        ]
        for row in range(k)
    ]
    figure = new_figure()
    figure.add_trace(
        go.Heatmap(
            z=shares,
            zmin=0,
            zmax=1,
            colorscale=[[0, see_through(PALETTE[0], 0.04)], [1, see_through(PALETTE[0], 0.85)]],
            showscale=False,
            xgap=1,
            ygap=1,
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            customdata=[[[row, column] for column in range(k)] for row in range(k)],
        )
    )
    if k <= _CELLS_WITH_TEXT:
        # Not the heatmap's own text, which plotly colours for a white page, and no trace of text,
        # which fades when a cell is clicked.
        figure.update_layout(
            annotations=[
                {"x": column, "y": row, "text": number(matrix[row, column]), "showarrow": False}
                for row, column in zip(*np.nonzero(matrix), strict=True)
            ]
        )
    _add_cells_to_click(figure, hover)
    name_ticks(figure.update_xaxes, names)
    name_ticks(figure.update_yaxes, names)
    figure.update_xaxes(title_text="The probe's prediction", showgrid=False, zeroline=False)
    figure.update_yaxes(
        title_text="The label", showgrid=False, zeroline=False, autorange="reversed"
    )
    if k > 8 or max(len(name) for name in names) > 10:
        figure.update_xaxes(tickangle=-40)
    figure.update_layout(height=min(900, 160 + 32 * k))
    return figure


def _add_cells_to_click(figure: go.Figure, hover: Sequence[Sequence[str]]) -> None:
    k = len(hover)
    unseen = {"marker": {"opacity": 0}}
    figure.add_trace(
        go.Scatter(
            x=np.tile(np.arange(k), k),
            y=np.repeat(np.arange(k), k),
            mode="markers",
            marker={"symbol": "square", "size": max(6, min(44, 480 // k)), "opacity": 0},
            selected=unseen,
            unselected=unseen,
            customdata=[[row, column] for row in range(k) for column in range(k)],
            hovertext=[words for line in hover for words in line],
            hovertemplate="%{hovertext}<extra></extra>",
            showlegend=False,
        )
    )
