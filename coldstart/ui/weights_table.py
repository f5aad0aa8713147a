"""How much each image counts when images are chosen: a person's table, kept for the session."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.ui import session
from coldstart.ui.guard import guard
from coldstart.ui.words import count

_GIVEN = "weights_given"


def weights_table(project: Project) -> Path | None:
    """Draw the way to give a table, or what the one that was given says; its file."""
    given: dict[str, tuple[Path, str]] = st.session_state.setdefault(_GIVEN, {})
    known = given.get(str(project.directory))
    if known is None:
        table = st.file_uploader(
            "Weights: a CSV file with the columns path,weight",
            type="csv",
            help="An image of weight 5 counts as five, one of weight 0 need not be covered. Images "
            "without a line count 1; exact copies are counted without a table.",
            key="weights_table",
        )
        if table is not None:
            with guard():
                given[str(project.directory)] = _take(project, table.name, table.getvalue())
                st.rerun()
        return None
    file, words = known
    st.caption(words)
    if st.button("Count every image alike", icon=":material/undo:", key="weights_off"):
        del given[str(project.directory)]
        st.rerun()
    return file


def _take(project: Project, name: str, content: bytes) -> tuple[Path, str]:
    """Keep the table in the project; its file, and what it says in words."""
    from coldstart.workflow.pool import load_pool
    from coldstart.workflow.weights import keep_weights, read_weights

    file = keep_weights(project, content, by=session.annotator())
    try:
        weights = read_weights(project, load_pool(project), file)
    except ColdstartError as error:
        file.unlink()
        raise ColdstartError(error.problem.replace(file.name, name), error.remedy) from error
    verb = "counts" if weights.named == 1 else "count"
    words = f"{name}: {count(weights.named, 'image')} of this pool {verb} what it says, others 1"
    left_out = [*weights.unknown, *weights.ambiguous]
    if left_out:
        verb = "names" if len(left_out) == 1 else "name"
        words += f"; {count(len(left_out), 'path')} {verb} no single image here ({left_out[0]})"
    return file, f"{words}. Coverage counts them so too."
