"""Data: what is in this folder?"""

from __future__ import annotations

import streamlit as st

from coldstart.ui import data_view, findings_view, known_labels_view, project_picker, session
from coldstart.ui.head import page_head, step_link
from coldstart.ui.job_card import job_card

project = session.project()
if project is None:
    action = page_head("coldstart", "Which images should I label first, and when may I stop?")
    project_picker.demo_button(action)
    project_picker.welcome()
    make, recent = st.columns(2, gap="medium")
    with make.container(border=True, height="stretch"):
        project_picker.new_project_form()
    with recent.container(border=True, height="stretch"):
        project_picker.recent_list()
    st.space("small")
    project_picker.the_steps()
    st.stop()

action = page_head("Data", "What is in this folder?")
scanning = job_card(project, "scan")
files = data_view.count_files(project)
if files.images == 0:
    data_view.nothing_found(project, action, scanning=scanning)
    st.stop()

with action:
    data_view.add_images(project, disabled=scanning)
    data_view.rescan_button(project, disabled=scanning)
    step_link(action, "embeddings", "Go to Embeddings")
data_view.counts(project, files)
images, found, missing, known = st.tabs(
    ["Images", "Findings", "Gone since the last scan", "Labels you have"],
    key="data_tab",
    on_change="rerun",
)
# A tab that is not looked at costs nothing.
for tab, show in (
    (images, data_view.image_pages),
    (found, findings_view.findings_list),
    (missing, data_view.missing_list),
    (known, known_labels_view.known_labels),
):
    if tab.open:
        with tab:
            show(project)
