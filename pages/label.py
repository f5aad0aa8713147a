"""Select & Label: which images are worth my time, and what are they?"""

from __future__ import annotations

import streamlit as st

from coldstart.ui import label_view, selection_view
from coldstart.ui.head import open_project_or_stop, page_head, step_link

TITLE, QUESTION = "Select & Label", "Which images are worth my time, and what are they?"

project = open_project_or_stop(TITLE, QUESTION)
action = page_head(TITLE, QUESTION)
if not selection_view.embedded(project, action):
    st.stop()

queue = label_view.queue(project)
view = label_view.view_picker(project, queue)
if view != "queue":
    label_view.labeller(project, view)
elif selection_view.is_open(queue.images == 0):
    selection_view.panel(project, action, queue)
else:
    with action:
        selection_view.more_button(queue)
        if queue.waiting == 0:
            step_link(action, "train", "Go to Train")
    label_view.labeller(project, view, queue)
