"""Browse to a folder, within the folders the server may read."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from coldstart.ui.guard import guarded
from coldstart.workflow.projects import allowed_roots, subfolders

_SHOWN = 200


def folder_browser(target: str) -> None:
    """Folders as buttons; the one shown is written into the text field whose key is ``target``."""
    st.fragment(_browser)(target)


@guarded
def _browser(target: str) -> None:
    at_key = f"{target}_browsing"
    here: Path | None = st.session_state.get(at_key)
    roots = [root for root in allowed_roots() if root.is_dir()]
    folders = roots if here is None else subfolders(here)
    st.caption(str(here) if here else "Where are the images?")
    with st.container(horizontal=True, gap="small"):
        up = None if here is None or here in roots else here.parent
        _go("Up", at_key, up, icon=":material/arrow_upward:", disabled=here is None)
        if st.button(
            "Use this folder",
            type="primary",
            disabled=here is None,
            key=f"{target}_use",
            on_click=_use,
            args=(target, here),
        ):
            st.toast(f"Chosen: {here}")
            st.rerun()
    with st.container(height=260, gap=None, border=False):
        for folder in folders[:_SHOWN]:
            words = str(folder) if here is None else folder.name
            _go(words, at_key, folder, icon=":material/folder:", type="tertiary")
        if not folders:
            st.caption("No folder in here; its own images are found too.")
        if len(folders) > _SHOWN:
            st.caption(f"{len(folders) - _SHOWN:,} more: type the path instead.")


def _use(target: str, folder: Path) -> None:
    st.session_state[target] = str(folder)


def _go(words: str, at_key: str, folder: Path | None, **looks: object) -> None:
    def go() -> None:
        st.session_state[at_key] = folder

    st.button(words, key=f"{at_key}_{words}_{folder}", on_click=go, **looks)  # type: ignore[arg-type]
