"""The labeller's keys: the one registry, for the grid, its key sheet and the docs."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shortcut:
    """One key, what it does and how the key sheet says it.

    ``key`` is the browser's ``KeyboardEvent.key`` (letters in lower case), with ``Ctrl+`` and
    ``Shift+`` in front where they must be held; on a Mac, Command counts as Ctrl. ``Click`` and
    ``Drag`` are the mouse's. Several shortcuts may have the same ``action``.
    """

    key: str
    action: str
    words: str


KEYBOARD_SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("ArrowLeft", "move-left", "Move one image to the left"),
    Shortcut("ArrowRight", "move-right", "Move one image to the right"),
    Shortcut("ArrowUp", "move-up", "Move one row up"),
    Shortcut("ArrowDown", "move-down", "Move one row down"),
    Shortcut("Space", "select", "Select the image, or take it out of the selection"),
    Shortcut("Click", "select-one", "Select this image only"),
    Shortcut("Ctrl+Click", "select", "Select the image, or take it out of the selection"),
    Shortcut("Shift+ArrowLeft", "extend-left", "Extend the selection to the left"),
    Shortcut("Shift+ArrowRight", "extend-right", "Extend the selection to the right"),
    Shortcut("Shift+ArrowUp", "extend-up", "Extend the selection one row up"),
    Shortcut("Shift+ArrowDown", "extend-down", "Extend the selection one row down"),
    Shortcut("Shift+Click", "select-range", "Select everything from the last image to this one"),
    Shortcut("Drag", "select-range", "Select every image dragged over"),
    Shortcut("Shift+Space", "select-row", "Select the row, or take it out of the selection"),
    Shortcut("g", "select-group", "Select the group the image stands in"),
    Shortcut("Ctrl+a", "select-all", "Select all images on the page"),
    Shortcut("Escape", "clear-selection", "Select nothing"),
    Shortcut("y", "confirm", "Yes: take what is suggested for the image or the selection"),
    Shortcut("Shift+y", "confirm-row", "Take what is suggested for the whole row"),
    Shortcut("Ctrl+Enter", "confirm-page", "Take what is suggested for the whole page"),
    Shortcut("s", "skip", "Skip: decide about it later"),
    Shortcut("u", "unsure", "Unsure: I cannot tell which class it is"),
    Shortcut("x", "exclude", "Exclude: it does not belong here"),
    Shortcut("Backspace", "clear", "Take the label away"),
    Shortcut("Delete", "clear", "Take the label away"),
    Shortcut("Ctrl+z", "undo", "Undo"),
    Shortcut("Ctrl+Shift+z", "redo", "Redo"),
    Shortcut("z", "zoom", "Show the image large"),
    Shortcut("w", "why", "Why this image: its reason, and the images it stands for"),
    Shortcut("c", "comment", "Comment on the image"),
    Shortcut("n", "new-class", "Name a new class"),
    Shortcut("Enter", "next-page", "Next page"),
    Shortcut("Shift+Enter", "previous-page", "Previous page"),
    Shortcut("?", "key-sheet", "Show this list of keys"),
)

# Streamlit's own key, wherever the grid lacks the focus: it runs the script again.
_KEPT_FREE = frozenset("r")
_RESERVED = _KEPT_FREE | {shortcut.key for shortcut in KEYBOARD_SHORTCUTS}

CLASS_KEYS: tuple[str, ...] = (
    *"1234567890",
    *(letter for letter in string.ascii_lowercase if letter not in _RESERVED),
)
"""The keys that assign classes, in the order in which classes receive them."""


def class_keys(count: int) -> list[str]:
    """The key of each of ``count`` classes; ``""`` for those beyond the keyboard (click them)."""
    return assigned_keys([None] * count)


def assigned_keys(chosen: Sequence[str | None]) -> list[str]:
    """The key of each class: the one somebody chose for it, else the next that is free."""
    taken = {key for key in chosen if key}
    free = iter([key for key in CLASS_KEYS if key not in taken])
    return [key or next(free, "") for key in chosen]
