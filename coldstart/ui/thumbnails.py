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
    """A list of the project's images (`store.image_lists.FILTERS`), a page at a time."""
    st.fragment(_pages)(project, which, f"page_of_{which}")


def grid_html(project: Project, rows: Sequence[ImageRow]) -> str:
    """A grid of thumbnails with their file names."""
    base = thumbnail_base(project)
    return f'<div class="cs-grid">{"".join(figure_html(base, row) for row in rows)}</div>'


def strip(project: Project, image_ids: Sequence[int]) -> None:
    """Some images in one line."""
    rows = project.store.images.get(image_ids)
    shown = [rows[one] for one in image_ids if one in rows]
    if shown:
        st.html(grid_html(project, shown))


def neighbours_html(
    project: Project, examples: Sequence[tuple[ImageRow, Sequence[ImageRow]]]
) -> str:
    """Rows of one image and its nearest neighbours."""
    base = thumbnail_base(project)
    lines = [
        f'<div class="cs-likeness">{figure_html(base, image)}<span>→</span>'
        f"{''.join(figure_html(base, one) for one in near)}</div>"
        for image, near in examples
    ]
    return f'<div class="cs-likenesses">{"".join(lines)}</div>'


def figure_html(base: str, row: ImageRow) -> str:
    """One thumbnail, with the name below and the path on hover; ``base``: `thumbnail_base`."""
    path = escape(shown_name(row.path), quote=True)
    name = escape(shown_name(row.name))
    return (
        f'<figure class="cs-thumb" title="{path}"><img src="{base}/{row.content_hash}.jpg" '
        f'alt="{path}" loading="lazy"><figcaption>{name}</figcaption></figure>'
    )


def thumbnail_base(project: Project) -> str:
    """Where the browser finds this project's thumbnails, by content hash.

    The name says the content, so it may keep them. Signed: once a grid, not once a picture.
    """
    base = str(st.get_option("server.baseUrlPath") or "")
    key = image_key(project.directory, session.annotator())
    return route_urls(key, base)["thumbnails"]


def _turn(words: str, icon: str, key: str, page: int, *, disabled: bool) -> None:
    def turn() -> None:
        st.session_state[key] = page

    st.button(words, icon=icon, key=f"{key}_{words}", on_click=turn, disabled=disabled)
