"""`coldstart rehearse`: its options, and what it prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress

SUMMARY = "Find out what each strategy is worth, on images whose classes are known."


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command, beside PROJECT and --json."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="instead of a project: a folder whose sub-folders are the classes",
    )
    source.add_argument(
        "--embeddings",
        type=Path,
        metavar="FILE",
        help="instead of a project: a file of vectors, with an array or column called labels",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="with --embeddings: the class of each row, one a line (or .npy)",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="with --images or --embeddings: where runs are kept, so that the same command goes on "
        "(default: rehearsal-NAME here)",
    )
    parser.add_argument(
        "--encoder",
        action="append",
        default=[],
        metavar="NAME",
        help="with --images: how to embed them; several times to compare encoders",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="with --encoder: a local checkpoint"
    )
    parser.add_argument(
        "--embedding-set",
        action="append",
        default=[],
        metavar="NAME",
        help="with a project: which set (default: the one in use); several times to compare them",
    )
    parser.add_argument(
        "--strategies",
        metavar="a,b",
        help="which, with settings as in probcover+delta=paper; skactiveml:NAME for one of "
        "scikit-activeml (random is always there)",
    )
    parser.add_argument(
        "--budgets",
        metavar="1,2,5",
        help="labels at which to measure, in images a class (default: 1,2,5,10,20,50)",
    )
    parser.add_argument(
        "--batches",
        metavar="1,2",
        help="images a class asked for at a time (default: all up to the next budget)",
    )
    parser.add_argument(
        "--imbalance",
        metavar="1,10",
        help="how many times the largest class outnumbers the smallest; 1 is as it is (default)",
    )
    parser.add_argument(
        "--repeats", type=int, default=20, metavar="R", help="how many splits (default: 20)"
    )
    parser.add_argument(
        "--most-pool",
        type=int,
        default=2_000,
        metavar="N",
        help="how many images of a split may be asked about at most (default: 2000)",
    )


def run(options: argparse.Namespace, open_project: Callable[[], Any], progress: Progress) -> Any:
    """Run the command; the report as JSON takes it, or as lines to print."""
    from coldstart.workflow.rehearse import rehearse_vectors
    from coldstart.workflow.rehearse_project import rehearse_folders, rehearse_project

    plan = plan_of(options)
    if sum(one is not None for one in (options.project, options.images, options.embeddings)) != 1:
        raise ColdstartError(
            "A rehearsal needs a project, or --images DIR, or --embeddings FILE.",
            "Name one of them.",
        )
    if options.project:
        report = rehearse_project(
            open_project(), plan, sets=options.embedding_set, progress=progress
        )
    elif options.images:
        to = options.to or Path(f"rehearsal-{options.images.expanduser().absolute().name}")
        report = rehearse_folders(
            options.images,
            to,
            plan,
            encoders=options.encoder,
            weights=options.weights,
            progress=progress,
        )
    else:
        to = options.to or Path(f"rehearsal-{options.embeddings.stem}")
        report = rehearse_vectors(options.embeddings, options.labels, to, plan, progress=progress)
    return report.as_dict() if options.json else {"rehearsal": table(report)}


def plan_of(options: argparse.Namespace) -> Any:
    """The plan that the options describe."""
    from coldstart.workflow.rehearse import PER_CLASS, STRATEGIES, Plan

    return Plan(
        strategies=tuple(options.strategies.split(",")) if options.strategies else STRATEGIES,
        per_class=_numbers(options.budgets, int, "--budgets") or PER_CLASS,
        repeats=options.repeats,
        imbalances=_numbers(options.imbalance, float, "--imbalance") or (1.0,),
        batches=_numbers(options.batches, float, "--batches") or (None,),
        most_pool=options.most_pool,
    )


def table(report: Any) -> str:
    """A table a case: accuracy at each budget, labels needed, saving, difference to random."""
    lines = [
        "",
        f"{report.name}: {report.images:,} images, {len(report.classes)} classes, "
        f"{report.runs_done:,} of {report.runs:,} runs",
        *report.notes,
    ]
    for case in report.cases:
        summary = case.summary
        head = [case.encoder]
        head += [f"imbalance {case.imbalance:g}"] if case.imbalance > 1 else []
        head += [f"batches of {case.batch:g} a class"] if case.batch else []
        lines += ["", f"{', '.join(head)} ({summary.splits} splits)", f"  {case.sentence}"]
        budgets = "".join(f"{one:>7}" for one in summary.budgets)
        lines.append(
            f"  {'accuracy, % after':24}{budgets}{'to 90%':>9}{'saving':>8}   beside random"
        )
        for one in summary.strategies:
            if not one.runs:
                lines.append(f"  {one.strategy:24}failed: {one.error}")
                continue
            cells = "".join(f"{100 * value:7.1f}" for value in one.accuracy)
            needed = f"{one.needed:.0f}" if one.needed < float("inf") else f">{summary.budgets[-1]}"
            saving = "" if not one.saving else f"{one.saving:.1f}"
            beside = ""
            if one.to_random is not None and one.p_holm is not None:
                beside = (
                    f"{100 * one.to_random.mean:+.1f} ({100 * one.to_random.low:+.1f} to "
                    f"{100 * one.to_random.high:+.1f}), p = {one.p_holm:.2g}"
                )
            lines.append(f"  {one.strategy:24}{cells}{needed:>9}{saving:>8}   {beside}")
        lines.append(f"  {'all labels':24}{100 * summary.full_accuracy:7.1f}")
    lines += ["", f"kept in {report.directory}"]
    return "\n".join(lines)


def _numbers(text: str | None, kind: type, option: str) -> tuple[Any, ...]:
    if not text:
        return ()
    try:
        return tuple(kind(one) for one in text.split(","))
    except ValueError:
        raise ColdstartError(
            f"{option} {text!r} is not a list of numbers.", f"Write, say, {option} 1,2,5."
        ) from None
