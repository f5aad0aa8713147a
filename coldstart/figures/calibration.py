"""Is the model as sure as it is right?"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, new_figure


def calibration_figure(
    confidence: Sequence[float],
    right: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    images: Sequence[float],
) -> go.Figure:
    """How often it is right against how sure it says it is, with exact 95% limits.

    On the diagonal it is as sure as it is right; below it, it is too sure.
    """
    figure = new_figure()
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": QUIET, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
            name="as sure as right",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=list(confidence),
            y=list(right),
            mode="lines+markers",
            name="what was measured",
            line={"color": PALETTE[0], "width": 2},
            marker={"size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - y for y, (_, high) in zip(right, intervals)],
                "arrayminus": [y - low for y, (low, _) in zip(right, intervals)],
                "thickness": 1.2,
            },
            customdata=list(images),
            hovertemplate="%{x:.0%} sure, %{y:.0%} right, on %{customdata:.0f} images"
            "<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="How sure it is", tickformat=".0%", range=[0, 1.02])
    figure.update_yaxes(title_text="How often it is right", tickformat=".0%", range=[0, 1.02])
    figure.update_layout(height=340)
    return figure
