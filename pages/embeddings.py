"""Embeddings: how should images be compared?"""

from __future__ import annotations

import streamlit as st

from coldstart.ui import embedding_view, session
from coldstart.ui.compare_view import compare
from coldstart.ui.encoder_cards import encoder_cards
from coldstart.ui.head import empty, open_project_or_stop, page_head, step_link
from coldstart.ui.job_card import job_card
from coldstart.ui.simclr_view import simclr_panel

TITLE, QUESTION = "Embeddings", "How should images be compared?"

project = open_project_or_stop(TITLE, QUESTION)
action = page_head(TITLE, QUESTION)
if project.store.images.count("usable") == 0:
    step_link(action, "data", "Go to Data")
    empty("No image is known yet: scan the folder on the **Data** page first.")
    st.stop()

computing = job_card(project, "embed")
training = job_card(project, "simclr")
active = embedding_view.active(project)
if active is not None:
    step_link(action, "label", "Go to Select & Label")
    embedding_view.without_vector(project, active, disabled=computing or not session.may("run"))
    embedding_view.likeness(project, active)
    compare(project, active.name)
else:
    embedding_view.compute_default(project, action, disabled=computing or not session.may("run"))

encoder_cards(project, disabled=computing or not session.may("run"))
with st.expander("Train a network on your images", icon=":material/school:", expanded=training):
    simclr_panel(project, disabled=computing or not session.may("run"))
with st.expander("Use vectors of your own", icon=":material/upload:"):
    embedding_view.own_vectors(project)
embedding_view.finished_sets(project, active)
