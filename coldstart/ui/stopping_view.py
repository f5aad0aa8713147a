"""May I stop? The verdict in one sentence with its reasons, and the plots it rests on."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from coldstart.project import Project
from coldstart.stopping import LABELS_A_POINT_IS_WORTH, Verdict
from coldstart.ui import session
from coldstart.ui.audit_controls import audit_controls
from coldstart.ui.diagnosis_view import pool_state, show_plot
from coldstart.ui.head import question
from coldstart.ui.thumbnails import grid_html
from coldstart.ui.words import percent
from coldstart.workflow.diagnostic_plots import accuracy_plot, forecast_plot, stability_plot
from coldstart.workflow.team import change_settings

_NEXT_LABELS = "next_labels"


def verdict(project: Project) -> Verdict:
    """Draw the answer and its reasons, with what decides folded away; the verdict, for the plots.

    Raises
    ------
    ColdstartError : the project's target or price makes no sense.
    """
    place = st.container()
    # Drawn first in the code: the controls must work even when what they hold makes no sense.
    with st.expander(
        "What decides: accuracy or price, and how it is measured", icon=":material/tune:"
    ):
        _controls(project)
        audit = st.container()
    said = cached_verdict(project)
    with audit:
        audit_controls(project, said)
    reasons = "".join(f"<li>{escape(one)}</li>" for one in said.reasons)
    place.html(
        f'<section class="cs-verdict" aria-label="Verdict"><h2>{escape(said.sentence)}</h2>'
        f"<ul>{reasons}</ul></section>"
    )
    return said


def _controls(project: Project) -> None:
    from coldstart.workflow.advise import what_decides

    target, price = what_decides(project)
    # By their keys, for a field that begins with a value of its own can never be emptied.
    wanted_key, worth_key = (f"{name} {project.directory}" for name in ("target", "price"))
    shown = None if target is None else min(max(100 * target, 1.0), 99.9)
    st.session_state.setdefault(wanted_key, shown)
    st.session_state.setdefault(worth_key, None if price is None else max(price, 0.1))
    row = st.form("what_decides", border=False)
    with row, st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.number_input(
            "Accuracy you need, in %",
            min_value=1.0,
            max_value=99.9,
            value=None,
            key=wanted_key,
            step=1.0,
            format="%.4g",
            placeholder="none",
            help="You may stop when the lower end of the measured interval reaches it.",
        )
        worth = st.number_input(
            "Labels one point of accuracy is worth to you",
            min_value=0.1,
            value=None,
            key=worth_key,
            step=5.0,
            format="%.4g",
            placeholder="none" if target is not None else f"{LABELS_A_POINT_IS_WORTH:g}",
            help="You may stop when the next labels are expected to bring less than they cost.",
        )
        st.number_input(
            "Labels to look ahead",
            min_value=1,
            value=None,
            step=10,
            placeholder="chosen for you",
            key=_NEXT_LABELS,
        )
        if st.form_submit_button("Use these", disabled=not session.may("settings")):
            change_settings(
                project,
                by=session.annotator(),
                target=None if wanted is None else round(wanted / 100, 6),
                price=worth,
            )
            st.rerun()


def accuracy(said: Verdict) -> None:
    """Every look at the audit with its interval."""
    show_plot(accuracy_plot(said))


def stability(said: Verdict) -> None:
    """How much successive models agree."""
    show_plot(stability_plot(said))


def forecast(said: Verdict) -> None:
    """The learning curve, and what the next labels are expected to bring."""
    show_plot(forecast_plot(said))


def untouched(project: Project, said: Verdict) -> None:
    """Images that stand for the largest regions without a label near them."""
    signal = said.coverage
    if signal is None or not len(signal.untouched):
        return
    question("What do the regions without a label look like?")
    rows = project.store.images.get(signal.untouched.tolist())
    st.html(grid_html(project, [rows[one] for one in signal.untouched.tolist() if one in rows]))
    share = percent(float(signal.untouched_share.sum()))
    st.caption(f"Each stands for a region; together they hold {share} of the pool.")


def cached_verdict(project: Project) -> Verdict:
    """`workflow.advise.advise`, computed once for the same labels, model, vectors and wishes."""
    run = project.store.runs.latest()
    state = (
        *pool_state(project),
        run.run_id if run else 0,
        project.settings.get("target"),
        project.settings.get("price"),
        project.settings.get("audit_share"),
        project.settings.get("audit_labels"),
        project.store.audit.number(),
        len(project.store.audit.reserved()),
    )
    return _verdict(project, st.session_state.get(_NEXT_LABELS), state)


@st.cache_data(max_entries=16, show_spinner="Weighing what is known")
def _verdict(_project: Project, next_labels: int | None, state: tuple[Any, ...]) -> Verdict:
    from coldstart.workflow.advise import advise

    return advise(_project, next_labels=next_labels)
