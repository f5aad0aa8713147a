"""The whole page as one file for a colleague."""

from __future__ import annotations

import re

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import session


def report_button(project: Project) -> None:
    """Offer the report; it is written when the button is pressed, not before."""
    name = re.sub(r"[^\w-]+", "-", project.name).strip("-") or "project"
    st.download_button(
        "Report",
        data=lambda: _report(project),
        file_name=f"{name}-report.html",
        mime="text/html",
        type="primary",
        icon=":material/description:",
        on_click="ignore",
        disabled=not session.may("export"),
        help="This page as one HTML file, to send to a colleague: it needs no network to be read.",
    )


def _report(project: Project) -> str:
    from coldstart.workflow.report import report_html

    try:
        return report_html(project)
    except ColdstartError as error:
        # A download cannot be refused by then, so the file says why.
        from html import escape

        return f"<!doctype html><meta charset='utf-8'><p>{escape(str(error))}</p>"
