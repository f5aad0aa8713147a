"""What the Data page shows of a project: counts, thumbnails, and what cannot be used and why."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart.project import Project
from coldstart.ui import job_card, session
from coldstart.ui.facts import show_facts
from coldstart.ui.guard import guard
from coldstart.ui.head import empty
from coldstart.ui.thumbnails import thumbnail_pages
from coldstart.workflow import projects
from coldstart.workflow.doctor import findings
from coldstart.workflow.formats import pool_formats
from coldstart.workflow.label import shown_name

_LISTED = 2_000
_FORMATS = 5
_ADDING, _ADDED = "adding_images", "images_added"


@dataclass(frozen=True)
class Files:
    """How many files of the project are what."""

    images: int
    unusable: int
    missing: int
    left_out: int
    findings: int  # kinds


def count_files(project: Project) -> Files:
    """Count the images that can be used, cannot, and are gone."""
    images = project.store.images
    return Files(
        images=images.count("usable"),
        unusable=images.count("problem"),
        missing=images.count("missing"),
        left_out=images.count("left out"),
        findings=len(findings(project)),
    )


def rescan_button(project: Project, *, disabled: bool) -> None:
    """Look again: only new and changed files are read."""
    if st.button(
        "Scan again",
        icon=":material/refresh:",
        disabled=disabled or not session.may("run"),
        help=session.barred("run")
        or "Finds new, changed and deleted files; what has not changed is not read again.",
    ):
        job_card.start(project, "scan")


def add_images(project: Project, *, disabled: bool) -> None:
    """Another folder, zip, list or URL for this project, scanned at once."""
    if st.session_state.pop(_ADDED, False):
        st.session_state[_ADDING] = False  # it would lie over the job that scans
    with st.popover(
        "Add images",
        icon=":material/create_new_folder:",
        key=_ADDING,
        on_change="rerun",
        disabled=disabled or not session.may("settings"),
        help=session.barred("settings") or None,
    ):
        with st.form("add_images", border=False):
            place = st.text_input(
                "Another folder, .zip, list of paths or URL", placeholder="/media/camera"
            )
            pressed = st.form_submit_button("Add and scan", icon=":material/add:")
        if pressed:
            with guard():
                projects.add_images(project, place, by=session.annotator())
                st.session_state[_ADDED] = True
                job_card.start(project, "scan")


def nothing_found(project: Project, action: DeltaGenerator, *, scanning: bool) -> None:
    """No usable image yet: offer the scan, or wait for it."""
    if scanning:
        empty("Images appear here as soon as the scan has finished.")
        return
    off = not session.may("run")
    if action.button("Scan", type="primary", icon=":material/search:", disabled=off):
        job_card.start(project, "scan")
    folders = ", ".join(f"`{source.shown}`" for source in project.sources)
    empty(f"No usable image is known yet. **Scan** looks through {folders}.")
    if project.store.images.count("problem"):
        unusable_list(project)


def counts(project: Project, found: Files) -> None:
    """The folder in numbers: images, formats, sizes."""
    known = pool_formats(project)
    formats, sizes = known.counts, known.sizes
    facts = [("Images", f"{found.images:,}")]
    if len(formats) == 1:
        facts.append(("Format", formats[0][0]))
    else:
        facts += [(name, f"{number:,}") for name, number in formats[:_FORMATS]]
        if rest := formats[_FORMATS:]:
            names = ", ".join(name for name, _ in rest)
            facts.append((names, f"{sum(number for _, number in rest):,}"))
    if sizes is not None:
        facts.append(("Width", _range(sizes[0], sizes[2])))
        facts.append(("Height", _range(sizes[1], sizes[3])))
    facts.append(("Cannot be used", f"{found.unusable:,}"))
    if found.left_out:
        facts.append(("Left out", f"{found.left_out:,}"))
    if found.missing:
        facts.append(("Gone", f"{found.missing:,}"))
    facts.append(("Kinds of finding", f"{found.findings:,}"))
    show_facts(facts)
    folders = ", ".join(f"`{source.shown}`" for source in project.sources)
    st.caption(f"From {folders} and every folder below. The files are only read, never changed.")


def image_pages(project: Project) -> None:
    """Page through every usable image; thumbnails that are missing can be made at once."""
    thumbnail_pages(project, "usable")
    if not job_card.job_card(project, "thumbnails") and st.button(
        "Make all thumbnails",
        icon=":material/imagesmode:",
        type="tertiary",
        disabled=not session.may("run"),
        help="A scan makes them as it goes, and one that is missing is made when somebody looks at "
        "it. This makes all that are missing now, on all cores.",
    ):
        job_card.start(project, "thumbnails")


def unusable_list(project: Project) -> None:
    """Files that claim to be images and cannot be used, each with the reason."""
    rows = project.store.images.page("problem", 0, _LISTED)
    if not rows:
        st.caption("Every image file can be read.")
        return
    total = project.store.images.count("problem")
    st.caption("They are left out of the pool; mend or remove the files, then scan again.")
    st.dataframe(
        {
            "File": [shown_name(row.path) for row in rows],
            "Why it cannot be used": [row.problem or "" for row in rows],
            "Bytes": [row.size_bytes for row in rows],
        },
        hide_index=True,
        alt="Files that cannot be used, with the reason",
    )
    if total > len(rows):
        st.caption(f"The first {len(rows):,} of {total:,}.")


def missing_list(project: Project) -> None:
    """Files that were there at an earlier scan; their labels are kept."""
    rows = project.store.images.page("missing", 0, _LISTED)
    if not rows:
        st.caption("Every file of the last scan is still there.")
        return
    st.caption("Their labels are kept, and count again when the files are back.")
    st.dataframe(
        {"File": [shown_name(row.path) for row in rows]},
        hide_index=True,
        alt="Files that are gone since an earlier scan",
    )


def _range(least: int, most: int) -> str:
    return f"{least:,} px" if least == most else f"{least:,} – {most:,} px"
