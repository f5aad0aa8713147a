"""The labeller on its own, for its tests: `streamlit run app.py`."""

from __future__ import annotations

from pathlib import Path

import store
import streamlit as st

from coldstart.server.routes import labeller_routes

store.prepare()
app = st.App(str(Path(__file__).parent / "main.py"), routes=labeller_routes(store.TestGate()))
