"""The map of the pool beside the images a lasso selects: every image a point."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from coldstart.figures import MAP_LIMIT, MapGroup
from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key
from coldstart.ui import job_card, session
from coldstart.ui.diagnosis_view import pool_state
from coldstart.ui.guard import guarded
from coldstart.ui.head import question
from coldstart.ui.map import plotly_companion, webgl_map
from coldstart.ui.map_selection import selected_images
from coldstart.ui.plots import csv_button, plot_config
from coldstart.ui.words import count, percent
from coldstart.workflow.label import shown_name
from coldstart.workflow.map import TRUST_IMAGES, MapView
from coldstart.workflow.map_colours import (
    COLOURINGS,
    QUIET_NAMES,
    colours_of,
    labelled_mask,
    order_of,
)

_RINGS_FOR = ("prediction", "uncertainty")
CHART, GL_MAP = "map", "gl_map"
PLOTLY_LIMIT_VARIABLE = "COLDSTART_PLOTLY_MAP_UP_TO"
"""Maps of more points than this are drawn by WebGL (default: 10,000, the most plotly can bear)."""


def show(project: Project) -> None:
    """Draw the map with its colouring, and the job that computes it."""
    question("What does the pool look like, and where are the labels?")
    view = cached_view(project)
    running = job_card.running_job(project, "map") is not None
    if view.method != "umap":
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(
                "Compute the map", icon=":material/map:", disabled=running or not session.may("run")
            ):
                job_card.start(project, "map")
            st.caption(_why_compute(view))
    st.fragment(_map_and_images)(project)


@guarded
def _map_and_images(project: Project) -> None:
    view = cached_view(project)
    chosen = st.segmented_control(
        "Coloured by",
        list(COLOURINGS),
        format_func=COLOURINGS.__getitem__,
        default="state",
        required=True,
        key="map_colouring",
    )
    by = str(chosen)
    left, right = st.columns([3, 2], gap="large")
    with left:
        image_ids = _draw(project, view, by)
        st.caption(_caption(view, project.store.images.count("usable")))
    with right:
        selected_images(project, image_ids)


def _draw(project: Project, view: MapView, by: str) -> NDArray[np.int64] | None:
    """Draw the map; ids of the images in the lasso, None when there is no lasso."""
    state = (*pool_state(project), _run(project), project.store.classes.last_change_id())
    values = _colours(project, state, by, view.image_ids)
    if values is None:
        st.info("There is no prediction yet: train on the **Train** page first.")
        return None
    if len(view.layout) > _plotly_up_to():
        inside = _draw_large(project, view, by, *_groups(project, state, by, view, values))
    else:
        inside = _draw_small(project, view, by, values)
    csv_button("map", lambda: _csv(project, view, values, by))
    return inside


def _csv(project: Project, view: MapView, values: NDArray[Any], by: str) -> str:
    from coldstart.workflow.map_table import map_csv

    return map_csv(project, view, values, by)


def _draw_small(
    project: Project, view: MapView, by: str, values: NDArray[Any]
) -> NDArray[np.int64] | None:
    from coldstart.figures import map_figure
    from coldstart.workflow.map_serving import serve_places

    rows = project.store.images.get(view.image_ids.tolist())
    figure = map_figure(
        view.layout,
        values,
        [shown_name(rows[one].path) for one in view.image_ids.tolist()],
        view.image_ids.tolist(),
        colour_title=COLOURINGS[by],
        quiet=QUIET_NAMES,
        # In the project's order, so that a class has here the colour it has in the labeller.
        order=order_of(project, by),
        labelled=_ringed(project, view, by),
    )
    figure.update_layout(dragmode="pan")
    event: Any = st.plotly_chart(
        figure,
        key=CHART,
        config=plot_config("map") | {"scrollZoom": True},
        on_select="rerun",
        selection_mode=("lasso", "box"),
        alt=f"The pool as a map, coloured by {COLOURINGS[by].lower()}",
    )
    plotly_companion(
        key="map_companion", chart=CHART, **_urls(project, serve_places(project, view))
    )
    points = event["selection"]["points"] if event else []
    found = [int(one["customdata"][0]) for one in points if one.get("customdata")]
    return np.array(list(dict.fromkeys(found)), dtype=np.int64) if found else None


def _draw_large(
    project: Project, view: MapView, by: str, numbers: NDArray[np.uint8], legend: list[MapGroup]
) -> NDArray[np.int64] | None:
    from coldstart.workflow.map_serving import images_in, serve_groups, serve_places

    places = serve_places(project, view)
    urls = _urls(project, places)
    base = urls["points"].rsplit("/", 1)[0]
    lasso = webgl_map(
        key=GL_MAP,
        places=f"{base}/{places}",
        groups=f"{base}/{serve_groups(project, numbers)}",
        legend=legend,
        label=f"The pool as a map of {len(view.layout):,} images, coloured by "
        f"{COLOURINGS[by].lower()}. Arrow keys move, plus and minus zoom, L draws a lasso.",
        points=urls["points"],
        thumbnails=urls["thumbnails"],
    )
    return None if lasso is None else images_in(view, lasso["polygon"])


def _plotly_up_to() -> int:
    """From how many points on the map is drawn by WebGL; fewer by choice, never more."""
    wanted = os.environ.get(PLOTLY_LIMIT_VARIABLE, "")
    return min(MAP_LIMIT, int(wanted)) if wanted.isdigit() else MAP_LIMIT


def _urls(project: Project, places: str) -> dict[str, str]:
    base = str(st.get_option("server.baseUrlPath") or "")
    urls = route_urls(image_key(project.directory, session.annotator()), base)
    return {
        "points": f"{urls['maps']}/{places.partition('.')[0]}",
        "thumbnails": urls["thumbnails"],
    }


def _run(project: Project) -> int:
    run = project.store.runs.latest()
    return run.run_id if run else 0


def _ringed(project: Project, view: MapView, by: str) -> NDArray[np.bool_] | None:
    return labelled_mask(project, view.image_ids) if by in _RINGS_FOR else None


# Resources, for data would be copied at every click: what they hold is only read.
@st.cache_resource(max_entries=12, show_spinner=False)
def _groups(
    _project: Project, state: tuple[Any, ...], by: str, _view: MapView, _values: NDArray[Any]
) -> tuple[NDArray[np.uint8], list[MapGroup]]:
    from coldstart.figures import group_points

    order = order_of(_project, by)
    ringed = _ringed(_project, _view, by)
    return group_points(_values, quiet=QUIET_NAMES, order=order, ringed=ringed)


@st.cache_resource(max_entries=12, show_spinner=False)
def _colours(
    _project: Project, state: tuple[Any, ...], by: str, _image_ids: NDArray[np.int64]
) -> NDArray[Any] | None:
    return colours_of(_project, _image_ids, by)


def _why_compute(view: MapView) -> str:
    if view.stale:
        return (
            "The embedding has changed since the map was computed: until it is computed anew, PCA."
        )
    return (
        "Shown for now: the two main directions (PCA). UMAP keeps neighbours together far better; "
        "it is a job of minutes, the first of which compiles it, once on this machine."
    )


def _caption(view: MapView, usable: int) -> str:
    words = f"{count(len(view.layout), 'image')}, laid out by {view.method.upper()}."
    if usable > len(view.layout):
        words += " Exact copies share a point, and images without a vector have none."
    if view.placed:
        words += f" {count(view.placed, 'image')} came later and was placed among them."
        words = words.replace("images came later and was", "images came later and were")
    if view.trust is not None:
        words += (
            f" On the map {percent(view.trust)} of an image's 15 nearest neighbours are still "
            "among its nearest: distances far apart mean little."
        )
        if len(view.layout) > TRUST_IMAGES:
            words += f" Measured among {TRUST_IMAGES:,} images drawn at random."
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
        len(embedding_set.image_ids) if embedding_set else 0,
        file.stat().st_mtime_ns if file.exists() else 0,
        project.store.images.count("usable"),
        project.store.images.count("excluded"),
    )
    return _view(project, state)


@st.cache_resource(max_entries=8, show_spinner="Laying the map out")
def _view(_project: Project, state: tuple[Any, ...]) -> MapView:
    from coldstart.workflow.map import map_view

    return map_view(_project)
