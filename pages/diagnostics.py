"""Diagnostics: may I stop?"""

from __future__ import annotations

from coldstart.ui import diagnosis_view, diagnostics_view
from coldstart.ui.diagnostics_tabs import diagnostics_tabs
from coldstart.ui.head import open_project_or_stop, page_head, step_link
from coldstart.ui.report_button import report_button

TITLE, QUESTION = "Diagnostics", "May I stop?"

project = open_project_or_stop(TITLE, QUESTION)
action = page_head(TITLE, QUESTION)
if diagnosis_view.has_embeddings(project):
    with action:
        report_button(project)
else:
    step_link(action, "embeddings", "Go to Embeddings")
diagnostics_tabs(project, diagnostics_view.show)
