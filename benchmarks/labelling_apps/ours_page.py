"""One page of the labeller."""

from __future__ import annotations

import os
import time
from pathlib import Path

import streamlit as st

from coldstart.labels.keys import KEYBOARD_SHORTCUTS
from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key, make_token, project_key
from coldstart.ui.classes import labeller_classes
from coldstart.ui.labeller import grid_labeller
from coldstart.workflow.label import label_page

PER_PAGE = 60

st.set_page_config(page_title="labeller", layout="wide")
time.sleep(float(os.environ["LABELLING_RUN_S"]))
project = Project.open(Path(os.environ["LABELLING_PROJECT"]))
page = label_page(project, "usable", int(st.session_state.get("number", 0)), PER_PAGE)
key = project_key(project.directory)


def turn(number: int) -> None:
    st.session_state["number"] = number


grid_labeller(
    key="labeller",
    project_key=f"{key}.{project.id}",
    token=make_token(project.directory, "ann"),
    images=page.images,
    classes=labeller_classes(project),
    batch=None,
    page=page.page,
    pages=page.pages,
    urls=route_urls(image_key(project.directory, "ann")),
    keys=KEYBOARD_SHORTCUTS,
    next_images=page.next_images,
    on_page=turn,
)
