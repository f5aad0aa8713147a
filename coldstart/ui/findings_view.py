"""The folder doctor on its page: each finding opens into a grid, and can be left out."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.guard import guarded, plain
from coldstart.ui.thumbnails import figure_html, grid_html, thumbnail_base
from coldstart.ui.words import count
from coldstart.workflow.doctor import (
    Finding,
    FindingImage,
    decide,
    finding_page,
    findings,
    leave_out,
)
from coldstart.workflow.label import shown_name

_PAGE = 24
_EXAMPLES = 8
_CELL_PIXELS = 156
_OPEN = "open_finding"


def findings_list(project: Project) -> None:
    """What was found, kind by kind, with examples; one of them opened."""
    st.fragment(_findings)(project)


@guarded
def _findings(project: Project) -> None:
    found = findings(project)
    if not found:
        st.caption("Nothing odd was found: every image can be read, and none is a copy.")
        return
    opened = st.session_state.get(_OPEN)
    st.caption("Nothing is ever deleted or moved: what is left out can be taken back.")
    for finding in found:
        _row(project, finding, opened=opened == finding.kind.name)


def _row(project: Project, finding: Finding, *, opened: bool) -> None:
    name = finding.kind.name
    with st.container(border=True, gap="small", key=f"finding_{name.replace(' ', '_')}"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="top"
        ):
            words = f"words_of_{name.replace(' ', '_')}"
            with st.container(width="stretch", gap=None, key=words):
                st.markdown(f"**{finding.kind.title}** · {_how_many(finding)}")
                st.caption(f"{finding.kind.means} {_what_happens(finding)}")
            with st.container(horizontal=True, width="content", gap="small"):
                st.button(
                    "Close" if opened else "Show",
                    key=f"show_{name}",
                    icon=":material/expand_less:" if opened else ":material/grid_view:",
                    on_click=_toggle,
                    args=(name, opened),
                )
                if finding.kind.scope != "file":
                    st.button(
                        "Take back" if finding.excluded else "Leave out",
                        key=f"leave_out_{name}",
                        icon=":material/undo:" if finding.excluded else ":material/block:",
                        on_click=guarded(_leave_out),
                        args=(project, name, not finding.excluded),
                        disabled=not session.may("settings"),
                    )
        if opened:
            _grid(project, finding)
            return
        examples = [one.image for one in finding_page(project, name, 0, _EXAMPLES)]
        if finding.kind.scope == "file":
            names = ", ".join(plain(shown_name(image.path)) for image in examples)
            st.caption(f"{names} …" if finding.images > len(examples) else names)
        else:
            st.html(grid_html(project, examples))


def _grid(project: Project, finding: Finding) -> None:
    name = finding.kind.name
    key = f"page_of_finding_{name}"
    pages = max(1, -(-finding.members // _PAGE))
    page = min(int(st.session_state.get(key, 0)), pages - 1)
    shown = finding_page(project, name, page * _PAGE, _PAGE)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _turn("Previous", ":material/chevron_left:", key, page - 1, disabled=page == 0)
            _turn("Next", ":material/chevron_right:", key, page + 1, disabled=page == pages - 1)
            st.caption(f"Page {page + 1:,} of {pages:,}")
    if finding.kind.scope == "file":
        _files(shown)
        return
    base = thumbnail_base(project)
    with st.container(horizontal=True, gap="small"):
        for one in shown:
            with st.container(width=_CELL_PIXELS, gap=None):
                st.html(figure_html(base, one.image))
                _decision(project, name, one)


def _decision(project: Project, name: str, one: FindingImage) -> None:
    image_id = one.image.image_id
    if one.kept:
        st.caption(f"Kept · group {one.group_id}")
        return
    if one.group_id:
        st.caption(f"Group {one.group_id}")
    out = one.image.excluded_for is not None
    st.button(
        "Take back" if out else "Leave out",
        key=f"decide_{name}_{image_id}",
        type="tertiary",
        icon=":material/undo:" if out else ":material/block:",
        on_click=guarded(decide),
        args=(project, [image_id]),
        kwargs={"out": not out},
    )


def _files(shown: Sequence[FindingImage]) -> None:
    st.dataframe(
        {
            "File": [shown_name(one.image.path) for one in shown],
            "Why it cannot be used": [one.image.problem or "" for one in shown],
            "Bytes": [one.image.size_bytes for one in shown],
        },
        hide_index=True,
        alt="Files that cannot be used, with the reason",
    )


def _how_many(finding: Finding) -> str:
    if finding.kind.scope == "file":
        return count(finding.images, "file")
    words = count(finding.images, "image")
    if finding.groups:
        words = f"{words} in {count(finding.groups, 'group')}, besides the one kept of each"
    return words


def _what_happens(finding: Finding) -> str:
    if finding.excluded and finding.kind.scope != "file":
        return "Left out of the pool; take it back at any time."
    return finding.kind.happens


def _toggle(name: str, opened: bool) -> None:
    st.session_state[_OPEN] = None if opened else name


def _leave_out(project: Project, name: str, excluded: bool) -> None:
    leave_out(project, name, excluded=excluded, by=session.annotator())


def _turn(words: str, icon: str, key: str, page: int, *, disabled: bool) -> None:
    def turn() -> None:
        st.session_state[key] = page

    st.button(words, icon=icon, key=f"{key}_{words}", on_click=turn, disabled=disabled)
