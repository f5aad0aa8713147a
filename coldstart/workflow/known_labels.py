"""Labels that are there already: taken as labels, or hidden as the truth for rehearsals only."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.images.find import find_files
from coldstart.images.formats import is_image_candidate
from coldstart.labels.class_names import check_class_name
from coldstart.labels.coco import read_coco
from coldstart.labels.importing import read_label_csv
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.label import ImportReport, import_labels, match_paths

SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Folders that divide a data set; the classes are the folders below them."""

_LEAST_CLASSES, _MOST_CLASSES = 2, 1000
_IMPORT_CHUNK = 1000


@dataclass(frozen=True)
class ClassFolders:
    """Folders of a project that look like classes: class name -> how many images."""

    images: dict[str, int]

    @property
    def likely(self) -> bool:
        """Whether the folders may well be classes: several, and not one a picture."""
        total = sum(self.images.values())
        several = _LEAST_CLASSES <= len(self.images) <= _MOST_CLASSES
        return several and total >= 2 * len(self.images)


def class_folders(project: Project) -> ClassFolders:
    """The folders images lie in, as classes; images directly in a root have none."""
    return project.store.images.remembered("class folders", lambda: _count_folders(project))


def import_known(
    project: Project,
    source: Path | str | None = None,
    annotator: str = "import",
    *,
    hidden: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Take classes that are known, as labels or (``hidden``) as the truth of rehearsals.

    Parameters
    ----------
    source : a CSV with the columns ``path,class_name``, a COCO file (``.json``), or a folder with
        one folder a class, as other tools export it, whose files are matched by content. None
        takes the folders the project's own images lie in.
    annotator : whose labels they are.
    hidden : nothing but a rehearsal ever reads them; what was hidden before is replaced.

    Raises
    ------
    ColdstartError : the source cannot be read, or names no image of the project.
    """
    path = None if source is None else Path(source).expanduser()
    if path is not None and path.suffix.lower() != ".json" and not path.is_dir() and not hidden:
        return import_labels(project, path, annotator, progress=progress)
    unknown: list[str] = []
    ambiguous: list[str] = []
    if path is None:
        class_of = dict(_from_own_folders(project))
        shown = "the folders of the images"
    elif path.is_dir():
        class_of, unknown = _from_folder(project, path, progress)
        shown = str(path)
    else:
        shown = path.name
        if path.suffix.lower() == ".json":
            pairs, ambiguous = read_coco(path)
        else:
            pairs = read_label_csv(path)
        matched, unknown, unclear = match_paths(project, [name for name, _ in pairs])
        ambiguous += unclear
        class_of = {matched[name]: class_name for name, class_name in pairs if name in matched}
    if not class_of:
        raise ColdstartError(
            f"No class was found in {shown} for any image of this project.",
            "Scan the images first, and give one folder a class, a CSV path,class_name, or COCO.",
        )
    if hidden:
        project.store.truth.hide(class_of, shown)
    else:
        _store(project, class_of, annotator, progress)
    return ImportReport(len(class_of), len(set(class_of.values())), unknown, ambiguous)


def _count_folders(project: Project) -> ClassFolders:
    counts = Counter(name for _, path in project.store.images.paths() if (name := _folder(path)))
    return ClassFolders(dict(counts.most_common()))


def _folder(path: str) -> str | None:
    folders = path.split("/")[:-1]
    while folders and folders[0].lower() in SPLIT_FOLDERS:
        folders = folders[1:]
    return folders[0] if folders else None


def _from_own_folders(project: Project) -> Iterator[tuple[int, str]]:
    checked: dict[str, str | None] = {}
    for image_id, path in project.store.images.paths():
        name = _folder(path)
        if name is None:
            continue
        if name not in checked:
            try:
                checked[name] = check_class_name(name)
            except ColdstartError:
                checked[name] = None
        class_name = checked[name]
        if class_name is not None:
            yield image_id, class_name


def _from_folder(
    project: Project, folder: Path, progress: Progress
) -> tuple[dict[int, str], list[str]]:
    """Files below class folders elsewhere, matched by their content."""
    class_of: dict[int, str] = {}
    unknown: list[str] = []
    for done, found in enumerate(find_files(folder)):
        name = _folder(found.path)
        file = folder / found.path
        if name is None or not is_image_candidate(file):
            continue
        progress(done, None, "Comparing the files with the images")
        try:
            with file.open("rb") as opened:
                content_hash = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError:
            unknown.append(found.path)
            continue
        row = project.store.images.with_hash(content_hash)
        if row is None:
            unknown.append(found.path)
        else:
            class_of[row.image_id] = check_class_name(name)
    return class_of, unknown


def _store(
    project: Project, class_of: Mapping[int, str], annotator: str, progress: Progress
) -> None:
    labels = project.store.labels
    class_ids = {name: labels.add_class(name).class_id for name in sorted(set(class_of.values()))}
    current = labels.current(list(class_of))
    events = []
    for image_id, name in class_of.items():
        standing = current.get(image_id)
        if standing is not None and standing.class_id == class_ids[name]:
            continue
        # Named by what it says, so that a repeated import is the same event.
        before = 0 if standing is None else standing.event_id
        key = f"{image_id}/{class_ids[name]}/{annotator}/{before}"
        uuid = hashlib.sha256(key.encode()).hexdigest()[:32]
        events.append(
            NewEvent(uuid, image_id, annotator, "class", class_ids[name], origin="import")
        )
    for start in range(0, len(events), _IMPORT_CHUNK):
        project.store.label_writer.append(events[start : start + _IMPORT_CHUNK])
        progress(min(start + _IMPORT_CHUNK, len(events)), len(events), "Storing labels")
