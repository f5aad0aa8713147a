"""Train: how good is it already?"""

from __future__ import annotations

import streamlit as st

from coldstart.ui import (
    export_model_view,
    finetune_view,
    mistakes_view,
    predictions_view,
    session,
    training_view,
)
from coldstart.ui.head import open_project_or_stop, page_head, step_link
from coldstart.ui.job_card import job_card
from coldstart.workflow.audit_classes import audit_classes
from coldstart.workflow.train import training_state

TITLE, QUESTION = "Train", "How good is it already?"

project = open_project_or_stop(TITLE, QUESTION)
action = page_head(TITLE, QUESTION)
training = job_card(project, "train")
state = training_state(project)
training_view.train_button(project, action, state, disabled=training or not session.may("run"))

if state.evaluation is None:
    training_view.nothing_trained(state, action)
else:
    classes = audit_classes(project)
    training_view.accuracy(project, state, classes)
    left, right = st.columns([3, 3], gap="large")
    with left:
        mistakes_view.confusion(state.evaluation)
    with right:
        training_view.per_class(state.evaluation, classes)
    mistakes_view.show(project, state)
    left, right = st.columns([3, 2], gap="large")
    with left:
        training_view.calibration(state.evaluation)
    with right:
        training_view.probe(project, state, disabled=training or not session.may("run"))
    job_card(project, "predict")
    predictions_view.show(project)
    finetune_view.show(project, state)
    export_model_view.show(project)

if project.store.labels.last_event_id():
    training_view.manifest(project)
    training_view.code(project)
if state.up_to_date and not training:
    step_link(action, "diagnostics", "Go to Diagnostics")
