"""Images as HTML that names their thumbnails; the browser fetches them by the route."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key
from coldstart.store import ImageRow
from coldstart.ui import session
from coldstart.ui.guard import guarded
from coldstart.workflow.label import shown_name

PAGE_SIZE = 60


@guarded
def _pages(project: Project, which: str, key: str) -> None:
    total = project.store.images.count(which)
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(int(st.session_state.get(key, 0)), pages - 1)
    rows = project.store.images.page(which, page * PAGE_SIZE, PAGE_SIZE)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _turn("Previous", ":material/chevron_left:", key, page - 1, disabled=page == 0)
            _turn("Next", ":material/chevron_right:", key, page + 1, disabled=page == pages - 1)
            first = page * PAGE_SIZE + 1
            st.caption(f"{first:,} – {first + len(rows) - 1:,} of {total:,}")
    st.html(grid_html(project, rows))


def thumbnail_pages(project: Project, which: str = "usable") -> None:
    """A list of the project's images (`store.images.FILTERS`), a page at a time."""
    st.fragment(_pages)(project, which, f"page_of_{which}")


def grid_html(project: Project, rows: Sequence[ImageRow]) -> str:
    """A grid of thumbnails with their file names."""
    return f'<div class="cs-grid">{"".join(figure_html(project, row) for row in rows)}</div>'


def strip(project: Project, image_ids: Sequence[int]) -> None:
    """Some images in one line."""
    rows = project.store.images.get(image_ids)
    shown = "".join(figure_html(project, rows[one]) for one in image_ids if one in rows)
    if shown:
        st.html(f'<div class="cs-grid">{shown}</div>')


def neighbours_html(
    project: Project, examples: Sequence[tuple[ImageRow, Sequence[ImageRow]]]
) -> str:
    """Rows of one image and its nearest neighbours."""
    lines = [
        f'<div class="cs-likeness">{figure_html(project, image)}<span>→</span>'
        f"{''.join(figure_html(project, one) for one in near)}</div>"
        for image, near in examples
    ]
    return f'<div class="cs-likenesses">{"".join(lines)}</div>'


def figure_html(project: Project, row: ImageRow) -> str:
    """One thumbnail, with the name below and the path on hover."""
    path = escape(shown_name(row.path), quote=True)
    name = escape(shown_name(row.name))
    return (
        f'<figure class="cs-thumb" title="{path}"><img src="{thumbnail_url(project, row)}" '
        f'alt="{path}" loading="lazy"><figcaption>{name}</figcaption></figure>'
    )


def thumbnail_url(project: Project, row: ImageRow) -> str:
    """Where the browser finds the thumbnail; the name says the content, so it may keep it."""
    base = str(st.get_option("server.baseUrlPath") or "")
    key = image_key(project.directory, session.annotator())
    return f"{route_urls(key, base)['thumbnails']}/{row.content_hash}.jpg"


def _turn(words: str, icon: str, key: str, page: int, *, disabled: bool) -> None:
    def turn() -> None:
        st.session_state[key] = page

    st.button(words, icon=icon, key=f"{key}_{words}", on_click=turn, disabled=disabled)
