"""Curves of a rehearsal: what so many labels are worth, by strategy, with bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, add_line, new_figure, see_through


@dataclass(frozen=True)
class Curve:
    """One strategy's curve at the budgets: mean, and the band around it where there is one."""

    name: str
    mean: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    quiet: bool = False


def accuracy_figure(
    budgets: Sequence[int],
    curves: Sequence[Curve],
    *,
    full: float | None = None,
    nearly: float | None = None,
    height: int = 400,
) -> go.Figure:
    """How accurate is the model after so many labels?

    budgets : (b,) numbers of labels, drawn on a logarithmic axis, where doubling is one step.
    curves : shares, 0 to 1, at these budgets; ``quiet`` ones are only there to compare with.
    full : the accuracy with every label; nearly : a level to reach.
    """
    figure = _curves(budgets, curves)
    for level, words in ((full, "all labels"), (nearly, "90% of it")):
        if level is not None:
            figure.add_hline(
                y=level,
                line={"color": QUIET, "dash": "dot", "width": 1},
                annotation_text=f"{words}: {level:.1%}",
                annotation_position="top left",
            )
    figure.update_yaxes(title_text="Accuracy on images never seen", tickformat=".0%")
    figure.update_layout(height=height)
    return figure


def classes_found_figure(
    budgets: Sequence[int], curves: Sequence[Curve], classes: int
) -> go.Figure:
    """How many of the classes have turned up after so many labels?"""
    shares = [
        Curve(one.name, [value / classes for value in one.mean], quiet=one.quiet) for one in curves
    ]
    figure = _curves(budgets, shares)
    figure.update_yaxes(
        title_text=f"Share of the {classes} classes found", range=[0, 1.03], tickformat=".0%"
    )
    figure.update_layout(height=320)
    return figure


def _curves(budgets: Sequence[int], curves: Sequence[Curve]) -> go.Figure:
    figure = new_figure()
    x = np.asarray(budgets, dtype=float)
    loud = iter(range(len(curves)))
    for curve in curves:
        color = QUIET if curve.quiet else PALETTE[next(loud) % len(PALETTE)]
        if curve.low is not None and curve.high is not None:
            low, high = np.asarray(curve.low), np.asarray(curve.high)
            figure.add_trace(
                go.Scatter(
                    x=np.concatenate([x, x[::-1]]),
                    y=np.concatenate([high, low[::-1]]),
                    mode="lines",
                    fill="toself",
                    fillcolor=see_through(color, 0.18),
                    line={"width": 0},
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
        add_line(
            figure,
            x,
            np.asarray(curve.mean),
            curve.name,
            color=color,
            dash="dot" if curve.quiet else "solid",
        )
    figure.update_xaxes(
        title_text="Images labelled",
        type="log",
        tickmode="array",
        tickvals=x.tolist(),
        ticktext=[f"{one:,}" for one in budgets],
    )
    figure.update_layout(hovermode="x unified")
    return figure
