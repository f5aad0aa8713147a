"""Images to look at again, in the grid they were labelled in, with the same keys."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coldstart.labels.keys import KEYBOARD_SHORTCUTS
from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key, make_token, project_key
from coldstart.ui import session
from coldstart.ui.classes import labeller_classes
from coldstart.ui.labeller import grid_labeller
from coldstart.workflow.label import images_by_id
from coldstart.workflow.mistakes import Doubtful

PAGE_SIZE = 24
_PAGE = "relabel_page"


def first_page() -> None:
    """Begin the list anew; for use when another list is chosen."""
    st.session_state[_PAGE] = 0


def show(project: Project, doubtful: Sequence[Doubtful]) -> None:
    """The grid labeller over these images, each with why it is here as its reason."""
    pages = max(1, -(-len(doubtful) // PAGE_SIZE))
    page = min(max(int(st.session_state.get(_PAGE, 0)), 0), pages - 1)
    shown = doubtful[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    why = {one.image_id: one.why for one in shown}
    images = images_by_id(project, list(why))
    for image in images:
        # What asked for it first is of no interest here, and its batch is not this page's.
        image.update(reason=why[int(image["id"])], rank=None, batch_id=None)
    later = doubtful[(page + 1) * PAGE_SIZE : (page + 2) * PAGE_SIZE]
    key = project_key(project.directory)
    grid_labeller(
        key="relabeller",
        project_key=f"{key}.{project.id}",
        token=make_token(project.directory, session.annotator()),
        images=images,  # type: ignore[arg-type]
        classes=labeller_classes(project),
        batch=None,
        page=page,
        pages=pages,
        urls=route_urls(
            image_key(project.directory, session.annotator()),
            str(st.get_option("server.baseUrlPath") or ""),
        ),
        keys=KEYBOARD_SHORTCUTS,
        next_images=images_by_id(project, [one.image_id for one in later]),  # type: ignore[arg-type]
        on_page=_turn,
    )


def _turn(page: int) -> None:
    st.session_state[_PAGE] = page
