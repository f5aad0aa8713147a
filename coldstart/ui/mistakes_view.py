"""Where the model fails: the confusion matrix, whose cells open the images, and what to check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from coldstart.project import Project
from coldstart.ui import relabel_view, session
from coldstart.ui.head import question
from coldstart.ui.plots import csv_button, plot_config
from coldstart.workflow.mistakes import Doubtful, confused, label_mistakes, worst_mistakes
from coldstart.workflow.train import TrainingState

if TYPE_CHECKING:
    from coldstart.training.evaluate import Evaluation

LISTS = {
    "labels": "Labels probably wrong",
    "loss": "Worst predictions",
    "cell": "One cell of the matrix",
}
_LIST = "mistakes_list"
_CELL = "mistakes_cell"
_KEPT = "mistakes_kept"


def confusion(measured: Evaluation) -> None:
    """Which classes are taken for which; a click on a cell chooses its images below."""
    question("Which classes are taken for which?")
    if measured.confusion is None:
        st.caption("Too few labels to say.")
        return
    from coldstart.figures import confusion_figure, figure_csv

    names = list(measured.class_names)
    figure = confusion_figure(measured.confusion, names)
    st.plotly_chart(
        figure,
        key="confusion",
        config=plot_config("confusion"),
        on_select=lambda: _clicked(names),
        selection_mode="points",
        alt="Labels against predictions, class by class",
    )
    st.caption(
        "Images by label and by what was predicted when they were left out, as the mean over the "
        "repeats; the colour is the share of the row. Click a cell to see its images below."
    )
    csv_button("confusion", lambda: figure_csv(figure))


def _clicked(names: list[str]) -> None:
    points = st.session_state["confusion"]["selection"]["points"]
    for point in points:
        cell = point.get("customdata")
        if cell is not None:
            st.session_state[_LIST] = "cell"
            st.session_state[_CELL] = (names[int(cell[0])], names[int(cell[1])])
            relabel_view.first_page()


def show(project: Project, state: TrainingState) -> None:
    """Images to look at again, one list of three, in the grid they were labelled in."""
    measured = state.evaluation
    question("Which labels are wrong, and which images does it not understand?")
    if measured is None or measured.confusion is None or state.run is None:
        st.caption("Too few labels to say.")
        return
    st.session_state.setdefault(_LIST, "labels")  # a click on the matrix sets it too
    chosen = str(
        st.segmented_control(
            "Images to look at again",
            list(LISTS),
            format_func=LISTS.__getitem__,
            required=True,
            key=_LIST,
            label_visibility="collapsed",
            on_change=relabel_view.first_page,
        )
    )
    cell = _choose_cell(measured) if chosen == "cell" else None
    words, doubtful = _list(project, state.run.run_id, chosen, cell)
    st.caption(words)
    if doubtful:
        relabel_view.show(project, doubtful)
        st.caption(
            "Give an image another class if its label is wrong, or the same class again if it is "
            "right: then it is not listed any more. Audit images are never listed here, because "
            "a truth that was changed to please the model cannot measure it."
        )


def _choose_cell(measured: Evaluation) -> tuple[str, str] | None:
    """One cell, by the keyboard too: mistakes first, the most frequent one on top."""
    from coldstart.figures.style import number

    matrix, names = np.asarray(measured.confusion), measured.class_names
    cells = [(i, j) for i in range(len(names)) for j in range(len(names)) if matrix[i, j] > 0]
    cells.sort(key=lambda one: (one[0] == one[1], -matrix[one]))
    options = [(names[i], names[j]) for i, j in cells]
    if not options:
        return None
    if st.session_state.get(_CELL) not in options:
        st.session_state[_CELL] = options[0]
    counts = {(names[i], names[j]): matrix[i, j] for i, j in cells}
    chosen: Any = st.selectbox(
        "Cell",
        options,
        key=_CELL,
        format_func=lambda one: f"{_cell_words(one)} ({number(counts[one])})",
        on_change=relabel_view.first_page,
        width=420,
    )
    return (chosen[0], chosen[1])


def _cell_words(cell: tuple[str, str]) -> str:
    label, predicted = cell
    return f"{label}, rightly predicted" if label == predicted else f"{label} taken for {predicted}"


def _list(
    project: Project, run_id: int, chosen: str, cell: tuple[str, str] | None
) -> tuple[str, list[Doubtful]]:
    """The list as it was when it was opened: a grid whose cells move cannot be worked through."""
    which = (str(project.directory), run_id, chosen, cell)
    kept: Any = st.session_state.get(_KEPT)
    if kept is not None and kept[0] == which and not session.just_arrived():
        return kept[1], kept[2]
    if chosen == "labels":
        report = label_mistakes(project)
        words, doubtful = report.words, report.suspects
    elif chosen == "loss":
        doubtful = worst_mistakes(project)
        words = (
            "The images whose label got the least probability from models that had not seen them, "
            "the worst first: a wrong label, or a kind of image that needs more of its like."
            if doubtful
            else "No labelled image was predicted wrong when it was left out."
        )
    else:
        doubtful = [] if cell is None else confused(project, *cell)
        words = (
            "Every image that was predicted so in at least one of the repeats, the surest first."
        )
    st.session_state[_KEPT] = (which, words, doubtful)
    return words, doubtful
