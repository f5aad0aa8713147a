"""The map of the pool: every image a point, coloured by what a person wants to see."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from coldstart.labels.states import CLASS, LABEL_KINDS
from coldstart.project import Project
from coldstart.store import EventRow
from coldstart.ui import job_card
from coldstart.ui.guard import guarded
from coldstart.ui.head import question
from coldstart.ui.words import count, percent
from coldstart.workflow.label import shown_name
from coldstart.workflow.map import MapView

COLOURINGS = {
    "state": "State",
    "class": "Class",
    "coverage": "Coverage",
    "prediction": "Prediction",
}
UNLABELLED = "unlabelled"
NOT_COVERED = "not covered yet"
_QUIET = (UNLABELLED, NOT_COVERED, "not predicted")


def show(project: Project) -> None:
    """Draw the map with its colouring, and the job that computes it."""
    question("What does the pool look like, and where are the labels?")
    view = cached_view(project)
    running = job_card.running_job(project, "map") is not None
    if view.method != "umap" or view.stale:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Compute the map", icon=":material/map:", disabled=running):
                job_card.start(project, "map")
            st.caption(_why_compute(view))
    st.fragment(_picture)(project)


@guarded
def _picture(project: Project) -> None:
    from coldstart.figures import map_figure, thin_out

    view = cached_view(project)
    colouring = st.segmented_control(
        "Coloured by",
        list(COLOURINGS),
        format_func=COLOURINGS.__getitem__,
        default="state",
        required=True,
        key="map_colouring",
    )
    answers = project.store.labels.current()
    labelled = np.array([_is_labelled(answers.get(int(one))) for one in view.image_ids], dtype=bool)
    shown = thin_out(len(view.layout), np.flatnonzero(labelled))
    image_ids = view.image_ids[shown]
    groups = groups_of(project, image_ids, str(colouring))
    if groups is None:
        st.caption("There is no prediction yet: train on the **Train** page first.")
        return
    rows = project.store.images.get(image_ids.tolist())
    figure = map_figure(
        view.layout[shown],
        groups,
        [shown_name(rows[one].path) for one in image_ids.tolist()],
        image_ids.tolist(),
        colour_title=COLOURINGS[str(colouring)],
        quiet=_QUIET,
        # In the project's order, so that a class has here the colour it has in the labeller.
        order=[row.name for row in project.store.labels.classes()],
        labelled=labelled[shown] if colouring == "prediction" else None,
    )
    figure.update_layout(dragmode="pan")
    st.plotly_chart(
        figure,
        key="map",
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"The pool as a map, coloured by {COLOURINGS[str(colouring)].lower()}",
    )
    st.caption(_caption(view, len(shown)))


def _is_labelled(answer: EventRow | None) -> bool:
    return answer is not None and answer.kind == CLASS


def groups_of(project: Project, image_ids: NDArray[np.int64], by: str) -> list[str] | None:
    """The name of each image's colour group; None when there is nothing to colour by."""
    if by == "coverage":
        return _covered(project, image_ids)
    if by == "prediction":
        return _predicted(project, image_ids)
    answers = project.store.labels.current()
    if by == "class":
        names = {row.class_id: row.name for row in project.store.labels.classes()}
        classes = {key: names.get(a.class_id or -1, UNLABELLED) for key, a in answers.items()}
        return [classes.get(int(one), UNLABELLED) for one in image_ids]
    waiting = set(project.store.batches.waiting())
    states = {key: LABEL_KINDS[answer.kind].title.lower() for key, answer in answers.items()}
    return [
        states.get(int(one), "in the queue" if int(one) in waiting else UNLABELLED)
        for one in image_ids
    ]


def _covered(project: Project, image_ids: NDArray[np.int64]) -> list[str]:
    from coldstart.selection.coverage import covered_mask
    from coldstart.workflow.pool import coverage_radius, load_pool

    pool = load_pool(project)
    covered = np.zeros(len(pool.image_ids), dtype=bool)
    if len(pool.labelled):
        radius = coverage_radius(project, pool)
        covered = covered_mask(pool.vectors, pool.labelled, radius.delta)
    labelled = set(pool.image_ids[pool.labelled].tolist())
    of = dict(zip(pool.image_ids.tolist(), covered.tolist(), strict=True))
    words = {True: "covered", False: NOT_COVERED}
    return ["labelled" if i in labelled else words[of.get(i, False)] for i in image_ids.tolist()]


def _predicted(project: Project, image_ids: NDArray[np.int64]) -> list[str] | None:
    from coldstart.workflow.train import predictions

    table = predictions(project)
    if table is None:
        return None
    said = dict(zip(table["image_id"].tolist(), table["predicted_class"].tolist(), strict=True))
    return [said.get(i, "not predicted") for i in image_ids.tolist()]


def _why_compute(view: MapView) -> str:
    if view.method != "umap":
        return (
            "Shown for now: the two main directions (PCA). UMAP keeps neighbours together far "
            "better; it is a job of seconds to minutes."
        )
    return "The pool or its embeddings have changed since this map was computed."


def _caption(view: MapView, shown: int) -> str:
    words = f"{count(len(view.layout), 'image')}, laid out by {view.method.upper()}."
    if shown < len(view.layout):
        words += f" {shown:,} of them are drawn: every labelled one, and the rest at random."
    if view.trust is not None:
        words += (
            f" On the map {percent(view.trust)} of an image's 15 nearest neighbours are still "
            "among its nearest: distances far apart mean little."
        )
    return words


def cached_view(project: Project) -> MapView:
    """`workflow.map.map_view`, computed once for the same layout and pool."""
    from coldstart.workflow.map import map_file
    from coldstart.workflow.pool import active_set

    embedding_set = active_set(project)
    name = embedding_set.name if embedding_set else ""
    file = map_file(project, name)
    state = (
        str(project.directory),
        name,
        str(embedding_set.meta.get("created_at")) if embedding_set else "",
        file.stat().st_mtime_ns if file.exists() else 0,
        project.store.images.count("usable"),
        project.store.images.count("excluded"),
    )
    return _view(project, state)


@st.cache_data(max_entries=8, show_spinner="Laying the map out")
def _view(_project: Project, state: tuple[Any, ...]) -> MapView:
    from coldstart.workflow.map import map_view

    return map_view(_project)
