"""Before a project: open the demo, make a project from a folder, or go on with a recent one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart import jobs
from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.folder_browser import folder_browser
from coldstart.ui.guard import guard
from coldstart.ui.places import page_file
from coldstart.ui.steps import STEPS
from coldstart.ui.words import ago, count
from coldstart.workflow.demo import open_demo
from coldstart.workflow.projects import (
    RecentProject,
    new_project,
    projects_folder,
    recent_projects,
)
from coldstart.workflow.scan import scan

_RECENT = 8
_FOLDER = "new_project_folder"


def demo_button(place: DeltaGenerator) -> None:
    """One click: the demo is written, scanned, and its embeddings are on their way."""
    if place.button("Open the demo", type="primary", icon=":material/play_arrow:"):
        bar = st.progress(0.0, text="Writing 1,797 handwritten digits")

        def progress(done: int, total: int | None, message: str = "") -> None:
            bar.progress(min(1.0, done / total) if total else 0.0, text=message or "Working")

        project = open_demo(projects_folder(), progress=progress)
        if project.store.images.count("usable") == 0:
            scan(project, progress=progress)
        start_embedding(project)
        session.remember(project)
        st.switch_page(page_file("label"))


def welcome() -> None:
    """What this is, and what the demo is, in two sentences."""
    st.markdown(
        "Point it at a folder of images **without labels**. It shows what is in there, picks the "
        "images worth labelling, lets you label them fast, trains a classifier on them and says "
        "how much of the folder they cover."
    )
    st.caption(
        "The demo is 1,797 handwritten digits without labels: no network needed, ready to label in "
        "less than a minute."
    )


def the_steps() -> None:
    """The five steps in a row, for whoever comes here first."""
    cells = "".join(
        f"<p><b>{number} {escape(step.title)}</b><span>{escape(step.words)}</span></p>"
        for number, step in enumerate(STEPS, start=1)
    )
    st.html(f'<div class="cs-steps">{cells}</div>')


def start_embedding(project: Project) -> None:
    """Start the job of the encoder that needs no download, unless there are embeddings already."""
    from coldstart.workflow.embed import DEFAULT_ENCODER
    from coldstart.workflow.pool import active_set

    running = project.store.jobs.latest("embed")
    if active_set(project) is None and (running is None or running.state != "running"):
        jobs.submit(project, "embed", ["--encoder", DEFAULT_ENCODER], by=session.annotator())


def new_project_form() -> None:
    """Name a folder (typed, or browsed to within the allowed folders) and make a project of it."""
    st.subheader("New project from a folder", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        folder = st.text_input(
            "Folder of images",
            key=_FOLDER,
            placeholder="/home/you/photos",
            help="Every image below it is found, however deep. The images are only read. A .zip, a "
            "list of paths (.csv, .jsonl, .parquet) or a URL (s3://bucket/folder) will do too.",
        )
        with st.popover("Browse", icon=":material/folder_open:"):
            folder_browser(_FOLDER)
    more = st.text_area(
        "More places, one a line",
        key="new_project_more",
        height=68,
        placeholder="/media/camera\ns3://bucket/photos",
        help="For images that lie in several folders, zips, lists or stores.",
    )
    name = st.text_input(
        "Project name", key="new_project_name", placeholder=Path(folder).name or "photos"
    )
    if st.button("Make the project and scan", icon=":material/add:", disabled=not folder.strip()):
        with guard():
            places = [folder, *(line for line in more.splitlines() if line.strip())]
            _make(name.strip() or Path(folder.strip()).stem, places)


def recent_list() -> None:
    """The projects this server knows, the last changed first."""
    projects = recent_projects()
    st.subheader("Recent projects", anchor=False)
    if not projects:
        st.caption(f"None yet. They will lie in {projects_folder()}.")
        return
    for project in projects[:_RECENT]:
        _recent_row(project)
    if len(projects) > _RECENT:
        with st.expander(f"{len(projects) - _RECENT} older ones"):
            for project in projects[_RECENT:]:
                _recent_row(project)


def _recent_row(project: RecentProject) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"
    ):
        with st.container(width="content", gap=None):
            st.text(project.name)
            st.caption(
                f"{count(project.images, 'image')} · {project.labelled:,} labelled · "
                f"{ago(project.changed_at)}"
            )
        if st.button("Open", key=f"open_{project.directory.name}"):
            session.remember(Project.open(project.directory))
            st.rerun()


def _make(name: str, places: Sequence[str]) -> None:
    project = new_project(name, places)
    jobs.submit(project, "scan", by=session.annotator())
    session.remember(project)
    st.rerun()
