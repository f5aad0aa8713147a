"""`coldstart classes`, `find` and `pace`: what surrounds labelling, without a screen."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Callable, Sequence
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress
from coldstart.project import Project

# Makes a command's parser: (name, what runs it, one sentence).
MakeCommand = Callable[[str, Callable[[argparse.Namespace, Progress], Any], str], Any]


def add_commands(make: MakeCommand, open_project: Callable[[argparse.Namespace], Project]) -> None:
    """Add the commands; ``open_project`` finds the project that the options name."""

    def classes(options: argparse.Namespace, progress: Progress) -> Any:
        return change_classes(open_project(options), options)

    def find(options: argparse.Namespace, progress: Progress) -> Any:
        return find_images(open_project(options), options)

    def pace(options: argparse.Namespace, progress: Progress) -> Any:
        return tell_pace(open_project(options), options.labels)

    _classes_options(make("classes", classes, "List the classes, or change them; nothing is lost."))
    _find_options(make("find", find, "Find images, and queue them if asked to."))
    told = make("pace", pace, "Say how long a label takes, and how many hours are left.")
    told.add_argument(
        "--labels",
        type=int,
        metavar="N",
        help="how many labels are still to be given (default: the queue)",
    )


def _classes_options(parser: argparse.ArgumentParser) -> None:
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--add", metavar="NAME", help="make a class")
    change.add_argument("--rename", nargs=2, metavar=("OLD", "NEW"), help="call a class otherwise")
    change.add_argument(
        "--merge", nargs="+", metavar="NAME", help="merge these classes into the last one named"
    )
    change.add_argument(
        "--split",
        nargs=2,
        metavar=("NAME", "NEW"),
        help="take the smaller of two groups of look-alikes out of a class",
    )
    change.add_argument("--delete", metavar="NAME", help="take a class away")
    change.add_argument("--color", nargs=2, metavar=("NAME", "#RRGGBB"), help="colour a class")
    change.add_argument("--key", nargs=2, metavar=("NAME", "KEY"), help="give a class a key")
    change.add_argument("--order", nargs="+", metavar="NAME", help="put these classes first")
    change.add_argument("--undo", action="store_true", help="take the newest change back")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--annotator", default=getpass_user(), metavar="NAME", help="who does it")


def _find_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        choices=["unlabelled", "queue", "class", "skipped", "unsure", "excluded"],
        default="",
        help="what stands for the image",
    )
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="labelled so")
    parser.add_argument("--by", default="", metavar="NAME", help="answered by this annotator")
    parser.add_argument("--path", default="", metavar="TEXT", help="a part of the path")
    parser.add_argument("--suggested", metavar="NAME", help="suggested as this class")
    parser.add_argument(
        "--doubt",
        type=float,
        metavar="X",
        help="suggested with at most this probability, the least sure first",
    )
    parser.add_argument("--like", metavar="PATH", help="like this image, the nearest first")
    parser.add_argument("--words", default="", metavar="TEXT", help="what the image shows (CLIP)")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most (default 100)")
    parser.add_argument("--queue", action="store_true", help="queue what is found")


def getpass_user() -> str:
    """The account's name; "annotator" where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "annotator"


def change_classes(project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """What was, or would be, done to the classes, and the classes afterwards."""
    said, act = _change(project, options)
    if not options.dry_run and act is not None:
        act()
    counts = project.store.labels.class_counts()
    rows = project.store.classes.all()
    listed = [f"{row.name} ({counts.get(row.class_id, 0):,})" for row in rows]
    return {"said": said, "classes": listed}


def _change(
    project: Project, options: argparse.Namespace
) -> tuple[str, Callable[[], object] | None]:
    """One sentence about the change that is asked for, and what does it."""
    from coldstart.workflow import classes as work

    store, by = project.store.classes, options.annotator

    def named(name: str) -> int:
        return work.class_named(project, name).class_id

    if options.add:
        return f"“{options.add}” added.", lambda: work.add(project, options.add, by=by)
    if options.rename:
        old, new = options.rename
        shown = work.preview_rename(project, named(old), new)
        if shown.problem:
            raise ColdstartError(shown.problem, "")
        return shown.words, lambda: work.rename(project, named(old), new, was=old, by=by)
    if options.merge:
        *sources, target = [named(name) for name in options.merge]
        words = work.preview_merge(project, sources, target).words
        return words, lambda: work.merge(project, sources, target, by=by)
    if options.delete:
        class_id = named(options.delete)
        words = work.preview_delete(project, class_id).words
        return words, lambda: work.delete(project, class_id, by=by)
    if options.split:
        name, new = options.split
        class_id = named(name)
        taken = work.propose_split(project, class_id)[-1].image_ids
        words = f"{len(taken):,} images of “{name}” become “{new}”."
        return words, lambda: work.split(project, class_id, {new: taken}, by=by)
    if options.color:
        name, color = options.color
        class_id = named(name)
        return f"“{name}” coloured {color}.", lambda: work.paint(project, class_id, color, by=by)
    if options.key:
        name, key = options.key
        class_id = named(name)
        return f"“{name}” has the key {key}.", lambda: work.set_key(project, class_id, key, by=by)
    if options.order:
        ids = [named(name) for name in options.order]
        return "The order is changed.", lambda: work.order(project, ids, by=by)
    if options.undo:
        last = store.last_undoable()
        words = f"Undone: {last.words}." if last else "Nothing to undo."
        return words, (lambda: work.undo(project, by=by)) if last else None
    return "", None


def find_images(project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """The paths of what is found, how many there are in all, and what was queued."""
    from coldstart.workflow.classes import class_named
    from coldstart.workflow.find import Search, find
    from coldstart.workflow.label import shown_name
    from coldstart.workflow.queue import queue_images

    search = Search(
        state=options.state,
        class_id=class_named(project, options.class_name).class_id if options.class_name else None,
        annotator=options.by,
        path=options.path,
        suggested=class_named(project, options.suggested).class_id if options.suggested else None,
        doubt=options.doubt,
        like=_image(project, options.like) if options.like else None,
        words=options.words,
    )
    ids, total = find(project, search, limit=max(1, options.limit))
    rows = project.store.images.get(ids)
    found: dict[str, Any] = {"found": total, "paths": [shown_name(rows[one].path) for one in ids]}
    if options.queue and ids:
        found["queued"] = queue_images(project, ids, "Found by a search.", by=getpass_user()).words
    return found


def _image(project: Project, path: str) -> int:
    ids: Sequence[int] = project.store.images.by_path([path]).get(path, [])
    if len(ids) != 1:
        raise ColdstartError(
            f"{path!r} is not one image of this project.", "Write its path below the image folder."
        )
    return ids[0]


def tell_pace(project: Project, labels: int | None) -> dict[str, Any]:
    """Each annotator's pace and everybody's, and the hours until so many labels are given."""
    from coldstart.workflow.pace import paces
    from coldstart.workflow.to_target import to_target

    ahead = to_target(project)
    left = project.store.images.count("queue") if labels is None else labels
    return {
        one.annotator or "everybody": {
            "answers": one.answers,
            "seconds_each": one.seconds,
            "per_minute": one.per_minute,
            f"hours_to_{left}_labels": one.hours_to(left),
            "hours_to_target": None if ahead.answers is None else one.hours_to(ahead.answers),
        }
        for one in paces(project)
    }
