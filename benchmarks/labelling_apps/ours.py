"""The labeller over a real project, on a page whose script takes LABELLING_RUN_S to run."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from coldstart.ui.routes import routes

app = st.App(str(Path(__file__).with_name("ours_page.py")), routes=routes())
