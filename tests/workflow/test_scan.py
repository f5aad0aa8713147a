"""Scanning a folder: everything is found, nothing is fatal, and only what changed is read again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled
from coldstart.project import Project
from coldstart.store import Images, NewEvent, memory
from coldstart.workflow import formats
from coldstart.workflow.formats import pool_formats
from coldstart.workflow.scan import scan, thumbnail_file


def images_of(project: Project) -> Path:
    return project.roots[0]


def test_every_image_is_found_and_has_a_thumbnail(project: Project) -> None:
    report = scan(project)
    assert (report.images, report.added, report.unreadable) == (6, 6, 0)
    for row in project.store.images.usable():
        assert row.content_hash is not None
        thumbnail = thumbnail_file(project, row.content_hash)
        assert thumbnail is not None
        assert thumbnail.exists()


def test_a_deleted_thumbnail_is_made_again_when_asked_for(project: Project) -> None:
    scan(project)
    shutil.rmtree(project.thumbnails)
    content_hash = project.store.images.usable()[0].content_hash
    assert content_hash is not None
    made = thumbnail_file(project, content_hash)
    assert made is not None
    assert made.stat().st_size > 100
    assert thumbnail_file(project, "0" * 64) is None
    assert thumbnail_file(project, "../../coldstart.toml") is None


def test_bad_files_are_listed_with_the_reason_and_do_not_stop_the_scan(project: Project) -> None:
    folder = images_of(project)
    (folder / "empty.jpg").touch()
    (folder / "letter.jpg").write_text("Dear Sir or Madam, this is not a picture at all.")
    whole = (folder / "b.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("not counted as an image")
    report = scan(project)
    assert (report.images, report.unreadable, report.other_files) == (6, 3, 1)
    problems = {row.path: row.problem for row in project.store.images.page("problem", 0, 10)}
    assert set(problems) == {"empty.jpg", "letter.jpg", "cut.jpg"}
    assert all(problem and problem.endswith(".") for problem in problems.values())


def test_a_second_scan_reads_only_what_changed(
    project: Project, make_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(project)
    make_image("new.png")
    make_image("a.png", color=(1, 2, 3))
    os.utime(images_of(project) / "a.png", ns=(1, 1))
    import coldstart.workflow.scan as module

    read: list[str] = []
    check = module.check_images

    def watched(paths, *args, **kwargs):  # type: ignore[no-untyped-def]
        paths = list(paths)
        read.extend(path.name for path in paths)
        return check(paths, *args, **kwargs)

    monkeypatch.setattr(module, "check_images", watched)
    report = scan(project)
    assert sorted(read) == ["a.png", "new.png"]
    assert (report.added, report.changed, report.unchanged, report.images) == (1, 1, 5, 7)


def test_a_moved_file_keeps_its_label_and_a_deleted_one_returns_with_it(project: Project) -> None:
    scan(project)
    rows = {row.path: row.image_id for row in project.store.images.usable()}
    cat = project.store.labels.add_class("cat").class_id
    project.store.labels.append(
        [
            NewEvent("u1", rows["a.png"], "anna", "class", cat),
            NewEvent("u2", rows["g.PNG"], "anna", "class", cat),
        ]
    )
    folder = images_of(project)
    (folder / "a.png").rename(folder / "deep" / "renamed.png")
    away = folder.parent / "away.png"
    (folder / "g.PNG").rename(away)
    report = scan(project)
    assert (report.moved, report.missing, report.images) == (1, 1, 5)
    moved = project.store.images.get([rows["a.png"]])[rows["a.png"]]
    assert moved.path == "deep/renamed.png"
    assert not moved.missing
    away.rename(folder / "g.PNG")
    scan(project)
    assert project.store.images.count("usable") == 6
    assert set(project.store.labels.current()) == {rows["a.png"], rows["g.PNG"]}


def test_a_cancelled_scan_keeps_what_it_has_and_goes_on(
    project: Project, make_image: Callable[..., Path]
) -> None:
    for number in range(40):
        make_image(f"many/{number}.png")

    def stop(done: int, total: int | None, message: str = "") -> None:
        if done >= 16:
            raise Cancelled

    with pytest.raises(Cancelled):
        scan(project, progress=stop)
    kept = project.store.images.count("usable")
    assert 0 < kept < 46
    report = scan(project)
    assert report.images == 46
    assert report.added == 46 - kept


def test_a_root_that_is_gone_is_refused_and_nothing_is_marked_missing(project: Project) -> None:
    scan(project)
    images_of(project).rename(images_of(project).with_name("elsewhere"))
    with pytest.raises(ColdstartError, match="does not exist"):
        scan(project)
    assert project.store.images.count("usable") == 6


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").write_text("nothing here")
    made = Project.create(tmp_path / "project", [tmp_path / "empty"])
    with pytest.raises(ColdstartError, match=r"No image was found .*1 other"):
        scan(made)
    made.store.close()


def test_folders_that_cannot_be_a_pool_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(ColdstartError) as refused:
            Project.create(tmp_path / "p", [folder])
        assert refused.value.remedy
    assert not (tmp_path / "p").exists()


def test_a_copied_project_works_elsewhere(tmp_path: Path) -> None:
    from coldstart.workflow.demo import write_digits

    home = tmp_path / "here"
    write_digits(home / "images")
    made = Project.create(home, [home / "images"])
    scan(made)
    made.store.close()
    shutil.copytree(home, tmp_path / "there")
    shutil.rmtree(home)
    copy = Project.open(tmp_path / "there")
    report = scan(copy)
    assert (report.unchanged + report.changed, report.missing) == (1797, 0)
    copy.store.close()


def test_a_second_folder_is_added_and_a_file_moved_there_keeps_its_label(
    project: Project, tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    scan(project)
    row = project.store.images.usable()[0]
    cat = project.store.labels.add_class("cat").class_id
    project.store.labels.append([NewEvent("a" * 32, row.image_id, "ann", "class", cat)])
    more = tmp_path / "more"
    make_image(more / "new.jpg")
    project.file_of(row).rename(more / "moved.jpg")

    project = project.add_images([more])
    report = scan(project)
    assert (report.images, report.added, report.moved) == (7, 1, 1)
    moved = project.store.images.get([row.image_id])[row.image_id]
    assert project.file_of(moved) == more / "moved.jpg"
    assert project.store.labels.current([row.image_id])[row.image_id].class_id == cat


def test_images_that_are_in_the_project_are_not_added_again(project: Project) -> None:
    folder = images_of(project)
    (folder / "inner").mkdir(exist_ok=True)
    for place, words in (
        (folder, "already"),
        (folder / "inner", "twice"),
        (folder.parent, "twice"),
        (folder / "nowhere", "does not exist"),
    ):
        with pytest.raises(ColdstartError, match=words):
            project.add_images([place])
    with pytest.raises(ColdstartError, match="twice"):
        Project.create(project.directory.with_name("other"), [folder, folder / "inner"])
    assert Project.open(project.directory).images == project.images


def test_formats_are_counted_again_only_when_an_image_has_changed(
    project: Project, make_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_WORTH_A_FILE", 1)
    scan(project)
    first = pool_formats(project)
    assert sum(number for _, number in first.counts) == 6
    memory.forget(str(project.store.url))
    with monkeypatch.context() as context:
        context.delattr(Images, "formats")  # the file says it all
        assert pool_formats(project) == first
    make_image("more.bmp", size=(900, 20))
    scan(project)
    second = pool_formats(project)
    assert dict(second.counts) == dict(first.counts) | {"BMP": 1 + dict(first.counts)["BMP"]}
    assert second.sizes is not None
    assert second.sizes[1:3] == (20, 900)
