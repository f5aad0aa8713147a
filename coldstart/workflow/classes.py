"""Classes: rename, merge, split and delete them, each with what would change told beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.labels.class_names import check_class_name
from coldstart.project import Project
from coldstart.store import ClassChange, ClassRow, NewEvent
from coldstart.workflow.team import check_may

_EXAMPLES = 12


@dataclass(frozen=True)
class ClassPreview:
    """What a change would do: the sentence, how many images, and some of them."""

    words: str
    images: int
    examples: list[int] = field(default_factory=list)  # image ids
    problem: str = ""  # why it cannot be done; empty if it can


@dataclass(frozen=True)
class Part:
    """A group of look-alikes within a class, as a split proposes it."""

    image_ids: list[int]
    examples: list[int]  # the most typical first


def class_named(project: Project, name: str) -> ClassRow:
    """The class of this name.

    Raises
    ------
    ColdstartError : there is none.
    """
    rows = {row.name: row for row in project.store.classes.all()}
    found = rows.get(name.strip())
    if found is None:
        known = ", ".join(rows) or "none yet"
        raise ColdstartError(f"There is no class “{name}”.", f"There are: {known}.")
    return found


def images_of(project: Project, class_id: int) -> list[int]:
    """Ids of the images that stand at this class, the newest label first."""
    return project.store.labels.images_of_class(class_id)


def preview_rename(project: Project, class_id: int, name: str) -> ClassPreview:
    """What calling the class ``name`` would do."""
    row = _row(project, class_id)
    ids = images_of(project, class_id)
    try:
        name = check_class_name(name)
    except ColdstartError as error:
        return ClassPreview("", len(ids), problem=str(error))
    if any(other.name == name and other.class_id != class_id for other in _all(project)):
        words = f"There is a class “{name}” already: merge “{row.name}” into it instead."
        return ClassPreview("", len(ids), problem=words)
    changed = _images(len(ids), "is", "are")
    return ClassPreview(f"{changed} “{name}” instead of “{row.name}”.", len(ids), ids[:_EXAMPLES])


def preview_merge(project: Project, sources: Sequence[int], target: int) -> ClassPreview:
    """What merging ``sources`` into ``target`` would do."""
    into = _row(project, target)
    names = [_row(project, one).name for one in sources]
    ids = [one for source in sources for one in images_of(project, source)]
    there = len(images_of(project, target))
    quoted = ", ".join(f"“{name}”" for name in names)
    words = (
        f"{_images(len(ids), 'goes', 'go')} from {quoted} to “{into.name}”, which then has "
        f"{there + len(ids):,}. New labels of {quoted} are no longer offered."
    )
    return ClassPreview(words, len(ids), ids[:_EXAMPLES])


def preview_delete(project: Project, class_id: int) -> ClassPreview:
    """What deleting the class would do."""
    row = _row(project, class_id)
    ids = images_of(project, class_id)
    words = (
        f"{_images(len(ids), 'loses its label', 'lose their label')} “{row.name}” and "
        f"{'counts' if len(ids) == 1 else 'count'} as unlabelled. The events stay in the history."
    )
    return ClassPreview(words, len(ids), ids[:_EXAMPLES])


def add(project: Project, name: str, *, by: str = "") -> ClassRow:
    """The class of this name, made if there is none: whoever labels may need one.

    Raises
    ------
    ColdstartError : the name cannot be one, or ``by`` may not label.
    """
    check_may(project, by, "label")
    return project.store.classes.add(name, by)


def rename(project: Project, class_id: int, name: str, *, was: str, by: str = "") -> ClassRow:
    """Call the class that was called ``was`` otherwise.

    Raises
    ------
    ColdstartError : ``by`` may not, somebody has renamed it meanwhile, or the name cannot be one.
    """
    check_may(project, by, "classes")
    return project.store.classes.rename(class_id, name, was=was, by=by)


def paint(project: Project, class_id: int, color: str | None, *, by: str = "") -> ClassRow:
    """Give the class a colour, or with None its usual one."""
    check_may(project, by, "classes")
    return project.store.classes.paint(class_id, color, by)


def set_key(project: Project, class_id: int, key: str | None, *, by: str = "") -> ClassRow:
    """Give the class a key, or with None the next free one."""
    check_may(project, by, "classes")
    return project.store.classes.set_key(class_id, key, by)


def order(project: Project, class_ids: Sequence[int], *, by: str = "") -> list[ClassRow]:
    """Put these classes first, in this order."""
    check_may(project, by, "classes")
    return project.store.classes.order(class_ids, by)


def merge(project: Project, sources: Sequence[int], target: int, *, by: str = "") -> ClassRow:
    """Merge ``sources`` into ``target``; no event is changed by it."""
    check_may(project, by, "classes")
    return project.store.classes.merge(sources, target, by)


def delete(project: Project, class_id: int, *, by: str = "") -> ClassRow:
    """Take the class away; its images count as unlabelled, and the events stay."""
    check_may(project, by, "classes")
    return project.store.classes.delete(class_id, by)


def propose_split(project: Project, class_id: int, parts: int = 2) -> list[Part]:
    """The images of a class in ``parts`` groups of look-alikes, the largest first.

    Grouped by k-means on the active embedding set (scikit-learn). Images without a vector stay
    with the largest group.

    Raises
    ------
    ColdstartError : nothing is embedded, or the class has fewer images than groups are asked for.
    """
    from sklearn.cluster import KMeans

    from coldstart.workflow.pool import vectors_of

    row = _row(project, class_id)
    ids = images_of(project, class_id)
    known, vectors = vectors_of(project, ids)
    if not 2 <= parts <= len(known):
        raise ColdstartError(
            f"“{row.name}” has {len(known):,} images with a vector, which cannot be split into "
            f"{parts}.",
            "Label more images first, or ask for fewer groups.",
        )
    fitted = KMeans(parts, n_init=4, random_state=0).fit(vectors)
    far = fitted.transform(vectors)
    groups = []
    for group in range(parts):
        members = np.flatnonzero(fitted.labels_ == group)
        members = members[np.argsort(far[members, group], kind="stable")]
        groups.append([known[i] for i in members])
    groups.sort(key=len, reverse=True)
    rest = set(ids) - set(known)
    groups[0] += [one for one in ids if one in rest]
    return [Part(group, group[:_EXAMPLES]) for group in groups]


def split(
    project: Project, class_id: int, into: Mapping[str, Sequence[int]], *, by: str = ""
) -> list[ClassRow]:
    """Give images of a class other classes: name -> image ids; what is not named stays.

    Each new class is one step of ``by``, so that the labeller's undo takes it back as well as the
    classes' undo does.

    Raises
    ------
    ColdstartError : a name cannot be one, is the class's own, or an image has left the class.
    """
    check_may(project, by, "classes")
    row = _row(project, class_id)
    standing = set(images_of(project, class_id))
    if not any(into.values()):
        raise ColdstartError(f"No image of “{row.name}” was chosen.", "Choose some to take out.")
    for name, ids in into.items():
        if check_class_name(name) == row.name:
            raise ColdstartError(
                f"“{name}” is the class that is split.", "Give what is taken out another name."
            )
        if not set(ids) <= standing:
            raise ColdstartError(
                f"Some of these images are no longer “{row.name}”.", "Look at the split again."
            )
    made = []
    steps = []
    for name, ids in into.items():
        new = project.store.classes.add(name, by)
        step = str(uuid4())
        events = [
            # For everybody, like every change of the classes: so it stands over all answers.
            NewEvent(
                str(uuid4()),
                one,
                by,
                "class",
                new.class_id,
                origin="cluster",
                step=step,
                review=True,
            )
            for one in ids
        ]
        project.store.label_writer.append(events)
        made.append(new)
        steps.append(step)
    project.store.classes.note_split(class_id, [one.class_id for one in made], steps, by)
    return made


def undo(project: Project, *, by: str = "") -> ClassChange:
    """Take back the newest change of the classes; of a split, its labels as well.

    Raises
    ------
    ColdstartError : there is none, or it has been overtaken.
    """
    check_may(project, by, "classes")
    change = project.store.classes.last_undoable()
    undone = project.store.classes.undo(by)
    if change is not None and change.action == "split":
        _undo_steps(project, change, undone.detail.get("steps", []))
    return undone


def _undo_steps(project: Project, change: ClassChange, steps: Sequence[str]) -> None:
    """The events that take a split's labels back, where nobody has labelled since."""
    wanted = set(steps)
    events = project.store.labels.of_steps(change.annotator, sorted(wanted))
    current = project.store.labels.current([event.image_id for event in events])
    back = []
    for event in events:
        now = current.get(event.image_id)
        if now is None or now.event_id != event.event_id:
            continue
        before = project.store.labels.own_before(event)
        back.append(
            NewEvent(
                str(uuid4()),
                event.image_id,
                change.annotator,
                before.kind if before else "cleared",
                before.class_id if before else None,
                origin=before.origin if before else "human",
                step=event.step,
                step_action="undo",
                review=before.review if before else False,
            )
        )
    if back:
        project.store.label_writer.append(back)


def _row(project: Project, class_id: int) -> ClassRow:
    for row in _all(project):
        if row.class_id == class_id:
            return row
    raise ColdstartError("This class has been merged or deleted meanwhile.", "Look again.")


def _all(project: Project) -> list[ClassRow]:
    return project.store.classes.all()


def _images(count: int, one: str, many: str) -> str:
    return f"1 image {one}" if count == 1 else f"{count:,} images {many}"
