"""Exact copies of a picture: embedded, labelled and counted once, through the whole chain."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from coldstart.labels.manifest import read_manifest
from coldstart.labels.split import split_of
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow import pictures
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.export import export
from coldstart.workflow.label import append_events
from coldstart.workflow.pool import load_pool
from coldstart.workflow.scan import scan
from coldstart.workflow.select import select
from coldstart.workflow.train import predictions, train


@pytest.fixture
def copied(tmp_path: Path, make_image: Callable[..., Path]) -> Iterator[Project]:
    """Twelve pictures; number 0 lies there three times, number 1 twice."""
    for number in range(12):
        make_image(f"{number:02}.png")
    folder = tmp_path / "images"
    for copy in ("00 again.png", "more/00.png"):
        (folder / copy).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "00.png", folder / copy)
    shutil.copy(folder / "01.png", folder / "01 again.png")
    made = Project.create(tmp_path / "project", [folder])
    scan(made)
    rows = sorted(made.store.images.usable(), key=lambda row: row.path)
    vectors = np.random.default_rng(0).normal(size=(len(rows), 4)).astype(np.float32)
    by_content = {row.content_hash: vector for row, vector in zip(rows, vectors, strict=True)}
    file = tmp_path / "mine.npy"
    np.save(file, np.stack([by_content[row.content_hash] for row in rows]))
    import_vectors(made, file)
    yield Project.open(made.directory)
    made.store.close()


def ids_of(project: Project) -> dict[str, int]:
    return {row.path: row.image_id for row in project.store.images.usable()}


def answer(project: Project, **class_of: str) -> None:
    """Label images named by path, written as keywords with the ending left out."""
    ids = ids_of(project)
    events = []
    for name, class_name in class_of.items():
        image_id = ids[name.removeprefix("_").replace("_", " ").replace("/", "") + ".png"]
        class_id = project.store.labels.add_class(class_name).class_id
        events.append(NewEvent(f"{image_id} {class_name}", image_id, "ann", "class", class_id))
    assert append_events(project, events) == {}


def classes_by_path(project: Project) -> dict[str, str]:
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    rows = project.store.images.get(sorted(project.store.labels.current()))
    current = project.store.labels.current()
    return {rows[one].path: names[answer.class_id or 0] for one, answer in current.items()}


def test_copies_are_one_row_of_the_pool_and_count_as_so_many(copied: Project) -> None:
    pool = load_pool(copied)
    assert len(pool.image_ids) == 12
    assert len(set(pool.content_hashes)) == 12
    assert sorted(pool.copies.tolist()) == [1] * 10 + [2, 3]
    assert pool.for_selection(with_labels=False).mass.sum() == 15
    assert pool.without_vector == 0


def test_the_next_process_reads_the_pool_from_a_file_until_an_image_changes(
    copied: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_WORTH_FILES", 1)
    monkeypatch.setattr(pictures, "_kept", {})
    first = load_pool(copied).pictures
    monkeypatch.setattr(pictures, "_kept", {})
    with monkeypatch.context() as context:
        context.delattr(pictures, "_read")  # the file says it all
        again = load_pool(copied).pictures
    assert again.content_hashes == first.content_hashes
    for name in ("vectors", "image_ids", "copies", "all_ids", "row_of_all"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    gone = copied.sources[0].file("05.png")
    assert isinstance(gone, Path)
    gone.unlink()
    scan(copied)
    monkeypatch.setattr(pictures, "_kept", {})
    assert len(load_pool(copied).image_ids) == 11


def test_a_label_on_any_copy_is_the_label_of_all_and_of_those_found_later(
    copied: Project, tmp_path: Path
) -> None:
    answer(copied, _00_again="cat")
    three = {"00.png": "cat", "00 again.png": "cat", "more/00.png": "cat"}
    assert classes_by_path(copied) == three
    ids = list(ids_of(copied).values())
    assert copied.store.labels.current(ids) == copied.store.labels.current()
    # Answered on another copy, it is changed for all; nothing is counted twice.
    answer(copied, _00="dog")
    assert set(classes_by_path(copied).values()) == {"dog"}
    folder = tmp_path / "images"
    shutil.copy(folder / "00.png", folder / "later.png")
    scan(copied)
    assert classes_by_path(copied) == dict.fromkeys([*three, "later.png"], "dog")
    assert copied.store.images.count("unlabelled") == 12
    assert len(load_pool(copied).labelled) == 1


def test_a_copy_that_becomes_another_picture_leaves_the_label_behind(
    copied: Project, tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    answer(copied, _01="cat")
    make_image("01.png", color=(9, 9, 9))
    os.utime(tmp_path / "images" / "01.png", ns=(5, 5))
    scan(copied)
    assert classes_by_path(copied)["01 again.png"] == "cat"


def test_deleting_the_copy_that_was_labelled_keeps_the_label(
    copied: Project, tmp_path: Path
) -> None:
    answer(copied, _01="cat")
    (tmp_path / "images" / "01.png").unlink()
    scan(copied)
    assert classes_by_path(copied)["01 again.png"] == "cat"
    pool = load_pool(copied)
    assert (len(pool.image_ids), pool.class_names) == (12, ["cat"])


def test_queue_training_predictions_and_manifest_know_of_the_copies(
    copied: Project, tmp_path: Path
) -> None:
    answer(copied, _00="cat", _01_again="dog", _02="cat", _03="dog", _04="cat", _05="dog")
    queued = select(copied, "random", 6).image_ids
    contents = [copied.store.images.get(queued)[one].content_hash for one in queued]
    answered = {copied.store.images.get([one])[one].content_hash for one in ids_of(copied).values()
                if one in copied.store.labels.current()}  # fmt: skip
    assert len(set(contents)) == 6
    assert not set(contents) & answered
    report = train(copied)
    assert report.labels == 6
    said = predictions(copied)
    assert said is not None
    assert sorted(said["path"]) == sorted(ids_of(copied))
    assert said.groupby("content_hash")["predicted_class"].nunique().max() == 1
    export(copied, "csv", tmp_path / "m.csv")
    table = read_manifest(tmp_path / "m.csv")
    assert len(table) == 9
    assert table.groupby("content_hash")["class_name"].nunique().max() == 1
    assert table.groupby("content_hash")["split"].nunique().max() == 1
    assert [split_of(one) for one in table["content_hash"]] == table["split"].tolist()
