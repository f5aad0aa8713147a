"""How much of the pool labels cover, and how pure the balls are."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, add_band, add_line, mark, new_figure


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
    add, drawn as a dashed continuation whose name says its gain. labels_now (if there are
    any), budget : marked by vertical lines.
    """
    figure = new_figure()
    if random_low is not None and random_high is not None:
        add_band(figure, labels, random_low, random_high)
    if random_mean is not None:
        add_line(figure, labels, random_mean, "at random", color=QUIET, dash="dot")
    add_line(figure, labels, coverage, chosen_name, color=PALETTE[0])
    if next_labels is not None and next_coverage is not None and len(next_labels) > 1:
        gain = 100 * float(next_coverage[-1] - next_coverage[0])
        count = int(next_labels[-1] - next_labels[0])
        # In the legend, for on a phone words beside the curve would lie on the line that says now.
        name = f"next {count:,} labels: +{gain:.1f} points"
        add_line(figure, next_labels, next_coverage, name, color=PALETTE[0], dash="dash")
    if labels_now:
        mark(figure, labels_now, f"now: {labels_now:,}", where="top left")
    if budget is not None:
        reached = float(np.interp(budget, labels, coverage))
        mark(figure, budget, f"budget {budget:,}: {100 * reached:.0f}%", where="bottom right")
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
    """How large may a ball be before it mixes groups?

    deltas, purity : (m,) radii, and the share of balls whose members all are of one group, 0 to 1.
    chosen_delta : the radius in use, marked with its purity. wanted_purity : a level to compare.
    """
    figure = new_figure()
    add_line(figure, deltas, purity, "balls of one group", color=PALETTE[0], x_format=".3f")
    if wanted_purity is not None:
        figure.add_hline(
            y=wanted_purity,
            line={"color": QUIET, "dash": "dot", "width": 1},
            annotation_text=f"{wanted_purity:.0%}",
            annotation_position="bottom right",
        )
    if chosen_delta is not None:
        reached = float(np.interp(chosen_delta, deltas, purity))
        mark(figure, chosen_delta, f"radius {chosen_delta:.3f}: {reached:.0%}", where="top right")
    figure.update_xaxes(title_text="Radius of the ball around each image", rangemode="tozero")
    figure.update_yaxes(title_text="Share of balls of one group", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(showlegend=False, height=320)
    return figure
