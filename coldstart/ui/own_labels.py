"""Labels a person has already, from a CSV file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.guard import guard
from coldstart.ui.words import count

LARGEST_LABEL_FILE_MB = 100


def own_labels(project: Project) -> None:
    """Draw the way to bring labels along."""
    with st.expander("I have labels already", type="compact"):
        file = st.file_uploader(
            "A CSV file with the columns path,class_name",
            type="csv",
            key="own_labels",
            max_upload_size=LARGEST_LABEL_FILE_MB,
        )
        if file is not None and st.button(
            "Take these labels", key="take_labels", disabled=not session.may("import")
        ):
            with guard():
                _import(project, file.name, file.getvalue())


def _import(project: Project, name: str, content: bytes) -> None:
    from coldstart.workflow.label import import_labels

    session.require("import")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.csv"
        file.write_bytes(content)
        try:
            report = import_labels(project, file, session.annotator())
        except ColdstartError as error:
            problem = error.problem.replace("labels.csv", name)
            raise ColdstartError(problem, error.remedy) from error
    st.success(
        f"{count(report.labelled, 'label')} taken, {len(report.unknown_paths):,} paths unknown, "
        f"{len(report.ambiguous_paths):,} ambiguous."
    )
