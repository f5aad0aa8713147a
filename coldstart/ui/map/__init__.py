"""The map as Streamlit v2 components: WebGL for large pools, and a companion of the plotly map.

Places and colours travel over HTTP as bytes (`workflow.map_serving`), never through Streamlit, and
a lasso comes back as a polygon. The companion adds to plotly's map what it cannot show: thumbnails
and the members of a ball.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st

from coldstart.figures import MapGroup
from coldstart.ui.scripts import joined_scripts


class Lasso(TypedDict):
    """What a person has drawn around: corners in the whole numbers of `pack_layout`."""

    places: str  # the address of the places it was drawn on
    polygon: list[list[int]]


def webgl_map(
    *,
    key: str,
    places: str,
    groups: str,
    points: str,
    thumbnails: str,
    legend: Sequence[MapGroup],
    label: str,
    height: int = 560,
) -> Lasso | None:
    """Draw a map of up to some million points; the lasso that stands, or None.

    Parameters
    ----------
    key : the element's key in Streamlit; keep it the same from run to run.
    places, groups : addresses of the packed places and groups. points : the address below which
        one point is asked for. thumbnails : the address below which thumbnails lie.
    legend : the colour groups in the order of their numbers.
    label : what a screen reader says.
    """
    _mount_map(
        key=key,
        data={
            "places": places,
            "groups": groups,
            "points": points,
            "thumbnails": thumbnails,
            "legend": [vars(group) for group in legend],
            "label": label,
            "height": height,
        },
        height="content",
        on_lasso_change=_nothing,
    )
    state = st.session_state.get(key)
    lasso: Lasso | None = state.get("lasso") if state else None
    # The key in the address changes with the hours; the name behind it says which map it is.
    return lasso if lasso and _name(lasso["places"]) == _name(places) else None


def plotly_companion(*, key: str, chart: str, points: str, thumbnails: str) -> None:
    """Show thumbnails and balls over the plotly chart with the key ``chart``, whose points have
    ``[image_id, number of the point]`` in their customdata."""
    _mount_companion(
        key=key, data={"chart": chart, "points": points, "thumbnails": thumbnails}, height=1
    )


def _name(address: str) -> str:
    return address.rpartition("/")[2]


def _nothing() -> None:
    """Nothing but the script run that follows a lasso."""


_HERE = Path(__file__).parent

_mount_map: Callable[..., Any] = st.components.v2.component(
    "coldstart_map",
    html=(_HERE / "map.html").read_text(encoding="utf-8"),
    css=(_HERE / "map.css").read_text(encoding="utf-8"),
    js=joined_scripts(
        _HERE,
        (
            "tip.js",
            "view.js",
            "buckets.js",
            "picture.js",
            "marks.js",
            "legend.js",
            "gestures.js",
            "saving.js",
            "main.js",
        ),
    ),
)
_mount_companion: Callable[..., Any] = st.components.v2.component(
    "coldstart_map_companion",
    html='<div class="over"></div>',
    js=joined_scripts(_HERE, ("tip.js", "companion.js")),
)
