"""Which embedding? Purity against radius for several sets, and how a SimCLR training goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, SYMBOLS, new_figure

DASHES = ("solid", "dash", "dot", "dashdot")


def sets_purity_figure(shares: Sequence[float], purity: Mapping[str, Sequence[float]]) -> go.Figure:
    """Up to which radius do balls hold one kind of image?

    shares : (r,) share of all pairs within the radius, by which sets of other scales compare.
    purity : for each set (r,) the share of balls whose members are of one pseudo-class.
    """
    figure = new_figure()
    for number, (name, values) in enumerate(purity.items()):
        figure.add_trace(
            go.Scatter(
                x=list(shares),
                y=list(values),
                name=name,
                mode="lines+markers",
                line={
                    "color": PALETTE[number % len(PALETTE)],
                    "dash": DASHES[number % len(DASHES)],
                    "width": 2.5,
                },
                marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 7},
                hovertemplate=f"{name}: %{{y:.0%}} of the balls are pure when they hold %{{x:.1%}} "
                "of the images<extra></extra>",
            )
        )
    ticks = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    figure.update_xaxes(
        title_text="Images within the radius",
        type="log",
        tickvals=ticks,
        ticktext=[f"{100 * tick:g}%" for tick in ticks],
    )
    figure.update_yaxes(title_text="Pure balls", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(height=320)
    return figure


def simclr_figure(
    epochs: Sequence[int], loss: Sequence[float | None], consistency: Sequence[float], best: int
) -> go.Figure:
    """Does training still help? Loss on the left, neighbour consistency on the right.

    epochs : (e,) from 0. loss : (e,), None before training. consistency : (e,) shares, 0 to 1.
    best : the epoch that is kept.
    """
    figure = new_figure()
    figure.add_trace(
        go.Scatter(
            x=list(epochs),
            y=list(consistency),
            name="neighbour consistency",
            mode="lines+markers",
            line={"color": PALETTE[0], "width": 2.5},
            hovertemplate="%{y:.1%} of the views find their twin after epoch %{x}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=list(epochs),
            y=[np.nan if one is None else one for one in loss],
            name="loss",
            yaxis="y2",
            mode="lines",
            line={"color": PALETTE[1], "width": 2, "dash": "dash"},
            hovertemplate="loss %{y:.3f} in epoch %{x}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[best],
            y=[consistency[list(epochs).index(best)]],
            name="kept",
            mode="markers",
            marker={"color": PALETTE[0], "size": 13, "symbol": "star"},
            hovertemplate="the network of epoch %{x} is kept<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="Epoch", rangemode="tozero", tickformat="d")
    figure.update_yaxes(title_text="Neighbour consistency", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(
        height=320,
        yaxis2={
            "title": "Loss",
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "tickformat": ".1f",
        },
    )
    return figure
