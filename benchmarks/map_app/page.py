"""One map, drawn when the button is pressed; what the lasso holds stands below."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from coldstart.embeddings.lasso import inside_polygon, pack_layout
from coldstart.figures import group_points
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key
from coldstart.ui.map import webgl_map

FOLDER = Path(os.environ["COLDSTART_MAP_BENCHMARK"])
count, kind = int(st.query_params["n"]), st.query_params["kind"]


@st.cache_resource
def points(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten clouds of points, and which cloud each is of."""
    random = np.random.default_rng(0)
    cloud = np.arange(n) % 10
    middle = random.normal(0, 4, (10, 2))
    return (middle[cloud] + random.normal(0, 1, (n, 2))).astype(np.float32), cloud


@st.cache_resource
def packed(n: int) -> tuple[np.ndarray, np.ndarray, list]:
    """The same as the browser gets it."""
    layout, cloud = points(n)
    places = pack_layout(layout)
    numbers, legend = group_points([f"class {one}" for one in cloud.tolist()])
    (FOLDER / f"{n}.places").write_bytes(places.astype("<u2").tobytes())
    (FOLDER / f"{n}.groups").write_bytes(numbers.tobytes())
    return places, numbers, legend


layout, cloud = points(count)
places, numbers, legend = packed(count)
if st.button("Show"):
    st.session_state.shown = True
if st.session_state.get("shown"):
    if kind == "webgl":
        maps = route_urls(image_key(FOLDER / "project", "ann"))["maps"]
        lasso = webgl_map(
            key="map",
            places=f"{maps}/{count}.places",
            groups=f"{maps}/{count}.groups",
            points=f"{maps}/{count}",
            thumbnails="",
            legend=legend,
            label="map",
        )
        if lasso:
            inside = inside_polygon(places, lasso["polygon"])
            st.text(f"selected {int(inside.sum())}")
    else:
        figure = go.Figure()
        for one in range(10):
            rows = np.flatnonzero(cloud == one)
            figure.add_trace(
                go.Scattergl(x=layout[rows, 0], y=layout[rows, 1], mode="markers", customdata=rows)
            )
        figure.update_layout(dragmode="pan", height=560)
        event = st.plotly_chart(
            figure,
            key="map",
            config={"scrollZoom": True},
            on_select="rerun",
            selection_mode="lasso",
        )
        chosen = event["selection"]["points"]
        if chosen:
            st.text(f"selected {len(chosen)}")
