"""Labels that are there already: the class folders found, and what to do with them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.guard import guard
from coldstart.ui.own_labels import LARGEST_LABEL_FILE_MB
from coldstart.ui.words import count
from coldstart.workflow.known_labels import class_folders, import_known
from coldstart.workflow.label import ImportReport

_LISTED = 12


def known_labels(project: Project) -> None:
    """Offer the folders as classes, and a file of labels; as labels, or hidden for rehearsals."""
    off = not session.may("import")
    hidden = project.store.truth.count()
    if hidden:
        st.caption(
            f"The classes of {count(hidden, 'image')} are hidden (from "
            f"{project.store.truth.source()}): only a rehearsal reads them."
        )
    folders = class_folders(project)
    if len(folders.images) > 1:
        names = ", ".join(
            f"{name} ({number:,})" for name, number in list(folders.images.items())[:_LISTED]
        )
        more = len(folders.images) - _LISTED
        st.markdown(f"**{count(len(folders.images), 'folder')} of images**")
        st.text(names + (f" and {more:,} more" if more > 0 else ""))
        st.caption(
            "If these folders are the classes, they can be your labels. If you only want to try "
            "coldstart on data whose answer is known, hide them: a rehearsal measures against them."
        )
        with st.container(horizontal=True, gap="small"):
            if st.button("They are labels", icon=":material/label:", disabled=off):
                _take(project, None, hidden=False)
            if st.button(
                "Hide them for rehearsals", icon=":material/visibility_off:", disabled=off
            ):
                _take(project, None, hidden=True)
    else:
        st.caption("The images do not lie in folders that could be classes.")
    file = st.file_uploader(
        "A file of labels",
        type=["csv", "json"],
        help="CSV path,class_name, or a COCO file.",
        max_upload_size=LARGEST_LABEL_FILE_MB,
    )
    only_hidden = st.checkbox("Hide them: for rehearsals only", disabled=file is None)
    if st.button("Take them", disabled=file is None or off) and file is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"labels{Path(file.name).suffix.lower()}"
            path.write_bytes(file.getvalue())
            _take(project, path, hidden=only_hidden)


def _take(project: Project, source: Path | None, *, hidden: bool) -> None:
    with guard():
        session.require("import")
        report = import_known(project, source, session.annotator(), hidden=hidden)
        _say(report, hidden=hidden)


def _say(report: ImportReport, *, hidden: bool) -> None:
    where = "hidden for rehearsals" if hidden else "stored as labels"
    words = (
        f"{count(report.labelled, 'image')} of {count(report.classes, 'class', 'classes')} {where}."
    )
    if hidden:
        words += " Diagnostics compares strategies on them, in its tab Rehearse."
    if report.unknown_paths:
        words += f" {count(len(report.unknown_paths), 'entry', 'entries')} named no image here."
    if report.ambiguous_paths:
        words += f" {len(report.ambiguous_paths):,} named more than one image or class."
    st.success(words)
