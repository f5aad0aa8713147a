"""Diagnostics: may I stop?"""

from __future__ import annotations

import streamlit as st

from coldstart.ui import diagnosis_view, map_view, stopping_view
from coldstart.ui.head import empty, open_project_or_stop, page_head, step_link
from coldstart.ui.job_card import job_card

TITLE, QUESTION = "Diagnostics", "May I stop?"

project = open_project_or_stop(TITLE, QUESTION)
action = page_head(TITLE, QUESTION)
if not diagnosis_view.has_embeddings(project):
    step_link(action, "embeddings", "Go to Embeddings")
    empty("Coverage and the map are told from **embeddings**: compute them first.")
    st.stop()

step_link(action, "label", "Label some more")
said = stopping_view.verdict(project)
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
diagnosis_view.purity(project)
