"""One page: the labeller, and a few widgets that keys must respect."""

from __future__ import annotations

import time

import store
import streamlit as st

from coldstart.labels.keys import KEYBOARD_SHORTCUTS
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key, make_token, project_key
from coldstart.ui.labeller import grid_labeller

PER_PAGE = 24

st.set_page_config(page_title="labeller", layout="wide")
with store.connected() as database:
    database.execute("INSERT INTO runs DEFAULT VALUES")
time.sleep(store.setting("run_takes_s", 0))

rows = store.index()
pages = -(-len(rows) // PER_PAGE)
page = st.session_state.setdefault("page_number", 0)
shown = rows[page * PER_PAGE : (page + 1) * PER_PAGE]
coming = rows[(page + 1) * PER_PAGE : (page + 2) * PER_PAGE]
answers = store.answers()
time.sleep(store.setting("answers_age_s", 0))  # what is labelled meanwhile is not in them


@st.dialog("A dialog")
def show_dialog() -> None:
    st.write("Nothing is labelled meanwhile.")


def turn_to(number: int) -> None:
    st.session_state.page_number = number


def cells(some: list) -> list:
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "path": f"shots/{row['name']}",
            "thumbnail": row["thumbnail"],
            "state": answers.get(row["id"]),
            "reason": f"covers {300 - 4 * row['id']} images that nothing labelled covers yet",
            "rank": row["id"],
            "group": row["id"] // 5 if store.setting("groups", 0) else None,
        }
        for row in some
    ]


directory = store.DIRECTORY / "other" if store.setting("other_project", 0) else store.DIRECTORY
key = project_key(directory)
grid_labeller(
    key="labeller",
    project_key=key,
    token=make_token(directory, "ann", lifetime_s=store.setting("token_lifetime_s", 3600)),
    images=cells(shown),
    classes=store.classes(),
    batch={"id": store.BATCH, "size": store.IMAGE_COUNT, "labelled": len(answers)},
    page=page,
    pages=pages,
    urls=route_urls(image_key(directory, "ann")),
    keys=KEYBOARD_SHORTCUTS,
    next_images=cells(coming),
    grouped={1: "likeness", 2: "suggested"}.get(int(store.setting("groups", 0)), ""),
    on_page=turn_to,
)
left, middle, right, last = st.columns(4)
left.text_input("A text field")
middle.selectbox("A choice", ["one", "two"])
if right.button("Open a dialog"):
    show_dialog()
last.button("Run again")
