"""The images a lasso selects on the map: seen in a grid, put in the queue, or taken as a list."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.guard import guarded
from coldstart.ui.thumbnails import grid_html
from coldstart.ui.words import count
from coldstart.workflow.label import shown_name

PAGE_SIZE = 40
_PAGE = "map_selection_page"


def selected_images(project: Project, image_ids: NDArray[np.int64] | None) -> None:
    """Draw the selected images a page at a time, with what can be done with them."""
    said = st.session_state.pop("map_queued", None)
    if said:
        st.success(said, icon=":material/playlist_add_check:")
    if image_ids is None:
        st.markdown(
            "**Draw around some points** to see their images here: choose *Lasso* above the map, "
            "or hold Shift. What you select can become the queue."
        )
        return
    if not len(image_ids):
        st.markdown("No image lies inside the lasso.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count(len(image_ids), 'image')} selected**", width="content")
        st.button(
            "Queue them",
            icon=":material/playlist_add:",
            on_click=_queue,
            args=(project, image_ids),
            disabled=not session.may("queue"),
            help="Those without a label, except the ones kept aside to measure with.",
        )
        st.download_button(
            "CSV",
            data=lambda: _as_csv(project, image_ids),
            file_name="selected-images.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not session.may("export"),
        )
    pages = -(-len(image_ids) // PAGE_SIZE)
    page = min(int(st.session_state.get(_PAGE, 0)), pages - 1)
    shown = image_ids[page * PAGE_SIZE : (page + 1) * PAGE_SIZE].tolist()
    rows = project.store.images.get(shown)
    with st.container(height=430, border=False):
        st.html(grid_html(project, [rows[one] for one in shown if one in rows]))
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _turn("Previous", ":material/chevron_left:", page - 1, disabled=page == 0)
            _turn("Next", ":material/chevron_right:", page + 1, disabled=page == pages - 1)
            st.caption(f"Page {page + 1:,} of {pages:,}")


@guarded
def _queue(project: Project, image_ids: NDArray[np.int64]) -> None:
    from coldstart.workflow.queue import queue_images

    done = queue_images(project, image_ids.tolist(), "selected on the map", by=session.annotator())
    st.session_state["map_queued"] = f"{done.words} Label them on Select & Label."


def _as_csv(project: Project, image_ids: NDArray[np.int64]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["image_id", "path"])
    rows = project.store.images.get(image_ids.tolist())
    writer.writerows([one, shown_name(rows[one].path)] for one in image_ids.tolist() if one in rows)
    return out.getvalue()


def _turn(words: str, icon: str, page: int, *, disabled: bool) -> None:
    def turn() -> None:
        st.session_state[_PAGE] = page

    st.button(words, icon=icon, key=f"map_selection_{words}", on_click=turn, disabled=disabled)
