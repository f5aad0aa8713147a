"""The tabs of the Diagnostics page; one that is not looked at costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import streamlit as st

from coldstart.project import Project
from coldstart.ui.guard import guard

_MORE = {"Rehearse": "rehearse_view", "History": "history_view"}
"""Title and module in `coldstart.ui` of each further tab; its ``show(project)`` draws it."""


def diagnostics_tabs(project: Project, first: Callable[[Project], None]) -> None:
    """Draw ``first`` in the tab in front, and the others beside it; only the open one is drawn."""
    others = {title: name for title, name in _MORE.items() if find_spec(f"coldstart.ui.{name}")}
    tabs = st.tabs(["This project", *others], key="diagnostics_tab", on_change="rerun")
    for tab, name in zip(tabs, ["", *others.values()], strict=True):
        if not tab.open:
            continue
        # What goes wrong in one tab must not take the others away.
        with tab, guard():
            if name:
                import_module(f"coldstart.ui.{name}").show(project)
            else:
                first(project)
