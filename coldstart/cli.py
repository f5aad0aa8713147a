"""The five steps without a screen: `coldstart COMMAND PROJECT …`.

Progress goes to stderr; with ``--json`` one JSON object goes to stdout. Exit status: 0 done,
1 refused (one line says why and what to do), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from coldstart import (
    __version__,
    cli_data,
    cli_diagnostics,
    cli_rehearse,
    cli_team,
    cli_training,
    select_command,
)
from coldstart.cli_embeddings import add_commands as add_embedding_commands
from coldstart.cli_labels import add_commands as add_label_commands
from coldstart.cli_values import pairs as _pairs
from coldstart.errors import ColdstartError
from coldstart.jobs import JOB_VARIABLE, JobProgress
from coldstart.progress import Cancelled, Progress

Command = Callable[[argparse.Namespace, Progress], Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        result = _run(options)
    except ColdstartError as error:
        return _refuse(options, str(error))
    except Cancelled:
        return _refuse(options, "Cancelled; what was finished is kept, run it again to go on.")
    except KeyboardInterrupt:
        return _refuse(options, "Stopped; what was finished is kept, run it again to go on.")
    except BrokenPipeError:
        return 1
    if options.json:
        print(json.dumps(plain(result), ensure_ascii=False))
    else:
        for line in _describe(result):
            print(line)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; the reference in ``docs/cli.md`` is printed from it."""
    parser = argparse.ArgumentParser(
        prog="coldstart",
        description="Which images to label first, and when to stop. A project is a directory.",
        epilog="Exit status: 0 done, 1 refused with a reason, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"coldstart {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    new = _command(commands, "new", _new, "Make a project over one or more folders of images.")
    new.add_argument(
        "--images",
        action="append",
        required=True,
        metavar="PLACE",
        help="a folder of images, a .zip, a list of paths (.csv, .jsonl, .parquet), or a URL such "
        "as s3://bucket/folder; may be given several times",
    )
    new.add_argument("--name", help="what to call it (default: the directory's name)")
    new.add_argument(
        "--database",
        metavar="URL",
        help="an SQLAlchemy URL, for a database other than the embedded one",
    )

    _command(
        commands, "scan", _scan, "Find and check every image; a second scan reads what changed."
    )

    embed = _command(commands, "embed", _embed, "Compute one vector for each image, or take yours.")
    source = embed.add_mutually_exclusive_group()
    source.add_argument(
        "--encoder",
        metavar="NAME",
        help="the encoder, see docs/encoders.md; timm:NAME for any model of timm (default: folder, "
        "which needs no download)",
    )
    source.add_argument(
        "--file",
        metavar="VECTORS",
        type=Path,
        help="your own .npy, .npz, .pth, .pt, .safetensors or .parquet matrix",
    )
    embed.add_argument(
        "--weights",
        metavar="FILE",
        type=Path,
        help="a local checkpoint for the encoder: .safetensors, or a weights-only torch file",
    )
    embed.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="where to compute: here, or on the Ray cluster at RAY_ADDRESS (default: local)",
    )
    embed.add_argument(
        "--paths",
        metavar="LIST",
        type=Path,
        help="with --file: the images' paths, one a row of the matrix",
    )
    embed.add_argument(
        "--name", help="what to call the embedding set (default: the encoder's or the file's name)"
    )
    _settings(embed, "an option of the encoder")

    select = _command(commands, "select", _select, "Queue the images worth labelling next.")
    select_command.add_options(select)
    _settings(select, "a setting of the strategy")

    cli_data.add_commands(commands, _command)

    add_label_commands(lambda *words: _command(commands, *words), _project)
    cli_training.add_commands(commands, _command)

    advise = _command(commands, "advise", _advise, "Say whether you may stop labelling, and why.")
    advise.add_argument(
        "--target",
        type=float,
        metavar="X",
        help="the share of images that is to be predicted right, such as 0.9",
    )
    advise.add_argument(
        "--price",
        type=float,
        metavar="N",
        help="how many labels a point of accuracy is worth (default: 75, unless there is a target)",
    )
    advise.add_argument(
        "--next",
        type=int,
        metavar="N",
        help="how many labels to look ahead (default: 50, or a fifth of the labels if more)",
    )

    cli_diagnostics.add_commands(commands, _command)
    add_embedding_commands(commands, _command)

    rehearsal = _command(commands, "rehearse", _rehearse, cli_rehearse.SUMMARY, project="?")
    cli_rehearse.add_options(rehearsal)

    export = _command(commands, "export", _export, "Write the labels to a file or a folder.")
    export.add_argument("--format", required=True, choices=_formats(), help="the file format")
    export.add_argument(
        "--to", required=True, type=Path, metavar="PATH", help="the file or folder to write"
    )
    export.add_argument(
        "--links", action="store_true", help="folders hold links to the images instead of copies"
    )
    export.add_argument(
        "--as-of",
        metavar="TIME",
        help='the labels as they stood then, such as "2026-03-03 14:00" (local time)',
    )
    cli_team.add_commands(commands, _command)

    serve = _command(commands, "serve", _serve, "Start the app in the browser.", project="?")
    serve.add_argument(
        "--host", default="localhost", help="the address to listen on (default: localhost only)"
    )
    serve.add_argument("--port", type=int, default=8501, help="the port (default 8501)")
    return parser


def plain(value: Any) -> Any:
    """``value`` as JSON takes it: dataclasses as objects, paths as text, arrays as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return os.fsencode(value).decode("utf-8", "replace")
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and value != value:
        return None
    return value


# -- the commands


def _new(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project

    project = Project.create(
        options.project, options.images, name=options.name, database=options.database
    )
    return {"project": project.directory, "images": [source.shown for source in project.sources]}


def _scan(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.scan import scan

    return scan(_project(options), progress=progress)


def _embed(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.embed import DEFAULT_ENCODER, embed, import_vectors

    project = _project(options)
    if options.file is not None:
        return import_vectors(
            project, options.file, paths=options.paths, name=options.name, progress=progress
        )
    if options.paths is not None:
        raise ColdstartError("--paths goes with --file.", "Name your vectors with --file VECTORS.")
    return embed(
        project,
        options.encoder or DEFAULT_ENCODER,
        weights=options.weights,
        options=_pairs(options.set),
        name=options.name,
        engine=options.engine,
        progress=progress,
    )


def _select(options: argparse.Namespace, progress: Progress) -> Any:
    return select_command.run(_project(options), options, _pairs(options.set), progress)


def _advise(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.advise import advise

    verdict = advise(
        _project(options), options.target, options.price, options.next, progress=progress
    )
    if options.json:
        return verdict.as_dict()
    return {
        "verdict": verdict.sentence,
        "reasons": "".join(f"\n- {one}" for one in verdict.reasons),
    }


def _export(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.export import export

    return export(
        _project(options),
        options.format,
        options.to,
        links=options.links,
        as_of=cli_team.moment(options.as_of),
    )


def _rehearse(options: argparse.Namespace, progress: Progress) -> Any:
    return cli_rehearse.run(options, lambda: _project(options), progress)


def _serve(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.project import Project
    from coldstart.workflow.projects import PROJECT_VARIABLE

    environment = dict(os.environ)
    if options.project:
        project = Project.open(options.project)
        environment[PROJECT_VARIABLE] = str(project.directory)
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app_file()),
        f"--server.address={options.host}",
        f"--server.port={options.port}",
    ]
    os.execve(sys.executable, command, environment)


def app_file() -> Path:
    """The script that `streamlit run` takes: beside the package, or inside an installed one."""
    package = Path(__file__).parent
    beside, inside = package.parent / "app.py", package / "_app" / "app.py"
    return inside if inside.exists() else beside


# -- how a command is run, and what it prints


def _run(options: argparse.Namespace) -> Any:
    job = os.environ.get(JOB_VARIABLE)
    if job is None or options.command == "serve":
        return options.run(options, _TerminalProgress(sys.stderr))
    # What this process starts is not the job.
    del os.environ[JOB_VARIABLE]
    with JobProgress(_project(options), int(job)) as progress:
        result = options.run(options, progress)
        progress.result = plain(result)
    return result


class _TerminalProgress:
    """Rewrites one line on a terminal; elsewhere a line every few seconds."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._last = 0.0

    def __call__(self, done: int, total: int | None, message: str = "") -> None:
        now = time.monotonic()
        finished = total is not None and done >= total
        if not finished and now - self._last < (0.1 if self._live else 5.0):
            return
        self._last = now
        amount = f"{done:,} of {total:,}" if total else ""
        line = " ".join(part for part in (message, amount) if part)
        if self._live:
            self._stream.write(f"\r\x1b[K{line}" + ("\n" if finished else ""))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def _refuse(options: argparse.Namespace, reason: str) -> int:
    if options.json:
        print(json.dumps({"error": reason}, ensure_ascii=False))
    print(f"coldstart {options.command}: {reason}", file=sys.stderr)
    return 1


def _describe(result: Any) -> list[str]:
    lines = []
    for key, value in (plain(result) or {}).items():
        if isinstance(value, list) and len(value) > 8:
            value = [*value[:8], f"… {len(value):,} in all"]
        if isinstance(value, list):
            value = ", ".join(str(item) for item in value) or "none"
        if isinstance(value, float):
            value = f"{value:.4g}"
        lines.append(f"{key.replace('_', ' ')}: {value}")
    return lines


def _command(
    commands: Any, name: str, run: Command, summary: str, project: str | None = None
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.add_argument("project", metavar="PROJECT", nargs=project, help="the project's directory")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.set_defaults(run=run)
    return parser


def _settings(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="key=value", help=f"{what}; may be repeated"
    )


def _formats() -> list[str]:
    from coldstart.workflow.export import EXPORT_FORMATS

    return list(EXPORT_FORMATS)


def _project(options: argparse.Namespace) -> Any:
    from coldstart.project import Project

    return Project.open(options.project)
