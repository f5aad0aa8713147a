"""The script every visit runs first: page settings, project, navigation, strip, then the page."""

from __future__ import annotations

import streamlit as st

from coldstart.ui import session, sidebar, strip
from coldstart.ui.guard import guard
from coldstart.ui.places import MARK, STYLE_SHEET, WORDMARK, page_file

_SIDEBAR_PIXELS = 210

st.set_page_config(
    page_title="coldstart",
    page_icon=str(MARK),
    layout="wide",
    initial_sidebar_state=_SIDEBAR_PIXELS,
)
st.html(STYLE_SHEET)
st.logo(str(WORDMARK), size="medium", icon_image=str(MARK))


def first_page() -> None:
    """The bare address leads to the first step."""
    st.switch_page(page_file("data"))


STEPS = (
    ("data", "Data", ":material/photo_library:", "Find and check the images."),
    ("embeddings", "Embeddings", ":material/scatter_plot:", "One vector for each image."),
    ("label", "Select & Label", ":material/label:", "Choose which images to label, and label."),
    ("train", "Train", ":material/model_training:", "A model from the labels, measured."),
    ("diagnostics", "Diagnostics", ":material/monitoring:", "Coverage, the map, may I stop?"),
)
page = st.navigation(
    [
        st.Page(first_page, title="coldstart", default=True, visibility="hidden"),
        *(
            st.Page(page_file(name), title=title, icon=icon, url_path=name, help=words)
            for name, title, icon, words in STEPS
        ),
    ]
)

session.visit(page.url_path)
with guard():
    session.restore()
with guard():
    sidebar.show()
with guard():
    strip.show()
with guard():
    page.run()
