"""May I stop? Measured accuracy look by look, agreement of successive models, learning curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from coldstart.figures.style import PALETTE, QUIET, add_band, add_line, mark, new_figure


def accuracy_figure(
    labels: Sequence[int],
    accuracy: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    audit_labels: Sequence[int],
    target: float | None = None,
) -> go.Figure:
    """How good is the model on the rest of the pool? Each look with its interval.

    labels : (k,) labels the judged model was trained on, at each look. accuracy, low, high : (k,)
    shares, 0 to 1. audit_labels : (k,) images it was judged on. target : a level to compare with.
    """
    middle, lower, upper = (np.asarray(one, dtype=float) for one in (accuracy, low, high))
    figure = new_figure()
    figure.add_trace(
        go.Scatter(
            x=list(labels),
            y=middle,
            error_y={"array": upper - middle, "arrayminus": middle - lower, "thickness": 1.5},
            mode="markers",
            marker={"color": PALETTE[0], "size": 9},
            customdata=np.column_stack([lower, upper, np.asarray(audit_labels)]),
            hovertemplate="%{y:.1%} (%{customdata[0]:.1%} – %{customdata[1]:.1%}) on "
            "%{customdata[2]:,} images drawn at random, after %{x:,} labels<extra></extra>",
        )
    )
    if target is not None:
        _level(figure, target, f"target {target:.0%}")
    figure.update_xaxes(title_text="Labels the model was trained on", rangemode="tozero")
    figure.update_yaxes(title_text="Measured accuracy", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(showlegend=False, height=320)
    return figure


def kappa_figure(
    labels: Sequence[int], kappas: Sequence[float | None], settled: float
) -> go.Figure:
    """Do more labels still change what the model says?

    labels : (m,) labels of the models compared, ascending. kappas : (m - 1,) agreement of each with
    the one before beyond chance; None where that means nothing. settled : the level from which on
    predictions have settled.
    """
    figure = new_figure()
    figure.add_trace(
        go.Scatter(
            x=list(labels)[1:],
            y=list(kappas),
            mode="lines+markers",
            line={"color": PALETTE[0], "width": 2.5},
            hovertemplate="%{y:.3f} between the model on %{x:,} labels and the one before"
            "<extra></extra>",
        )
    )
    _level(figure, settled, f"settled: {settled:g}")
    known = [one for one in kappas if one is not None]
    figure.update_xaxes(title_text="Labels the model was trained on", rangemode="tozero")
    figure.update_yaxes(title_text="Kappa", range=[min(0.0, *known, 0.0), 1.02])
    figure.update_layout(showlegend=False, height=320)
    return figure


def learning_curve_figure(
    labels: np.ndarray,
    curve: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    model_labels: Sequence[int],
    model_accuracy: np.ndarray,
    next_labels: int,
    words: str,
) -> go.Figure:
    """Is another label still worth it?

    labels, curve, low, high : (g,) the fitted curve with its band, from the first model to
    ``next_labels`` ahead; accuracies from 0 to 1. model_labels, model_accuracy : (m,) what each
    model reached on the audit images. words : what the next labels bring, written at the end.
    """
    figure = new_figure()
    add_band(figure, labels, low, high)
    now = int(model_labels[-1])
    past, future = np.append(labels[labels < now], now), np.append(now, labels[labels > now])
    add_line(
        figure,
        past,
        np.interp(past, labels, curve),
        "fitted curve",
        color=PALETTE[0],
        x_format=",.0f",
    )
    add_line(
        figure,
        future,
        np.interp(future, labels, curve),
        f"next {next_labels:,} labels",
        color=PALETTE[0],
        dash="dash",
        x_format=",.0f",
    )
    figure.add_trace(
        go.Scatter(
            x=list(model_labels),
            y=model_accuracy,
            mode="markers",
            name="models so far",
            marker={"color": QUIET, "size": 8},
            hovertemplate="%{y:.1%} with %{x:,} labels<extra></extra>",
        )
    )
    mark(figure, now, f"now: {now:,}", where="top left")
    figure.add_annotation(
        xref="paper", x=0.02, y=0.04, text=words, showarrow=False, xanchor="left", yanchor="bottom"
    )
    figure.update_xaxes(title_text="Labels the model was trained on", rangemode="tozero")
    figure.update_yaxes(title_text="Accuracy on the audit", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(height=320)
    return figure


def _level(figure: go.Figure, value: float, words: str) -> None:
    figure.add_hline(
        y=value,
        line={"color": QUIET, "dash": "dot", "width": 1},
        annotation_text=words,
        annotation_position="bottom left",  # the curves end on the right
    )
