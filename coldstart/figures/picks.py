"""Where in the pool are the picks?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, new_figure, plain

_DRAWN = 4_000
_NUMBERED = 60


def picks_figure(
    layout: np.ndarray, picks: np.ndarray, says: Sequence[str], labelled: np.ndarray
) -> go.Figure:
    """The pool in grey, the picks on top of it with their rank, labelled images as rings.

    layout : (n, 2) float; of images that are neither, 4,000 are drawn. picks : rows of it, best
    first. says : what hovering over each pick says. labelled : rows of it.
    """
    others = np.setdiff1d(np.arange(len(layout)), np.concatenate([picks, labelled]))
    if len(others) > _DRAWN:
        others = np.random.default_rng(0).choice(others, _DRAWN, replace=False)
    figure = new_figure()
    quiet = {"color": QUIET, "size": 4, "opacity": 0.35}
    rings = {"symbol": "circle-open", "size": 6, "color": PALETTE[1], "opacity": 0.6}
    figure.add_trace(_points(layout, others, "the pool", quiet))
    figure.add_trace(_points(layout, labelled, "labelled or queued", rings))
    # Numbers on more than these would cover each other and the pool.
    numbers = [str(rank) if rank <= _NUMBERED else "" for rank in range(1, len(picks) + 1)]
    figure.add_trace(
        go.Scatter(
            x=layout[picks, 0],
            y=layout[picks, 1],
            mode="markers+text",
            name="these picks",
            marker={"color": PALETTE[0], "size": 10, "symbol": "diamond"},
            text=numbers,
            textposition="top center",
            hovertext=[plain(one) for one in says],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    figure.update_layout(dragmode="pan", hovermode="closest", height=440, uirevision=1)
    return figure


def _points(
    layout: np.ndarray, rows: np.ndarray, name: str, marker: dict[str, object]
) -> go.Scattergl:
    return go.Scattergl(
        x=layout[rows, 0],
        y=layout[rows, 1],
        mode="markers",
        name=name,
        marker=marker,
        hoverinfo="skip",
    )
