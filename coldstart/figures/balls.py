"""What radius and batches have to do with coverage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, add_line, new_figure, plain

_DASHES = ("dot", "dash", "solid", "longdash", "dashdot")


def radius_figure(
    labels: np.ndarray, deltas: np.ndarray, coverage: np.ndarray, chosen: int
) -> go.Figure:
    """How much would count as covered if the radius were another?

    labels : (m,). deltas : (r,) radii. coverage : (r, m) shares, 0 to 1. chosen : place of the
    radius in use among ``deltas``, drawn strongest.
    """
    figure = new_figure()
    for number, (delta, curve) in enumerate(zip(deltas.tolist(), coverage)):
        used = number == chosen
        add_line(
            figure,
            labels,
            curve,
            f"radius {delta:.3f}{' (in use)' if used else ''}",
            color=PALETTE[0] if used else QUIET,
            dash="solid" if used else _DASHES[number % len(_DASHES)],
        )
    figure.update_xaxes(title_text="Images labelled", rangemode="tozero")
    figure.update_yaxes(title_text="Share of the pool covered", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(hovermode="x unified", height=340)
    return figure


def batches_figure(
    names: Sequence[str],
    labels: Sequence[int],
    coverage: Sequence[float],
    random_mean: Sequence[float],
    random_low: Sequence[float],
    random_high: Sequence[float],
) -> go.Figure:
    """What did each batch bring, and would random images have brought it too?

    All (k,), one for each batch: its name, the labels after it, the share covered after it, and
    what as many random images would have covered (mean and band).
    """
    figure = new_figure()
    x = [f"{number}" for number in range(1, len(names) + 1)]
    middle = np.asarray(random_mean, dtype=float)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=middle,
            error_y={
                "array": np.asarray(random_high, dtype=float) - middle,
                "arrayminus": middle - np.asarray(random_low, dtype=float),
                "thickness": 1.5,
            },
            mode="markers",
            name="at random",
            marker={"color": QUIET, "symbol": "diamond-open", "size": 10},
            hovertemplate="%{y:.1%} with as many images at random<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=x,
            y=list(coverage),
            mode="lines+markers",
            name="labelled",
            line={"color": PALETTE[0], "width": 2.5},
            marker={"size": 8},
            text=[
                f"{plain(name)}: {count:,} labels after it" for name, count in zip(names, labels)
            ],
            hovertemplate="%{text}<br>%{y:.1%} covered<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="Batch", type="category")
    figure.update_yaxes(title_text="Share of the pool covered", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(height=340)
    return figure
