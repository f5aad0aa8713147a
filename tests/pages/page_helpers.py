"""Looking at and pressing things on a page under `AppTest`."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]


def texts(app: AppTest) -> str:
    """Everything the page says in words, for looking things up in."""
    kinds = (app.html, app.markdown, app.caption, app.info, app.subheader, app.text, app.success)
    spoken = [str(one.value) for kind in kinds for one in kind]
    return "\n".join([*spoken, *(tab.label for tab in app.tabs)])


def buttons(app: AppTest) -> list[str]:
    """The labels of the page's buttons, in order."""
    return [button.label for button in app.button]


def primary(app: AppTest) -> list[str]:
    """The labels of the primary actions in the page's head."""
    return [button.label for button in app.button if button.proto.type == "primary"]


def press(app: AppTest, label: str) -> AppTest:
    """Press the button with this label."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def strip(app: AppTest) -> str:
    """The strip on top of the page."""
    return next(
        one.value for one in app.html if "cs-strip" in one.value and "<style>" not in one.value
    )
