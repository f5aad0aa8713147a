"""The sidebar below the navigation: which project is open, and who labels."""

from __future__ import annotations

import streamlit as st

from coldstart.ui import session
from coldstart.ui.guard import guarded
from coldstart.ui.places import page_file


def show() -> None:
    """Draw the project and the annotator."""
    with st.sidebar:
        project = session.project()
        if project is not None:
            st.caption("PROJECT")
            st.text(project.name)
            if st.button("Switch project", icon=":material/swap_horiz:", width="stretch"):
                session.leave()
                st.switch_page(page_file("data"))
        _annotator()


def _annotator() -> None:
    st.text_input(
        "Your name",
        value=session.annotator(),
        key="annotator_name",
        max_chars=60,
        on_change=guarded(_rename),
        help=(
            "It is stored with every label you give, so that answers of several people can be "
            "compared. Nobody checks it: anyone who can open this page can label under any name."
        ),
    )


def _rename() -> None:
    session.set_annotator(st.session_state["annotator_name"])
