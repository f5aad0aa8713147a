"""The server of benchmarks/map.py: one map of random points, by WebGL or by plotly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import streamlit as st

from coldstart.server.map_routes import map_routes

FOLDER = Path(os.environ["COLDSTART_MAP_BENCHMARK"])


class Gate:
    """The packed files lie in one folder."""

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        """Everybody may."""

    def map_file(self, directory: Path, name: str) -> Path | None:
        """The file of this name."""
        return FOLDER / name

    def map_point(self, directory: Path, places: str, number: int) -> dict[str, Any] | None:
        """Nothing is known of a random point."""
        return None


app = st.App(str(Path(__file__).with_name("page.py")), routes=map_routes(Gate()))
