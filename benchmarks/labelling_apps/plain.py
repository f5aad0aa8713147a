"""The peer: sixty `st.image`, each with an `st.button`, as one would write it in five minutes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import streamlit as st

from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.scan import thumbnail_file

PER_PAGE, COLUMNS = 60, 10

st.set_page_config(page_title="plain", layout="wide")
time.sleep(float(os.environ["LABELLING_RUN_S"]))
project = Project.open(Path(os.environ["LABELLING_PROJECT"]))
rows = project.store.images.page("usable", 0, PER_PAGE)
names = {row.class_id: row.name for row in project.store.classes.all()}
answers = project.store.labels.current([row.image_id for row in rows])


def label(image_id: int) -> None:
    class_id = next(iter(names))
    project.store.label_writer.append([NewEvent(str(uuid4()), image_id, "ann", "class", class_id)])


places = st.columns(COLUMNS)
for number, row in enumerate(rows):
    with places[number % COLUMNS]:
        st.image(str(thumbnail_file(project, row.content_hash or "")))
        answer = answers.get(row.image_id)
        words = names[answer.class_id] if answer else f"label {number}"
        st.button(words, key=f"b{row.image_id}", on_click=label, args=(row.image_id,))
