"""What the first list and the first search of a large project would wait for, read beforehand."""

from __future__ import annotations

import threading

from coldstart.project import Project
from coldstart.store import ImageFilter
from coldstart.ui import session
from coldstart.workflow.suggest import suggestions

_LARGE_IMAGES = 50_000  # fewer are read in no time

_begun: set[str] = set()


def warm_up() -> None:
    """Begin to read the open project, once a server, beside whatever its pages do."""
    project = session.project()
    if project is None or str(project.directory) in _begun:
        return
    _begun.add(str(project.directory))
    if project.store.images.count("usable") >= _LARGE_IMAGES:
        threading.Thread(target=_read, args=(project,), daemon=True).start()


def _read(project: Project) -> None:
    project.store.labels.columns()
    project.store.images.matching(ImageFilter(path="/"))
    suggestions(project)
