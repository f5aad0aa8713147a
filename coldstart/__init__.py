"""coldstart: which images to label first, and when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coldstart.errors import ColdstartError

if TYPE_CHECKING:
    from coldstart.project import Project
    from coldstart.selection import select

__version__ = "0.1.0"

__all__ = ["ColdstartError", "Project", "__version__", "select"]


def __getattr__(name: str) -> Any:
    # `import coldstart` must stay instant: the database and the arithmetic come when asked for.
    if name == "Project":
        from coldstart.project import Project

        return Project
    if name == "select":
        from coldstart.selection import select

        return select
    raise AttributeError(f"module 'coldstart' has no attribute {name!r}")
