"""The head of every page: its question on the left, its one primary action on the right."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.places import page_file


def page_head(title: str, question: str) -> DeltaGenerator:
    """Draw title and question; the place for the page's one primary action."""
    with st.container(
        key="page_head",
        horizontal=True,
        horizontal_alignment="distribute",
        gap="medium",
        vertical_alignment="center",
    ):
        st.html(
            f'<div class="cs-head"><h1>{escape(title)}</h1><p>{escape(question)}</p></div>',
            width="content",
        )
        return st.container(
            key="primary_action", width="content", horizontal=True, horizontal_alignment="right"
        )


def step_link(place: DeltaGenerator, page: str, words: str) -> None:
    """Offer the next step as the page's primary action."""
    if place.button(words, type="primary", icon=":material/arrow_forward:", icon_position="right"):
        st.switch_page(page_file(page))


def question(words: str) -> None:
    """The question a picture answers, printed above it."""
    st.subheader(words, anchor=False)


def open_project_or_stop(title: str, asks: str) -> Project:
    """The open project; without one, say what to do and end the page."""
    project = session.project()
    if project is None:
        action = page_head(title, asks)
        step_link(action, "data", "Choose a project")
        st.info(
            "No project is open. Open the demo or make a project from a folder of images first.",
            icon=":material/photo_library:",
        )
        st.stop()
    return project


def empty(words: str) -> None:
    """Say why there is nothing here yet, and what to do next."""
    with st.container(key="empty_state", border=True, horizontal_alignment="center"):
        st.markdown(words, width="content")
