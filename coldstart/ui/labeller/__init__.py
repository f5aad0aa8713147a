"""The grid labeller: a Streamlit v2 component that paints a label at once and sends it to a route.

Labels never travel through Streamlit: the browser keeps them in an outbox and posts them to
`coldstart.server.routes`. A script run is asked for only to turn a page, after a new class or a
finished batch, and to renew an expired token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import streamlit as st

from coldstart.labels.keys import CLASS_KEYS, Shortcut


class LabelState(TypedDict):
    """The answer that stands for an image."""

    kind: str  # class | skipped | unsure | excluded
    class_id: int | None
    origin: str


class Suggestion(TypedDict):
    """What an image may be, and how sure that is."""

    class_id: int
    probability: float
    source: str  # labels | names


class LabellerImage(TypedDict):
    """One cell of the grid."""

    id: int
    name: str  # the file's name
    path: str  # relative to its image folder
    thumbnail: str  # the content hash, from which its URL is made; never the bytes
    state: LabelState | None  # None: unlabelled
    reason: str | None  # why the strategy picked it
    rank: int | None  # its place in the query batch
    batch_id: NotRequired[int | None]  # its query batch, where it is not the one of the page
    group: NotRequired[int | None]  # images of one group stand together, in rows of their own
    suggestion: NotRequired[Suggestion | None]  # what it may be
    comments: NotRequired[list[dict[str, str]]]  # annotator and text, oldest first


class LabellerClass(TypedDict):
    """One class button."""

    id: int
    name: str
    key: str  # "" when all keys are taken
    color: str  # "#rrggbb"


class LabellerBatch(TypedDict):
    """The query batch the images belong to."""

    id: int
    size: int
    labelled: int  # how many of its images have an answer


def grid_labeller(
    *,
    key: str,
    project_key: str,
    token: str,
    images: Sequence[LabellerImage],
    classes: Sequence[LabellerClass],
    batch: LabellerBatch | None,
    page: int,
    pages: int,
    urls: Mapping[str, str],
    keys: Sequence[Shortcut],
    next_images: Sequence[LabellerImage] = (),
    grouped: str = "",
    per_page: int = 0,
    per_page_choices: Sequence[int] = (),
    on_page: Callable[[int], None] | None = None,
    on_per_page: Callable[[int], None] | None = None,
    on_like: Callable[[int], None] | None = None,
    on_changed: Callable[[], None] | None = None,
) -> None:
    """Show the labeller for one page of images.

    Parameters
    ----------
    key : the element's key in Streamlit; keep it the same from page to page.
    project_key, urls : from `coldstart.server.tokens.project_key` and `…routes.route_urls`.
    token : from `coldstart.server.tokens.make_token`, made in this script run: when it expires
        the labeller asks for a run and expects a new one.
    images : the cells of this page, in order.
    page, pages : the page shown, counted from 0, and how many there are.
    keys : `coldstart.labels.keys.KEYBOARD_SHORTCUTS`.
    next_images : the cells of the page that follows: turning to it shows them at once.
    grouped : how the images' groups came about: "likeness", "suggested", or "" for no groups.
    per_page, per_page_choices : how many images a page has, and what the person may choose.
    on_page : called with the page to show, before the script runs for it; its labels are saved.
    on_per_page : called with the images a page shall have. on_like : called with the image whose
        like is looked for.
    on_changed : called before a run that follows a new class or a finished batch.
    """

    def turn() -> None:
        wanted = st.session_state[key].get("page")
        if on_page is not None and wanted is not None:
            on_page(min(max(int(wanted), 0), max(pages - 1, 0)))

    def changed() -> None:
        if on_changed is not None:
            on_changed()

    def called(hook: Callable[[int], None] | None, name: str) -> Callable[[], None]:
        def call() -> None:
            value = st.session_state[key].get(name)
            if hook is not None and value is not None:
                hook(int(value))

        return call

    _mount(
        key=key,
        data={
            "project_key": project_key,
            "token": token,
            "images": list(images),
            "classes": list(classes),
            "class_keys": list(CLASS_KEYS),
            "batch": batch,
            "page": page,
            "pages": pages,
            "urls": dict(urls),
            "keys": [asdict(shortcut) for shortcut in keys],
            "next_images": list(next_images),
            "grouped": grouped,
            "per_page": per_page,
            "per_page_choices": list(per_page_choices),
        },
        height="content",
        on_page_change=turn,
        on_changed_change=changed,
        on_per_page_change=called(on_per_page, "per_page"),
        on_like_change=called(on_like, "like"),
        on_token_expired_change=_run_again,
    )


# In this order: a module stands after those it imports from.
_SCRIPTS = (
    "storage.js",
    "outbox.js",
    "leaving.js",
    "history.js",
    "selection.js",
    "cells.js",
    "pointer.js",
    "keyboard.js",
    "bar.js",
    "dialogs.js",
    "requests.js",
    "suggesting.js",
    "moving.js",
    "page.js",
    "answering.js",
    "actions.js",
    "main.js",
)
_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import [^;]+ from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def joined_scripts() -> str:
    """The component's modules as the one script that Streamlit takes."""
    texts = [(_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def _run_again() -> None:
    """Nothing but the script run that follows: it makes a new token."""


_mount: Callable[..., Any] = st.components.v2.component(
    "coldstart_grid_labeller",
    html=(_HERE / "labeller.html").read_text(encoding="utf-8"),
    css=(_HERE / "labeller.css").read_text(encoding="utf-8"),
    js=joined_scripts(),
)
