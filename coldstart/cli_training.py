"""The commands about models: train, predict, mistakes. `coldstart.cli` puts them in its parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress

AddCommand = Callable[..., argparse.ArgumentParser]

MODELS = ("probe", "finetune")


def add_commands(commands: Any, command: AddCommand) -> None:
    """Add the parsers; ``command`` is `cli._command`."""
    _add_train(commands, command)
    _add_predict(commands, command)
    _add_export_model(commands, command)
    _add_mistakes(commands, command)


def open_project(options: argparse.Namespace) -> Any:
    from coldstart.project import Project

    return Project.open(options.project)


def _add_train(commands: Any, command: AddCommand) -> None:
    from coldstart.training.probes import AUTOMATIC, PROBES

    train = command(
        commands, "train", _train, "Fit a classifier on the labelled images and measure it."
    )
    train.add_argument(
        "--model",
        choices=MODELS,
        default=MODELS[0],
        help="a classifier on the embeddings, in seconds, or a network that goes on learning, on "
        "a CPU in many minutes (default: probe)",
    )
    train.add_argument(
        "--probe",
        choices=[AUTOMATIC, *PROBES],
        default=AUTOMATIC,
        help="the kind of classifier on the embeddings (default: auto, which takes the one that is "
        "best at this number of labels)",
    )
    group = train.add_argument_group("with --model finetune")
    group.add_argument(
        "--encoder",
        metavar="NAME",
        help="with finetune: the network to start from (default: that of the embeddings in use)",
    )
    group.add_argument(
        "--weights",
        metavar="FILE",
        type=Path,
        help="with finetune: a local checkpoint to start from (default: that of the embeddings)",
    )
    group.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="with finetune: at most so many passes (default: 15, with a GPU 50)",
    )
    group.add_argument(
        "--blocks",
        type=int,
        metavar="N",
        help="with finetune: train the last N blocks only; 0 trains the whole network (default: 0)",
    )
    group.add_argument(
        "--pixels",
        type=int,
        metavar="N",
        help="with finetune: the side of what the network sees; a smaller one is quicker, and "
        "usually worse (default: its own)",
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="key=value",
        help="with finetune: a setting of the training (learning_rate, weight_decay, "
        "label_smoothing, dropout, average, patience, batch_images, mirror, seed); may be repeated",
    )


_FINETUNE_ONLY = ("encoder", "weights", "epochs", "blocks", "pixels", "set")


def _train(options: argparse.Namespace, progress: Progress) -> Any:
    if options.model == "finetune":
        return _finetune(options, progress)
    from coldstart.workflow.train import train

    for name in _FINETUNE_ONLY:
        if getattr(options, name):
            raise ColdstartError(
                f"--{name} goes with --model finetune.", "Add it, or leave the option out."
            )
    return train(open_project(options), options.probe, progress=progress)


def _finetune(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.cli_values import pairs
    from coldstart.workflow.finetune import finetune

    report = finetune(
        open_project(options),
        options.encoder,
        weights=options.weights,
        epochs=options.epochs,
        blocks=options.blocks or 0,
        pixels=options.pixels,
        settings=pairs(options.set),
        progress=progress,
    )
    if options.json:
        return report
    return {name: value for name, value in vars(report).items() if name != "history"}


def _add_predict(commands: Any, command: AddCommand) -> None:
    predict = command(
        commands, "predict", _predict, "Write what the newest model says of every image."
    )
    predict.add_argument(
        "--format",
        choices=["csv", "parquet", "folders"],
        default="csv",
        help="a table with probabilities, or a folder for each predicted class (default: csv)",
    )
    predict.add_argument(
        "--to", required=True, type=Path, metavar="PATH", help="the file, or the new folder"
    )
    predict.add_argument(
        "--copies",
        action="store_true",
        help="with folders: copy the images, do not link",
    )
    predict.add_argument(
        "--precision",
        type=float,
        metavar="P",
        help="mark the images that are predicted right with this probability, by the audit; in "
        "folders the others stand apart",
    )
    predict.add_argument(
        "--model", choices=MODELS, default=MODELS[0], help="whose word (default: probe)"
    )


def _predict(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.predictions import predict

    if options.copies and options.format != "folders":
        raise ColdstartError("--copies goes with --format folders.", "Leave it out for a table.")
    report = predict(
        open_project(options),
        options.format,
        options.to,
        model=options.model,
        precision=options.precision,
        copies=options.copies,
        progress=progress,
    )
    if options.json or report.confident is None:
        return report
    return vars(report) | {"confident": report.confident.words}


def _add_export_model(commands: Any, command: AddCommand) -> None:
    from coldstart.workflow.export_model import MODEL_FORMATS

    export = command(
        commands,
        "export-model",
        _export_model,
        "Write the newest model so that it runs without coldstart.",
    )
    export.add_argument("--model", choices=MODELS, default=MODELS[0], help="which (default: probe)")
    formats = "; ".join(f"{name}: {words}" for name, words in MODEL_FORMATS.items())
    export.add_argument(
        "--format", choices=MODEL_FORMATS, default="folder", help=f"{formats} (default: folder)"
    )
    export.add_argument(
        "--to", required=True, type=Path, metavar="PATH", help="the new folder, or the file"
    )


def _export_model(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.export_model import export_model

    return export_model(
        open_project(options),
        options.to,
        model=options.model,
        format=options.format,
        progress=progress,
    )


def _add_mistakes(commands: Any, command: AddCommand) -> None:
    mistakes = command(
        commands, "mistakes", _mistakes, "List the labels that are probably wrong, worst first."
    )
    mistakes.add_argument(
        "--first", type=int, default=20, metavar="K", help="how many to list (default: 20)"
    )


def _mistakes(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.mistakes import label_mistakes

    report = label_mistakes(open_project(options))
    shown = report.suspects[: max(0, options.first)]
    if options.json:
        return {"labels": report.labels, "contradicted": len(report.suspects), "suspects": shown}
    lines = "".join(f"\n- {one.path}: {one.why}" for one in shown)
    return {"labels": report.labels, "contradicted": f"{len(report.suspects)}{lines}"}
