"""A row of facts: each a number and what it is, dense enough for a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st


def show_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Draw (what it is, value) pairs side by side; they wrap where there is no room."""
    cells = "".join(
        f"<p><span>{escape(title)}</span><b>{escape(value)}</b></p>" for title, value in facts
    )
    st.html(f'<div class="cs-facts">{cells}</div>')
