"""The commands of a team: who may do what, how far people agree, and taking answers back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress

AddCommand = Callable[..., argparse.ArgumentParser]


def add_commands(commands: Any, add_command: AddCommand) -> None:
    """Add ``people``, ``agreement`` and ``undo``; ``add_command`` is `coldstart.cli`'s own."""
    people = add_command(
        commands, "people", _people, "List the people of a project, or give somebody a role."
    )
    people.add_argument(
        "--set-role",
        action="append",
        default=[],
        metavar="NAME=ROLE",
        help="guest, labeller, reviewer or owner; may be repeated",
    )
    people.add_argument(
        "--overlap",
        type=float,
        metavar="X",
        help="which share of the images queued from now on goes to two people; 0 for none",
    )
    add_command(
        commands, "agreement", _agreement, "Say how far people agree where two answered blind."
    )
    undo = add_command(
        commands, "undo", _undo, "Take back one person's answers; nothing is deleted by it."
    )
    undo.add_argument("--annotator", required=True, metavar="NAME", help="whose answers")
    undo.add_argument("--batch", type=int, metavar="N", help="those of this query batch")
    undo.add_argument("--since", metavar="TIME", help='those from then on: "2026-03-03 14:00"')
    undo.add_argument("--until", metavar="TIME", help="those before then")
    undo.add_argument("--dry-run", action="store_true", help="only say how many they are")


def moment(text: str | None) -> float | None:
    """A moment as a person writes it, in local time, as seconds since 1970.

    Raises
    ------
    ColdstartError : it is no moment.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ColdstartError(
            f"{text!r} is no date and time.", 'Write it as "2026-03-03 14:00".'
        ) from None


def _people(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.team import overlap_share, set_role

    project = Project.open(options.project)
    for text in options.set_role:
        name, equals, role = text.rpartition("=")
        if not equals or not name.strip():
            raise ColdstartError(f"{text!r} is not NAME=ROLE.", "Write, say, anna=reviewer.")
        set_role(project, name.strip(), role.strip())
    if options.overlap is not None:
        if not 0 <= options.overlap <= 1:
            raise ColdstartError(
                f"The overlap {options.overlap} is no share.", "Give a number from 0 to 1."
            )
        project = project.set(overlap=options.overlap)
    people = [f"{one.name} ({one.role})" for one in project.store.members.all()]
    return {"people": people, "overlap": overlap_share(project)}


def _agreement(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.history import agreement

    found = agreement(Project.open(options.project))
    return {
        "fleiss_kappa": found.fleiss.value,
        "interval": found.fleiss.interval,
        "images": found.fleiss.images,
        "disagreements": found.disagreements,
        "unsure": found.unsure,
        "pairs": [
            f"{one.first} and {one.second}: "
            + (
                "no kappa"
                if one.kappa.value is None or one.kappa.interval is None
                else f"kappa {one.kappa.value:.2f} "
                f"({one.kappa.interval[0]:.2f} to {one.kappa.interval[1]:.2f})"
            )
            + f" on {one.kappa.images} images"
            for one in found.pairs
        ],
    }


def _undo(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.history import undo_batch

    return undo_batch(
        Project.open(options.project),
        options.annotator,
        batch_id=options.batch,
        since=moment(options.since),
        until=moment(options.until),
        dry_run=options.dry_run,
    )
