"""What one browser session remembers: the open project (kept in the URL) and who labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import sign_in
from coldstart.workflow import team
from coldstart.workflow.projects import PROJECT_VARIABLE, open_project

_IN_URL = "project"
_NAME = "coldstart_project_name"
_OPEN = "coldstart_project"
_PAGE = "coldstart_page"
_ARRIVED = "coldstart_just_arrived"
_HELD = "coldstart_held"


def restore() -> Project | None:
    """The project of this run: the URL's, else the session's, else the one being served.

    Raises
    ------
    ColdstartError : it cannot be opened; the session forgets it.
    """
    served = os.environ.get(PROJECT_VARIABLE)
    name = st.query_params.get(_IN_URL) or st.session_state.get(_NAME)
    name = name or (Path(served).name if served else None)
    st.session_state[_OPEN] = None
    if not name:
        return None
    try:
        project = open_project(name)
    except Exception:
        leave()
        raise
    remember(project)
    return project


def remember(project: Project) -> None:
    """Make ``project`` the open one, in the session and in the URL."""
    team.join(project, annotator(), signed_in=sign_in.configured())
    st.session_state[_OPEN] = project
    st.session_state[_NAME] = project.directory.name
    # Following a link to another page empties the URL's query; this puts the project back.
    if st.query_params.get(_IN_URL) != project.directory.name:
        st.query_params[_IN_URL] = project.directory.name


def hold(image_ids: Sequence[int]) -> None:
    """Note that these images were handed to this session: they are what it returns."""
    st.session_state.setdefault(_HELD, set()).update(image_ids)


def give_back() -> None:
    """Return the images this session holds; another tab of the same person keeps its own."""
    held: set[int] = st.session_state.pop(_HELD, set())
    opened = project()
    if opened is not None and held:
        opened.store.leases.give_back(annotator(), sorted(held))


def leave() -> None:
    """Close the open project and go back to the choice of one."""
    give_back()
    st.session_state[_OPEN] = None
    st.session_state[_NAME] = None
    st.query_params.pop(_IN_URL, None)


def visit(page: str) -> None:
    """Note which page this run shows; who leaves the labeller returns the images they held."""
    if st.session_state.get(_PAGE) == "label" and page != "label":
        give_back()
    st.session_state[_ARRIVED] = st.session_state.get(_PAGE) != page
    st.session_state[_PAGE] = page


def just_arrived() -> bool:
    """Whether this run is the first of a visit to its page."""
    return bool(st.session_state.get(_ARRIVED))


def project() -> Project | None:
    """The open project, if one is chosen."""
    opened: Project | None = st.session_state.get(_OPEN)
    return opened


def annotator() -> str:
    """The name that stands on the labels of this session."""
    return sign_in.name() or "annotator"


def may(action: str) -> bool:
    """Whether this person may do this in the open project (`labels.roles.ACTIONS`)."""
    opened = project()
    return opened is None or team.may(opened, annotator(), action)


def barred(action: str) -> str:
    """Why this person may not do this, as the help of a button that is off; empty if they may."""
    try:
        require(action)
    except ColdstartError as error:
        return str(error)
    return ""


def require(action: str) -> None:
    """Refuse with one sentence what this person's role does not allow.

    Raises
    ------
    ColdstartError : their role does not allow it.
    """
    opened = project()
    if opened is not None:
        team.check_may(opened, annotator(), action)
