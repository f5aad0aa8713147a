"""Rehearsals of a project, or of a folder whose sub-folders are the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import SETTINGS_FILE, Project
from coldstart.workflow.pool import ProjectPool, in_order_of_labelling, load_pool
from coldstart.workflow.rehearse import Known, Plan, RehearsalReport, read_report, rehearse

if TYPE_CHECKING:
    from coldstart.rehearsal import Hindsight

FEWEST_KNOWN = 40
_FOLDERS = "rehearse_class_folders"


def rehearse_project(
    project: Project, plan: Plan, *, sets: Sequence[str] = (), progress: Progress = silent
) -> RehearsalReport:
    """Rehearse on the images of a project whose classes are known.

    Known are the classes of its folders where the project was made for a rehearsal, else those
    that were imported as hidden, else the labels given so far (and the notes say what that means).

    sets : names of embedding sets, to compare encoders; the active one by default.

    Raises
    ------
    ColdstartError : nothing is embedded, a set is unknown, or too few classes are known.
    """
    return rehearse(
        known_classes(project, sets), plan, rehearsal_directory(project), progress=progress
    )


def rehearsal_directory(project: Project) -> Path:
    """Where the project's rehearsal is kept."""
    return project.directory / "rehearsal"


def project_report(project: Project) -> RehearsalReport | None:
    """What the project's rehearsal has found so far."""
    return read_report(rehearsal_directory(project))


def rehearse_folders(
    images: Path,
    directory: Path,
    plan: Plan,
    *,
    encoders: Sequence[str] = (),
    weights: Path | None = None,
    progress: Progress = silent,
) -> RehearsalReport:
    """Rehearse on a folder whose sub-folders are the classes; ``directory`` becomes a project.

    encoders : names to compare; the one that needs no download by default. weights : a checkpoint
    for those of them that take one.

    Raises
    ------
    ColdstartError : the folder has no sub-folders of images, or an encoder cannot be made.
    """
    from coldstart.workflow.embed import DEFAULT_ENCODER, embed, embedding_sets
    from coldstart.workflow.scan import scan

    images = images.expanduser().absolute()
    if (directory / SETTINGS_FILE).exists():
        project = Project.open(directory)
        if [root.resolve() for root in project.roots] != [images.resolve()]:
            raise ColdstartError(
                f"{directory} holds a rehearsal of other images.",
                "Choose another place with --to DIR.",
            )
    else:
        project = Project.create(
            directory, [images], name=f"Rehearsal of {images.name}", settings={_FOLDERS: True}
        )
    scan(project, progress=progress)
    names = []
    for encoder in encoders or [DEFAULT_ENCODER]:
        before = {one.name for one in embedding_sets(project)}
        own = weights if encoder != DEFAULT_ENCODER else None
        made = embed(project, encoder, weights=own, progress=progress)
        names.append(made.embedding_set)
        if made.embedding_set not in before:
            project = Project.open(project.directory)
    return rehearse_project(project, plan, sets=names, progress=progress)


def known_classes(project: Project, sets: Sequence[str] = ()) -> Known:
    """The vectors and the classes a rehearsal of this project goes by.

    Raises
    ------
    ColdstartError : nothing is embedded, a set is unknown, or too few classes are known.
    """
    from coldstart.workflow.embed import embedding_sets

    pool = load_pool(project)
    class_of, notes = _classes(project, pool)
    if len(class_of) < FEWEST_KNOWN:
        raise ColdstartError(
            f"The class of {len(class_of)} images is known; a rehearsal takes {FEWEST_KNOWN} "
            "at least.",
            "Take a folder with more images."
            if project.settings.get(_FOLDERS)
            else "Label more, or import the classes that are known on the Data page, hidden.",
        )
    finished = {one.name: one for one in embedding_sets(project)}
    vectors: dict[str, np.ndarray] = {}
    rows_of: dict[str, dict[int, int]] = {}
    for name in sets or [pool.embedding_set]:
        if name not in finished:
            raise ColdstartError(
                f"There is no embedding set “{name}” in {project.name}.",
                f"It has {', '.join(finished) or 'none'}.",
            )
        ids = np.asarray(finished[name].image_ids).tolist()
        rows_of[name] = {int(image_id): row for row, image_id in enumerate(ids)}
    shared = [
        row
        for row, image_id in enumerate(pool.image_ids.tolist())
        if image_id in class_of and all(image_id in rows for rows in rows_of.values())
    ]
    ids = pool.image_ids[shared].tolist()
    for name, rows in rows_of.items():
        found = np.asarray(finished[name].vectors[[rows[i] for i in ids]], dtype=np.float32)
        vectors[name] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return Known(
        name=project.name,
        vectors=vectors,
        class_names=[class_of[i] for i in ids],
        pictures=pool.hashes_of(shared),
        notes=notes,
    )


def hindsight(project: Project, *, progress: Progress = silent) -> Hindsight:
    """What as many random labels would have been worth as were given so far.

    Told from the audit: images drawn at random and labelled blind, of which no strategy knew.

    Raises
    ------
    ColdstartError : nothing is embedded, or there are too few labels of either kind.
    """
    from coldstart.rehearsal import random_in_hindsight

    pool = load_pool(project)
    chosen, _ = pool.training_labels()
    chosen = in_order_of_labelling(project, pool, chosen)
    name_of = dict(zip(pool.labelled.tolist(), pool.class_names, strict=True))
    reserve = set(pool.reserve)
    # Of each picture of the audit one copy, or the draw would not be a uniform one.
    audit = [row for row in pool.labelled.tolist() if int(pool.image_ids[row]) in reserve]
    return random_in_hindsight(
        np.ascontiguousarray(pool.vectors[chosen]),
        [name_of[row] for row in chosen.tolist()],
        np.ascontiguousarray(pool.vectors[audit]),
        [name_of[row] for row in audit],
        progress=progress,
    )


def _classes(project: Project, pool: ProjectPool) -> tuple[dict[int, str], list[str]]:
    """image_id -> class, and what is to be said about where they come from."""
    if project.settings.get(_FOLDERS):
        rows = project.store.images.get([int(i) for i in pool.image_ids])
        class_of = {
            image_id: Path(row.path).parts[0]
            for image_id, row in rows.items()
            if len(Path(row.path).parts) > 1
        }
        return class_of, []
    hidden = project.hidden_truth()
    if hidden:
        return hidden, ["The classes are those imported as hidden; no strategy saw them before."]
    ids = pool.image_ids[pool.labelled].tolist()
    note = (
        f"Rehearsed on the {len(ids):,} images labelled so far. They were not drawn at random, so "
        "random picks among them are better than random picks from the pool would be: what a "
        "strategy saves here is, if anything, too little."
    )
    return dict(zip(ids, pool.class_names, strict=True)), [note]
