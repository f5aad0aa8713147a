"""The sidebar below the navigation: which project is open, and who labels."""

from __future__ import annotations

import streamlit as st

from coldstart.labels.roles import ROLES
from coldstart.ui import session, sign_in
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
    project = session.project()
    member = project and project.store.members.get(session.annotator())
    role = ROLES[member.role] if member else None
    if sign_in.configured():
        st.caption("SIGNED IN")
        st.text(session.annotator())
        st.button("Sign out", icon=":material/logout:", width="stretch", on_click=_sign_out)
    else:
        st.text_input(
            "Your name",
            value=session.annotator(),
            key="annotator_name",
            max_chars=sign_in.LONGEST_NAME,
            on_change=guarded(_rename),
            help="It stands on every label you give, so that answers of several people can be "
            f"compared. {sign_in.NOT_CHECKED}",
        )
    if role is not None:
        st.caption(f"{role.title}: {role.words}")
    if not sign_in.configured():
        st.caption("Names are not checked.")


def _rename() -> None:
    session.give_back()
    sign_in.set_name(st.session_state["annotator_name"])


def _sign_out() -> None:
    session.give_back()
    st.logout()
