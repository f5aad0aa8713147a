"""How every figure looks: colours, symbols, and the pieces they are put together from.

The figures set no font and no background, so that they take both from the page, light or dark.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
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


def new_figure() -> go.Figure:
    """An empty figure on the page's own background, its legend above."""
    figure = go.Figure()
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": QUIET, "activecolor": PALETTE[0]},
    )
    return figure


def add_line(
    figure: go.Figure,
    x: np.ndarray,
    y: np.ndarray,
    name: str,
    *,
    color: str,
    dash: str = "solid",
    x_format: str = ",",
) -> None:
    """A curve of shares, 0 to 1; hovering says its name and where one is."""
    figure.add_trace(
        go.Scatter(
            x=np.asarray(x),
            y=np.asarray(y),
            mode="lines",
            name=plain(name),
            line={"color": color, "dash": dash, "width": 2.5},
            hovertemplate=f"{plain(name)}: %{{y:.1%}} at %{{x:{x_format}}}<extra></extra>",
        )
    )


def add_band(figure: go.Figure, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """The area between two curves, quiet and without a word of its own."""
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor=see_through(QUIET, 0.25),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
    )


def mark(figure: go.Figure, x: float, words: str, *, where: str) -> None:
    """A vertical line with words beside it; ``where`` is as plotly has it: "bottom right"."""
    figure.add_vline(
        x=x,
        line={"color": QUIET, "dash": "dash", "width": 1.5},
        annotation_text=words,
        annotation_position=where,
    )


def name_ticks(update: Any, names: Sequence[str]) -> None:
    """Number the axis and name the numbers: two long names may look alike when they are cut."""
    shown = [plain(name if len(name) <= 24 else name[:23] + "…") for name in names]
    update(tickmode="array", tickvals=list(range(len(names))), ticktext=shown)


def plain(text: str) -> str:
    """``text`` as plotly shows it unchanged: it would read ``<b>`` as bold, and half a character
    (from a file name that is not text) could not be sent at all."""
    return html.escape(text.encode("utf-8", "replace").decode(), quote=False)


def number(value: float) -> str:
    """With a decimal only where there is one."""
    return f"{value:,.1f}".removesuffix(".0")


def see_through(colour: str, opacity: float) -> str:
    """A colour of the palette, mixed with the page behind it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
