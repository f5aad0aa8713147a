"""The server that `streamlit run app.py` starts: the pages, and the routes the labeller needs."""

from __future__ import annotations

import streamlit as st

from coldstart.ui.guard import explain
from coldstart.ui.places import ENTRY_SCRIPT
from coldstart.ui.routes import routes

# The entry script lies apart from pages/, so that a link straight to a page runs it first.
app = st.App(ENTRY_SCRIPT, routes=routes(), on_script_error=explain)
