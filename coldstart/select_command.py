"""The options of `coldstart select`, and what they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `coldstart select` takes but the project and ``--set``."""
    parser.add_argument(
        "--budget", type=int, required=True, metavar="N", help="how many images to pick"
    )
    parser.add_argument("--strategy", metavar="NAME", help="how to choose (default: the project's)")
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="S",
        help="the same seed gives the same picks (default 0)",
    )
    parser.add_argument(
        "--more",
        action="append",
        default=[],
        metavar="CLASS=N",
        help="so many of the picks should be of this class, as far as the labels so far can tell; "
        "may be repeated",
    )
    parser.add_argument(
        "--away-from-labelled",
        type=float,
        default=0.0,
        metavar="D",
        help="leave out images closer than this to a labelled or queued one (a distance from 0 to "
        "2, like the radius; default 0: off)",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="CSV",
        help="how much images count: a table with the columns path,weight (default: 1 each, and "
        "each exact copy counts)",
    )
    parser.add_argument(
        "--engine",
        metavar="NAME",
        help="who multiplies: local (default), gpu (most strategies that compare images), or ray "
        "(probcover); the same as --set engine=NAME, and the picks are the same",
    )
    parser.add_argument(
        "--audit-share",
        type=float,
        metavar="X",
        help="how much of what is queued is drawn at random to measure the accuracy with, until "
        "there are 100 such images; 0 for none (default: the project's, 0.2)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="choose and print, but queue nothing; the same command without it then queues these",
    )


def run(
    project: Any, options: argparse.Namespace, settings: dict[str, Any], progress: Progress
) -> Any:
    """Select, or only look."""
    from coldstart.workflow.select import look_at, select

    if options.engine is not None:
        settings = {**settings, "engine": options.engine}
    work = look_at if options.dry_run else select
    return work(
        project,
        options.strategy,
        options.budget,
        seed=options.seed,
        settings=settings,
        wishes=_wishes(options.more),
        away_from_labelled=options.away_from_labelled,
        weights=options.weights,
        audit_share=options.audit_share,
        progress=progress,
    )


def _wishes(texts: list[str]) -> dict[str, int]:
    wishes: dict[str, int] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not equals or not name.strip() or not number.strip().isdigit():
            raise ColdstartError(
                f"--more {text!r} is not CLASS=N.", "Write, say, --more 'glass=10'."
            )
        wishes[name.strip()] = wishes.get(name.strip(), 0) + int(number)
    return wishes
