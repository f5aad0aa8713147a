"""Label: answers on their way into the project, and the pages of images that wait for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError
from coldstart.labels.importing import read_label_csv
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import EventRow, ImageRow, NewEvent, Pick, Step
from coldstart.workflow.suggest import describe_suggestions, suggestions
from coldstart.workflow.team import mark_reviews, may

PAGE_SIZE = 60
_IMPORT_CHUNK = 1000
_BLIND = (
    "Picked by {}, or drawn at random to measure the accuracy: which of the two is shown once it "
    "is answered."
)


@dataclass(frozen=True)
class LabelPage:
    """One page of the labeller; ``images`` are as the component takes them."""

    images: list[dict[str, Any]]
    page: int  # 0 first; the nearest there is to the one asked for
    pages: int
    total: int
    next_images: list[dict[str, Any]]  # the page that follows, to be turned to at once


@dataclass(frozen=True)
class ImportReport:
    """What a label file brought: rows taken, and those that named no image of the project."""

    labelled: int
    classes: int
    unknown_paths: list[str]
    ambiguous_paths: list[str]


def label_page(
    project: Project, which: str, page: int, size: int = PAGE_SIZE, *, seen_by: str | None = None
) -> LabelPage:
    """One page of a list of `store.image_lists.FILTERS`, each image with answer and reason.

    seen_by : who looks: where two people are to answer, only a reviewer sees what others said.
    """
    if seen_by is not None and may(project, seen_by, "review"):
        seen_by = None
    total = project.store.images.count(which)
    pages = max(1, -(-total // size))
    page = min(max(page, 0), pages - 1)
    rows = project.store.images.page(which, page * size, 2 * size)
    images = describe_images(project, rows[:size], seen_by=seen_by)
    if which == "disagreement":
        said = _who_said_what(project, [row.image_id for row in rows[:size]])
        images = [one | {"reason": said.get(one["id"], "")} for one in images]
    return LabelPage(
        images=images,
        page=page,
        pages=pages,
        total=total,
        next_images=describe_images(project, rows[size:], seen_by=seen_by),
    )


def images_by_id(
    project: Project, image_ids: Sequence[int], *, seen_by: str | None = None
) -> list[dict[str, Any]]:
    """These images in this order, as the labeller takes them; unknown ids are left out.

    seen_by : who looks: where two people are to answer, only their own answer is shown.
    """
    rows = project.store.images.get(image_ids)
    return describe_images(project, [rows[i] for i in image_ids if i in rows], seen_by=seen_by)


def describe_images(
    project: Project, rows: Sequence[ImageRow], *, seen_by: str | None = None
) -> list[dict[str, Any]]:
    """Images as the labeller takes them: name, thumbnail, standing answer, why it was picked,
    comments, and what is suggested for it.

    Until it is answered, an image of a batch with audit images does not tell what it is.
    """
    ids = [row.image_id for row in rows]
    if not ids:
        return []
    picks = project.store.batches.last_picks(ids)
    answers, twice = _answers_seen_by(project, ids, picks, seen_by)
    blind = project.store.audit.batches()
    titles = _strategy_titles(project) if blind else {}
    comments = project.store.comments.of(ids)
    suggested = describe_suggestions(project, ids, suggestions(project))
    described = []
    for row in rows:
        pick = picks.get(row.image_id)
        reason = pick.reason if pick else ""
        if pick and pick.batch_id in blind and row.image_id not in answers:
            reason = _BLIND.format(titles[pick.batch_id])
        described.append(
            {
                "id": row.image_id,
                "name": shown_name(row.name),
                "path": shown_name(row.path),
                "thumbnail": row.content_hash or "",
                "state": _state(answers.get(row.image_id)),
                "reason": reason,
                "rank": pick.rank if pick else None,
                "batch_id": pick.batch_id if pick else None,
                "suggestion": suggested.get(row.image_id),
                "comments": [
                    {"annotator": one.annotator, "text": one.text}
                    for one in comments.get(row.image_id, ())
                    if row.image_id not in twice or one.annotator == seen_by
                ],
            }
        )
    return described


def _answers_seen_by(
    project: Project, ids: Sequence[int], picks: Mapping[int, Pick], seen_by: str | None
) -> tuple[dict[int, EventRow], list[int]]:
    """The answers that stand for who looks, and the images that two people are to answer."""
    answers = project.store.labels.current(ids)
    if seen_by is None:
        return answers, []
    # A second opinion is worth something only if the first is not known.
    twice = [i for i, pick in picks.items() if pick.wanted > 1]
    answers = {i: one for i, one in answers.items() if i not in twice}
    return answers | project.store.labels.own(seen_by, twice), twice


def _who_said_what(project: Project, image_ids: Sequence[int]) -> dict[int, str]:
    """image_id -> every standing answer, for whoever is to decide."""
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    said: dict[int, list[str]] = {}
    for answer in project.store.labels.standing(image_ids):
        words = names.get(answer.class_id or 0, answer.kind)
        said.setdefault(answer.image_id, []).append(f"{answer.annotator}: {words}")
    return {image_id: " · ".join(one) for image_id, one in said.items()}


def _strategy_titles(project: Project) -> dict[int, str]:
    """batch_id -> what a person calls the strategy that picked."""
    from coldstart.selection import strategies

    offered = strategies()
    return {
        batch.batch_id: offered[batch.strategy].title
        if batch.strategy in offered
        else batch.strategy
        for batch in project.store.batches.all()
    }


def shown_name(path: str) -> str:
    """A path as text for a screen, whatever bytes are in it."""
    return os.fsencode(path).decode("utf-8", "replace")


def append_events(project: Project, events: Sequence[NewEvent]) -> dict[str, str]:
    """Store the events through the one writer; returns after the commit.

    Returns
    -------
    uuid -> why, for the events that were refused; all others are durable.
    """
    refused = project.store.labels.unknown_references(events)
    named = {event.batch_id for event in events if event.batch_id is not None}
    batches = project.store.batches.known(named)
    events = mark_reviews(project, events)
    good = [
        # An answer is worth more than the note of which batch asked for it.
        event if event.batch_id in batches else replace(event, batch_id=None)
        for event in events
        if event.uuid not in refused
    ]
    if good:
        project.store.label_writer.append(good)
    return refused


def import_labels(
    project: Project,
    file: Path | str,
    annotator: str = "import",
    *,
    progress: Progress = silent,
) -> ImportReport:
    """Take labels from a CSV file with the columns ``path,class_name``, or from any export.

    A path is matched to the images' paths below the image folders, or to their full paths. The
    same file imported twice changes nothing the second time.

    Raises
    ------
    ColdstartError : the file cannot be read, or none of its paths is an image of the project.
    """
    from coldstart.workflow.importing import import_exported, is_exported

    if is_exported(Path(file)):
        return import_exported(project, Path(file), annotator, progress=progress)
    rows = read_label_csv(file)
    if not rows:
        raise ColdstartError(f"{Path(file).name} holds no labels.", "Add rows path,class_name.")
    matched, unknown, ambiguous = match_paths(project, [path for path, _ in rows])
    if not matched:
        raise ColdstartError(
            f"None of the {len(rows):,} paths in {Path(file).name} is an image of this project "
            f"(the first is {rows[0][0]!r}).",
            "Write paths relative to the image folder, and scan the folder first.",
        )
    class_ids: dict[str, int] = {}
    events = []
    current = project.store.labels.current(list(matched.values()))
    for path, class_name in rows:
        image_id = matched.get(path)
        if image_id is None:
            continue
        if class_name not in class_ids:
            class_ids[class_name] = project.store.labels.add_class(class_name).class_id
        class_id = class_ids[class_name]
        standing = current.get(image_id)
        if standing is not None and standing.class_id == class_id:
            continue
        # Named by what it says, so that a resent import is the same event.
        before = 0 if standing is None else standing.event_id
        key = f"{image_id}/{class_id}/{annotator}/{before}"
        uuid = hashlib.sha256(key.encode()).hexdigest()[:32]
        # Whoever imports over an answer means it: the file decides, as a reviewer would.
        over = standing is not None and standing.annotator != annotator
        events.append(
            NewEvent(uuid, image_id, annotator, "class", class_id, origin="import", review=over)
        )
    for start in range(0, len(events), _IMPORT_CHUNK):
        project.store.label_writer.append(events[start : start + _IMPORT_CHUNK])
        progress(min(start + _IMPORT_CHUNK, len(events)), len(events), "Storing labels")
    return ImportReport(len(events), len(class_ids), unknown, ambiguous)


def match_paths(
    project: Project, paths: Sequence[str]
) -> tuple[dict[str, int], list[str], list[str]]:
    """Which image each path names: (path -> image_id, those that name none, those that name two).

    A path is relative to its image folder, or full.
    """
    relative = {path: _relative(project, path) for path in paths}
    found = project.store.images.by_path(list(relative.values()))
    matched: dict[str, int] = {}
    unknown: list[str] = []
    ambiguous: list[str] = []
    for path, inside in relative.items():
        ids = found.get(inside, [])
        if len(ids) == 1:
            matched[path] = ids[0]
        else:
            (ambiguous if ids else unknown).append(path)
    return matched, unknown, ambiguous


def _relative(project: Project, path: str) -> str:
    path = path.replace("\\", "/")
    for source in project.sources:
        inside = source.relative(path)
        if inside is not None:
            return inside
    return path.removeprefix("./")


def describe_history(
    project: Project, annotator: str, before: int | None, count: int
) -> dict[str, Any]:
    """What an annotator can undo and redo, as the labeller takes it."""
    found = project.store.steps.history(annotator, before, count)
    steps = [*found.undo, *found.redo]
    ids = sorted({change.image_id for step in steps for change in step.changes})
    rows = project.store.images.get(ids)

    def described(step: Step) -> dict[str, Any]:
        return {
            "step": step.step,
            "event": step.first_event,
            "changes": [
                {
                    "id": one.image_id,
                    "name": shown_name(rows[one.image_id].name) if one.image_id in rows else "",
                    "batch_id": one.batch_id,
                    "before": one.before,
                    "after": one.after,
                }
                for one in step.changes
            ],
        }

    return {
        "undo": [described(step) for step in found.undo],
        "redo": [described(step) for step in found.redo],
        "more": found.more,
    }


def standing_answers(
    project: Project, image_ids: Sequence[int], seen_by: str
) -> dict[int, dict[str, Any] | None]:
    """image_id -> the answer that stands for who looks, as the labeller takes it; None for none."""
    if not image_ids:
        return {}
    picks = project.store.batches.last_picks(image_ids)
    answers, _ = _answers_seen_by(project, image_ids, picks, seen_by)
    return {image_id: _state(answers.get(image_id)) for image_id in image_ids}


def _state(answer: EventRow | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "kind": answer.kind,
        "class_id": answer.class_id,
        "origin": answer.origin,
        "annotator": answer.annotator,
    }
