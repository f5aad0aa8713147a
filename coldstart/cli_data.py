"""The commands of the Data page beside `new` and `scan`: images, findings, thumbnails, labels."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress

Adder = Callable[..., argparse.ArgumentParser]


def add_commands(commands: Any, add: Adder) -> None:
    """Add the parsers of ``add``, ``findings``, ``thumbnails`` and ``label``."""
    more = add(commands, "add", _add, "Add more images to a project; scan it afterwards.")
    more.add_argument(
        "--images",
        action="append",
        required=True,
        metavar="PLACE",
        help="as for `new`: a folder, a .zip, a list of paths or a URL; may be given several times",
    )

    found = add(
        commands,
        "findings",
        _findings,
        "List what the last scan found: copies, odd pictures, files that cannot be used.",
    )
    choice = found.add_mutually_exclusive_group()
    choice.add_argument(
        "--leave-out", metavar="KIND", help="leave all of this kind out of the pool"
    )
    choice.add_argument("--take-back", metavar="KIND", help="take a kind back into the pool")
    choice.add_argument("--show", metavar="KIND", help="list the images of this kind")
    choice.add_argument(
        "--leave-out-image",
        metavar="PATH",
        action="append",
        help="leave single images out of the pool; may be repeated",
    )
    choice.add_argument(
        "--keep-image",
        metavar="PATH",
        action="append",
        help="keep single images in the pool, whatever is found; may be repeated",
    )

    add(
        commands,
        "thumbnails",
        _thumbnails,
        "Make the thumbnails that are missing, on all cores (a scan makes them as it goes).",
    )

    label = add(commands, "label", _label, "Take labels that are there already.")
    known = label.add_mutually_exclusive_group(required=True)
    known.add_argument(
        "--from",
        dest="file",
        type=Path,
        metavar="FILE",
        help="a CSV with the columns path,class_name, a COCO file (.json), or a folder with one "
        "folder a class, whose files are matched by content",
    )
    known.add_argument(
        "--from-folders",
        action="store_true",
        help="the folders the project's own images lie in are their classes",
    )
    label.add_argument(
        "--hidden",
        action="store_true",
        help="keep them as the truth for rehearsals only: nothing else ever reads them",
    )
    label.add_argument(
        "--annotator",
        default="import",
        metavar="NAME",
        help="whose answers they are (default: import)",
    )


def _add(options: argparse.Namespace, progress: Progress) -> Any:
    project = _project(options).add_images(options.images)
    return {"project": project.directory, "images": [source.shown for source in project.sources]}


def _findings(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.doctor import decide, finding_page, findings, leave_out
    from coldstart.workflow.label import match_paths, shown_name

    project = _project(options)
    if options.show:
        listed: list[dict[str, Any]] = []
        while page := finding_page(project, options.show, len(listed), 1000):
            listed += [
                {
                    "path": shown_name(one.image.path),
                    "group": one.group_id or None,
                    "kept": one.kept,
                    "left_out": one.image.excluded_for,
                    "problem": one.image.problem,
                }
                for one in page
            ]
        if options.json:
            return {"images": listed}
        return {"images": "".join(f"\n{one['path']}" for one in listed)}
    if options.leave_out or options.take_back:
        kind = options.leave_out or options.take_back
        leave_out(project, kind, excluded=bool(options.leave_out), by="cli")
    single = options.leave_out_image or options.keep_image
    if single:
        matched, unknown, ambiguous = match_paths(project, single)
        if unknown or ambiguous:
            raise ColdstartError(
                f"{(unknown + ambiguous)[0]!r} does not name one image of this project.",
                "Write its path relative to the image folder, or in full.",
            )
        decide(project, sorted(matched.values()), out=bool(options.leave_out_image))
    found = findings(project)
    if options.json:
        return {
            "pool": project.store.images.count("usable"),
            "findings": [
                {
                    "kind": one.kind.name,
                    "images": one.images,
                    "groups": one.groups,
                    "left_out": one.excluded,
                    "happens": one.kind.happens,
                }
                for one in found
            ],
        }
    return {
        one.kind.name: f"{one.images:,}{' (left out)' if one.excluded else ''} · {one.kind.means}"
        for one in found
    } | {"images in the pool": project.store.images.count("usable")}


def _thumbnails(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.thumbnails import complete_thumbnails

    return complete_thumbnails(_project(options), progress=progress)


def _label(options: argparse.Namespace, progress: Progress) -> Any:
    from coldstart.workflow.known_labels import import_known

    return import_known(
        _project(options),
        options.file,
        options.annotator,
        hidden=options.hidden,
        progress=progress,
    )


def _project(options: argparse.Namespace) -> Any:
    from coldstart.project import Project

    return Project.open(options.project)
