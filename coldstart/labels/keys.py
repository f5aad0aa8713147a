"""The labeller's keys: the one registry, for the grid, its key sheet and the docs."""

from __future__ import annotations

import string
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
    Shortcut("Ctrl+a", "select-all", "Select all images on the page"),
    Shortcut("Escape", "clear-selection", "Select nothing"),
    Shortcut("s", "skip", "Skip: decide about it later"),
    Shortcut("u", "unsure", "Unsure: I cannot tell which class it is"),
    Shortcut("x", "exclude", "Exclude: it does not belong here"),
    Shortcut("Backspace", "clear", "Take the label away"),
    Shortcut("Delete", "clear", "Take the label away"),
    Shortcut("Ctrl+z", "undo", "Undo"),
    Shortcut("Ctrl+Shift+z", "redo", "Redo"),
    Shortcut("z", "zoom", "Show the image large"),
    Shortcut("n", "new-class", "Name a new class"),
    Shortcut("Enter", "next-page", "Next page"),
    Shortcut("Shift+Enter", "previous-page", "Previous page"),
    Shortcut("?", "key-sheet", "Show this list of keys"),
)

# c will be "comment"; c and r are also Streamlit's own keys wherever the grid lacks the focus.
_KEPT_FREE = frozenset("cr")
_RESERVED = _KEPT_FREE | {shortcut.key for shortcut in KEYBOARD_SHORTCUTS}

CLASS_KEYS: tuple[str, ...] = (
    *"1234567890",
    *(letter for letter in string.ascii_lowercase if letter not in _RESERVED),
)
"""The keys that assign classes, in the order in which classes receive them."""


def class_keys(count: int) -> list[str]:
    """The key of each of ``count`` classes; ``""`` for those beyond the keyboard (click them)."""
    return [CLASS_KEYS[i] if i < len(CLASS_KEYS) else "" for i in range(count)]
