"""Plots as the pages show them: to be saved as a picture, and with the numbers behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from coldstart.figures import figure_csv

PICTURE_FORMAT = "picture_format"


def picture_format() -> None:
    """Let the person choose what plots are saved as by their camera button."""
    st.segmented_control(
        "Pictures are saved as",
        ["png", "svg"],
        format_func=str.upper,
        default="png",
        required=True,
        key=PICTURE_FORMAT,
        help="Hover over a plot and press its camera.",
    )


def plot_config(name: str) -> dict[str, Any]:
    """Plotly's own buttons, the camera among them; ``name`` is the file's."""
    chosen = st.session_state.get(PICTURE_FORMAT) or "png"
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"] if name != "map" else [],
        "toImageButtonOptions": {"format": chosen, "filename": f"coldstart-{name}", "scale": 2},
    }


def plot(figure: go.Figure, name: str, alt: str, words: str = "") -> None:
    """Draw a figure whose picture and numbers can be downloaded; ``name`` is key and file name.

    words : what it says, right below it.
    """
    st.plotly_chart(figure, key=name, config=plot_config(name), alt=alt)
    if words:
        st.caption(words)
    csv_button(name, lambda: figure_csv(figure))


def csv_button(name: str, table: Callable[[], str]) -> None:
    """Offer the numbers behind the plot of this name; they are written when it is pressed."""
    st.download_button(
        "CSV",
        data=table,
        file_name=f"coldstart-{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"{name}_csv",
        type="tertiary",
        on_click="ignore",
        help="The numbers behind this plot.",
    )
