"""The commands around embedding sets that have options of their own."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress

AddCommand = Callable[..., argparse.ArgumentParser]


def add_commands(commands: Any, add_command: AddCommand) -> None:
    """Add ``simclr`` and ``compare`` to the commands; ``add_command`` is `coldstart.cli`'s own."""
    simclr = add_command(
        commands,
        "simclr",
        _simclr,
        "Train a network on your images without labels, and embed them with it.",
    )
    simclr.add_argument(
        "--encoder",
        default="timm:resnet18",
        metavar="NAME",
        help="the network to train, from its pretrained weights if they can be had "
        "(default: timm:resnet18)",
    )
    simclr.add_argument(
        "--weights", metavar="FILE", type=Path, help="a local checkpoint to start from"
    )
    simclr.add_argument(
        "--from-scratch", action="store_true", help="start from random numbers all the same"
    )
    simclr.add_argument(
        "--epochs",
        type=int,
        default=100,
        metavar="N",
        help="at most so many passes; it stops before when they no longer help (default 100)",
    )
    simclr.add_argument(
        "--batch", type=int, default=256, metavar="N", help="images a step (default 256)"
    )
    simclr.add_argument(
        "--pixels",
        type=int,
        metavar="N",
        help="the side of what the network sees (default: its own, or 96 from scratch)",
    )
    simclr.add_argument(
        "--name", help="what to call the embedding set (default: simclr- and the network's name)"
    )
    simclr.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="key=value",
        help="a setting of the training (temperature, learning_rate, weight_decay, patience, "
        "mirror, seed); may be repeated",
    )
    compare = add_command(
        commands, "compare", _compare, "Lay embedding sets side by side, without labels and with."
    )
    compare.add_argument(
        "--sets",
        metavar="A,B",
        help="their names, the one to compare with first (default: all, the one in use first)",
    )


def _simclr(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.cli_values import pairs
    from coldstart.project import Project
    from coldstart.workflow.simclr import simclr

    return simclr(
        Project.open(options.project),
        options.encoder,
        weights=options.weights,
        epochs=options.epochs,
        batch_images=options.batch,
        pixels=options.pixels,
        from_scratch=options.from_scratch,
        name=options.name,
        settings=pairs(options.set),
        progress=progress,
    )


def _compare(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.compare import compare_sets
    from coldstart.workflow.embed import embedding_sets
    from coldstart.workflow.pool import active_set

    project = Project.open(options.project)
    if options.sets:
        names = [name.strip() for name in options.sets.split(",") if name.strip()]
    else:
        active = active_set(project)
        names = [one.name for one in embedding_sets(project)]
        names.sort(key=lambda name: active is None or name != active.name)
    if len(names) < 2:
        raise ColdstartError(
            "There is nothing to compare: two embedding sets are needed.",
            "Compute another with: coldstart embed PROJECT --encoder NAME.",
        )
    comparison = compare_sets(project, names, progress=progress)
    if options.json:
        return comparison.as_dict()
    lines: dict[str, Any] = {"images": comparison.images, "labels": comparison.labels}
    for one in comparison.sets:
        measures = one.measures
        said = [
            f"purity {measures.purity_area:.2f}",
            f"stability {measures.neighbour_stability:.2f}",
            f"intrinsic dimension {measures.intrinsic_dimension:.1f} of {measures.dimension}",
        ]
        for score, words in ((one.nearest, "k-NN"), (one.probe, "probe")):
            if score is not None:
                low, high = score.interval
                said.append(f"{words} {score.accuracy:.1%} ({low:.0%} to {high:.0%})")
        lines[one.embedding_set] = said
    return lines | {"said": comparison.sentence}
