"""May I stop, for this project: the verdict, what it rests on, the map, and the balls."""

from __future__ import annotations

import streamlit as st

from coldstart.project import Project
from coldstart.ui import diagnosis_view, map_view, stopping_view
from coldstart.ui.head import empty
from coldstart.ui.job_card import job_card
from coldstart.ui.places import page_file
from coldstart.ui.plots import picture_format


def show(project: Project) -> None:
    """Everything the page says of this project, the answer first."""
    if not diagnosis_view.has_embeddings(project):
        empty("Coverage and the map are told from **embeddings**: compute them first.")
        return
    said = stopping_view.verdict(project)
    if said.verdict != "you may stop":
        _label_more()
    left, right = st.columns(2, gap="large")
    with left:
        stopping_view.accuracy(said)
    with right:
        stopping_view.stability(said)
    left, right = st.columns(2, gap="large")
    with left:
        stopping_view.forecast(said)
    with right:
        diagnosis_view.coverage(project)
    stopping_view.untouched(project, said)
    diagnosis_view.labels_by_class(project)
    job_card(project, "map")
    map_view.show(project)
    diagnosis_view.balls(project)
    picture_format()


def _label_more() -> None:
    """The way back to labelling, where the answer says so."""
    if st.button("Label some more", icon=":material/arrow_forward:", icon_position="right"):
        st.switch_page(page_file("label"))
