"""How much is asked to measure with, and beginning anew when all looks are taken."""

from __future__ import annotations

import streamlit as st

from coldstart.project import Project
from coldstart.stopping import AUDIT_LABELS, AUDIT_SHARE, Verdict
from coldstart.stopping.audit import LOOKS
from coldstart.ui import session
from coldstart.ui.guard import guarded
from coldstart.workflow.team import change_settings


def audit_controls(project: Project, said: Verdict) -> None:
    """Draw the audit's share and size, what it is without, and the way to a new one."""
    from coldstart.workflow.audit import WITHOUT_AUDIT, labels_for_audit, share_for_audit

    share, wanted = share_for_audit(project), labels_for_audit(project)
    looks = len(said.measured.looks)
    row = st.form("audit_controls", border=False)
    with row, st.container(horizontal=True, vertical_alignment="bottom"):
        percentage = st.number_input(
            "Of each batch drawn at random to measure with, in %",
            min_value=0.0,
            max_value=100.0,
            value=100 * share,
            step=5.0,
            format="%.4g",
            help=f"{100 * AUDIT_SHARE:g} unless you say otherwise; 0 turns the audit off.",
        )
        labels = st.number_input(
            "Audit labels wanted",
            min_value=1,
            value=wanted,
            step=20,
            help=f"{AUDIT_LABELS} unless you say otherwise. Four times as many halve the interval.",
        )
        if st.form_submit_button("Use these for the audit", disabled=not session.may("settings")):
            change_settings(
                project,
                by=session.annotator(),
                audit_share=round(percentage / 100, 6),
                audit_labels=int(labels),
            )
            st.rerun()
    if share == 0:
        st.warning(f"The audit is off. {WITHOUT_AUDIT}", icon=":material/visibility_off:")
    if looks:
        spent = " All are taken: the last one stands." if looks >= LOOKS else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Begin a new audit",
                icon=":material/restart_alt:",
                on_click=_begin,
                args=(project,),
                disabled=not session.may("settings"),
                help="On images that no audit has asked. The labels of this one become training "
                "labels, and the measure begins at 0.",
            )
            st.caption(
                f"{looks} of {LOOKS} looks of this audit are taken.{spent} Once you have chosen a "
                "model or an embedding by its number it is no longer blind: begin a new one."
            )
    begun = st.session_state.pop("new_audit", None)
    if begun:
        st.success(begun, icon=":material/restart_alt:")


@guarded
def _begin(project: Project) -> None:
    from coldstart.workflow.audit import begin_new_audit

    session.require("settings")
    st.session_state["new_audit"] = begin_new_audit(project).words
