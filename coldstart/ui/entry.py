"""The script every visit runs first: page settings, project, navigation, strip, then the page."""

from __future__ import annotations

import streamlit as st

from coldstart.ui import session, sidebar, sign_in, strip
from coldstart.ui.garbage import set_modules_aside
from coldstart.ui.guard import guard
from coldstart.ui.places import MARK, STYLE_SHEET, WORDMARK, page_file
from coldstart.ui.steps import STEPS
from coldstart.ui.warm import warm_up

_SIDEBAR_PIXELS = 210

set_modules_aside()

st.set_page_config(
    page_title="coldstart",
    page_icon=str(MARK),
    layout="wide",
    initial_sidebar_state=_SIDEBAR_PIXELS,
)
st.html(STYLE_SHEET)
st.logo(str(WORDMARK), size="medium", icon_image=str(MARK))


def first_page() -> None:
    """The bare address leads to the first step, or where somebody wanted to go who had to sign in
    first."""
    wanted, query = sign_in.wanted()
    if wanted not in {step.name for step in STEPS}:
        wanted, query = "data", st.query_params.to_dict()
    st.switch_page(page_file(wanted), query_params=query)


page = st.navigation(
    [
        st.Page(first_page, title="coldstart", default=True, visibility="hidden"),
        *(
            st.Page(
                page_file(step.name),
                title=step.title,
                icon=step.icon,
                url_path=step.name,
                help=step.words,
            )
            for step in STEPS
        ),
    ]
)

sign_in.require(page.url_path)
if not page.url_path:
    page.run()
session.visit(page.url_path)
with guard():
    session.restore()
with guard():
    sidebar.show()
with guard():
    strip.show(page.url_path)
    warm_up()
with guard():
    page.run()
