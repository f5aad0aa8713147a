"""The commands around the question “may I stop?” that have options of their own."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coldstart.progress import Progress

AddCommand = Callable[..., argparse.ArgumentParser]


def add_commands(commands: Any, add_command: AddCommand) -> None:
    """Add ``audit``, ``map`` and ``report``; ``add_command`` is `coldstart.cli`'s own."""
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

    layout = add_command(
        commands, "map", _map, "Lay the pool out in two dimensions with UMAP, once an embedding."
    )
    layout.add_argument(
        "--anew",
        action="store_true",
        help="compute it although the embedding has not changed; every image may move",
    )

    report = add_command(
        commands,
        "report",
        _report,
        "Write the Diagnostics into one HTML file that needs no network to be read.",
    )
    report.add_argument("--to", required=True, type=Path, metavar="FILE", help="the file to write")


def _map(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.map import compute_map

    return compute_map(Project.open(options.project), anew=options.anew, progress=progress)


def _report(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.report import write_report

    return write_report(Project.open(options.project), options.to, progress=progress)


def _audit(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.audit import change_audit

    return change_audit(
        Project.open(options.project), share=options.share, labels=options.labels, new=options.new
    )
