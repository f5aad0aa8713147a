"""The probe is refitted when a query batch is done: in a process of its own, within seconds."""

from __future__ import annotations

import threading
from pathlib import Path

from coldstart import jobs
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.projects import open_served
from coldstart.workflow.train import training_state

REFIT = "refit"
"""The project's setting that turns it off: ``refit = false``."""


def refit_in_background(directory: Path) -> None:
    """Look whether the probe is behind, and start a training if it is, without keeping anyone."""
    threading.Thread(target=_refit, args=(directory,), daemon=True).start()


def refit(project: Project) -> int | None:
    """Start a training if it would change the probe; its number, None if there is no reason to.

    The kind of probe is that of the training before.
    """
    if not project.settings.get(REFIT, True):
        return None
    state = training_state(project)
    if state.up_to_date or not state.can_train:
        return None
    before = project.store.jobs.latest("train")
    return jobs.submit(project, "train", [] if before is None else before.arguments)


def _refit(directory: Path) -> None:
    try:
        refit(open_served(directory))
    except ColdstartError:
        return  # one is running already, or the page will say what is wrong
