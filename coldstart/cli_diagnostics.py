"""The commands around the question “may I stop?” that have options of their own."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from coldstart.progress import Progress

AddCommand = Callable[..., argparse.ArgumentParser]


def add_commands(commands: Any, add_command: AddCommand) -> None:
    """Add ``audit`` to the commands; ``add_command`` is `coldstart.cli`'s own."""
    audit = add_command(
        commands, "audit", _audit, "Say how the audit stands, change it, or begin a new one."
    )
    audit.add_argument(
        "--share",
        type=float,
        metavar="X",
        help="how much of each batch is drawn at random to measure the accuracy with; 0 for none",
    )
    audit.add_argument(
        "--labels",
        type=int,
        metavar="N",
        help="until there are so many audit labels (default: the project's, 100); more give a "
        "narrower interval",
    )
    audit.add_argument(
        "--new",
        action="store_true",
        help="begin an audit anew, with looks of its own, on images that none has asked; the "
        "labels of the audit before become training labels",
    )


def _audit(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.audit import change_audit

    return change_audit(
        Project.open(options.project), share=options.share, labels=options.labels, new=options.new
    )
