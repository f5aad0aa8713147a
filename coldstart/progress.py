"""How long work tells what it is doing, and how it learns that it should stop."""

from __future__ import annotations

from typing import Protocol


class Cancelled(Exception):
    """Raised out of a progress call when the person has asked the work to stop."""


class Progress(Protocol):
    """Called by long work between two steps; may raise `Cancelled`.

    ``total`` is None while it is not known how much there is to do.
    """

    def __call__(self, done: int, total: int | None, message: str = "") -> None: ...


def silent(done: int, total: int | None, message: str = "") -> None:
    """A `Progress` that tells nobody."""
