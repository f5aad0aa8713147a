"""Does another pass still help?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, new_figure


def finetune_figure(
    epochs: Sequence[int],
    loss: Sequence[float | None],
    kept_aside: Sequence[float | None],
    best: int,
) -> go.Figure:
    """The loss on the labels trained on and on those kept aside, and the epoch that is kept.

    epochs : (e,) from 0. loss : (e,), None before training. kept_aside : (e,), None when no labels
    are kept aside.
    """
    figure = new_figure()
    lines = (("labels kept aside", kept_aside, "solid"), ("labels trained on", loss, "dash"))
    for number, (name, values, dash) in enumerate(lines):
        if any(one is not None for one in values):
            figure.add_trace(
                go.Scatter(
                    x=list(epochs),
                    y=[np.nan if one is None else one for one in values],
                    name=name,
                    mode="lines+markers",
                    line={"color": PALETTE[number], "width": 2.5 - number, "dash": dash},
                    hovertemplate=f"loss %{{y:.3f}} on {name} after epoch %{{x}}<extra></extra>",
                )
            )
    kept = kept_aside[list(epochs).index(best)]
    if kept is not None:
        figure.add_trace(
            go.Scatter(
                x=[best],
                y=[kept],
                name="kept",
                mode="markers",
                marker={"color": PALETTE[0], "size": 13, "symbol": "star"},
                hovertemplate="the network of epoch %{x} is kept<extra></extra>",
            )
        )
    step = max(1, round(len(epochs) / 10))
    figure.update_xaxes(title_text="Epoch", rangemode="tozero", tick0=0, dtick=step)
    figure.update_yaxes(title_text="Loss", rangemode="tozero", tickformat=".2f")
    figure.update_layout(height=320)
    return figure
