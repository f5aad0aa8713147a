"""Labels leave a project in every format and come back the same; nothing is ever half there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coldstart.errors import ColdstartError
from coldstart.labels.folders import SIDECAR, folder_name
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.export import EXPORT_FORMATS, export, manifest_rows
from coldstart.workflow.label import import_labels
from coldstart.workflow.scan import scan

NAMES = ["=cmd|' /C calc'!A0", "🐈 cat, big", "a/b\\c", ".hidden", "x" * 100, "🐈" * 100]
SUFFIX = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet", "coco": ".json"}


@pytest.fixture
def labelled(project: Project, make_image: Callable[..., Path]) -> Project:
    """Nine images: six classes with hard names, one each unsure, skipped and excluded."""
    for number in range(3):
        make_image(f"more/{number}, 100% 'é'.png")
    scan(project)
    ids = [row.image_id for row in project.store.images.usable()]
    events = []
    for image_id, name in zip(ids, NAMES, strict=False):
        class_id = project.store.labels.add_class(name).class_id
        events += [
            NewEvent(f"{image_id}{who}", image_id, who, "class", class_id)
            for who in ("anna", "ben; the 2nd")
        ]
    for image_id, kind in zip(ids[6:], ("unsure", "skipped", "excluded"), strict=True):
        events.append(NewEvent(f"{image_id}", image_id, "cleo", kind))
    project.store.labels.append(events)
    return project


def labels_of(project: Project) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    return {row.path: (row.state, row.class_name, row.annotators) for row in manifest_rows(project)}


@pytest.fixture
def twin(labelled: Project, tmp_path: Path) -> Project:
    """Another project over the same images, without a label."""
    made = Project.create(tmp_path / "twin", labelled.roots)
    scan(made)
    return made


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_what_goes_out_comes_in_the_same(
    labelled: Project, twin: Project, tmp_path: Path, format: str, links: bool
) -> None:
    file = tmp_path / f"out{SUFFIX.get(format, '')}"
    assert export(labelled, format, file, links=links).images == 9
    report = import_labels(twin, file)
    assert (report.labelled, report.unknown_paths, report.ambiguous_paths) == (9, [], [])
    assert labels_of(twin) == labels_of(labelled)
    assert import_labels(twin, file).labelled == 0  # twice changes nothing
    assert len(twin.store.labels.events()) == 15
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_tree_of_class_folders_is_torchvisions(labelled: Project, tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    export(labelled, "imagefolder", tmp_path / "tree")
    found = ImageFolder(str(tmp_path / "tree"))
    assert len(found) == 6
    assert set(found.classes) == {folder_name(name) for name in NAMES}


def test_a_file_moved_to_another_folder_has_another_class(
    labelled: Project, twin: Project, tmp_path: Path
) -> None:
    export(labelled, "imagefolder", tmp_path / "tree")
    (file,) = (tmp_path / "tree" / folder_name(NAMES[0])).iterdir()
    (tmp_path / "tree" / "wolf").mkdir()
    file.rename(tmp_path / "tree" / "wolf" / "renamed.png")
    import_labels(twin, tmp_path / "tree", "dora")
    moved = [row for row in labels_of(twin).values() if row[1] == "wolf"]
    assert moved == [("class", "wolf", ("dora",))]


def test_moved_images_are_found_by_their_content(
    labelled: Project, twin: Project, tmp_path: Path
) -> None:
    export(labelled, "jsonl", tmp_path / "m.jsonl")
    (tmp_path / "images" / "a.png").rename(tmp_path / "images" / "z.png")
    scan(twin)
    import_labels(twin, tmp_path / "m.jsonl")
    assert labels_of(twin)["z.png"] == labels_of(labelled)["a.png"]


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_half_a_file_is_refused_in_a_sentence_and_takes_nothing(
    labelled: Project, twin: Project, tmp_path: Path, format: str
) -> None:
    place = tmp_path / f"out{SUFFIX.get(format, '')}"
    export(labelled, format, place)
    file = place
    if place.is_dir():
        file = place / ("metadata.csv" if format == "hf" else SIDECAR)
    data = file.read_bytes()
    # Amid a row: half a file whose rows are all whole cannot be told from a whole one.
    file.write_bytes(data[: data.rfind(b"\n", 0, len(data) // 2) + 8])
    with pytest.raises(ColdstartError) as refused:
        import_labels(twin, place)
    assert refused.value.remedy
    assert twin.store.labels.events() == []


def test_an_export_never_writes_over_a_folder_and_leaves_nothing_half(
    labelled: Project, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    for format in ("imagefolder", "hf"):
        with pytest.raises(ColdstartError, match="something at"):
            export(labelled, format, tmp_path / "taken")
        (tmp_path / "images" / "b.jpg").rename(tmp_path / "b.jpg")
        with pytest.raises(ColdstartError, match="gone"):
            export(labelled, format, tmp_path / "new")
        (tmp_path / "b.jpg").rename(tmp_path / "images" / "b.jpg")
        assert not (tmp_path / "new").exists()
    assert sorted(os.listdir(tmp_path)) == ["images", "project", "taken"]


def test_coco_is_as_the_format_says(labelled: Project, tmp_path: Path) -> None:
    export(labelled, "coco", tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    names = {one["id"]: one["name"] for one in content["categories"]}
    assert sorted(names.values()) == sorted(NAMES)
    images = {one["id"]: one for one in content["images"]}
    assert {one["image_id"] for one in content["annotations"]} <= set(images)
    assert all((one["width"], one["height"]) == (40, 30) for one in images.values())


def test_labels_as_of_a_moment(labelled: Project, tmp_path: Path) -> None:
    events = labelled.store.labels.events()
    then = events[-1].at
    (first,) = [row.image_id for row in labelled.store.images.usable()][:1]
    with labelled.store._engine.begin() as connection:  # an hour later anna takes hers back
        from coldstart.store.schema import label_events

        late = vars(NewEvent("late", first, "anna", "cleared")) | {"at": then + 3600}
        late |= {"suggestion": None, "step": None, "step_action": None}
        connection.execute(label_events.insert(), [late])
    now = {row.path: row.annotators for row in manifest_rows(labelled)}
    before = {row.path: row.annotators for row in manifest_rows(labelled, as_of=then + 1)}
    path = labelled.store.images.get([first])[first].path
    assert (now[path], before[path]) == (("ben; the 2nd",), ("anna", "ben; the 2nd"))
