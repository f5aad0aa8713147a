"""What a shared server opens, reads and writes: its allow-lists, and nothing beside them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from coldstart.errors import ColdstartError
from coldstart.images.sources import open_source
from coldstart.project import SETTINGS_FILE, Project
from coldstart.workflow.projects import (
    check_allowed,
    check_export_place,
    new_project,
    open_served,
    subfolders,
)
from coldstart.workflow.scan import scan


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_image) -> Path:
    """A server that may read ``images`` and nothing else; ``secret`` lies beside it."""
    make_image("a.png")
    (tmp_path / "secret").mkdir()
    (tmp_path / "images" / "a.png").rename(tmp_path / "secret" / "s.png")
    make_image("a.png")
    monkeypatch.setenv("COLDSTART_ROOTS", str(tmp_path / "images"))
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.delenv("COLDSTART_URLS", raising=False)
    return tmp_path / "images"


def test_no_way_of_writing_a_path_leads_out(allowed: Path) -> None:
    assert check_allowed(allowed) == str(allowed)
    (allowed / "link").symlink_to(allowed.parent / "secret")
    outside = [
        allowed / "..",
        allowed / ".." / "secret",
        allowed / "link",
        allowed.parent / "secret",
        Path("/etc"),
        Path("/"),
        str(allowed) + "-beside",
        f"'{allowed.parent}/secret'",
        "~",
    ]
    for place in outside:
        with pytest.raises(ColdstartError, match="outside the folders this server may read"):
            check_allowed(place)
        with pytest.raises(ColdstartError):
            subfolders(Path(place))
    for place in ("images", "../images", "", "a\0b"):
        with pytest.raises(ColdstartError):
            check_allowed(place)


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/photos", "file:///etc", "http://10.0.0.1/", "memory://x", "hf://datasets/a/b"],
)
def test_no_url_is_read_unless_it_is_named(
    url: str, allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ColdstartError):
        check_allowed(url)
    monkeypatch.setenv("COLDSTART_URLS", "s3://bucket/other hf://datasets/a/c")
    with pytest.raises(ColdstartError):
        check_allowed(url)
    with pytest.raises(ColdstartError):
        check_allowed("s3://bucket/other/../photos")


def test_a_project_that_names_a_url_or_a_folder_outside_is_not_opened(
    allowed: Path, tmp_path: Path
) -> None:
    directory = new_project("mine", [allowed]).directory
    settings = directory / SETTINGS_FILE
    before = settings.read_text()
    assert open_served(directory).name == "mine"
    for place in ("s3://bucket/photos", "file:///etc", str(tmp_path / "secret")):
        project = Project.open(directory)
        settings.write_text(
            "\n".join(
                f'images = ["{place}"]' if line.startswith("images") else line
                for line in before.splitlines()
            )
        )
        project.store.close()
        with pytest.raises(ColdstartError):
            open_served(directory)


def test_lists_and_zips_obey_the_same_list(allowed: Path, tmp_path: Path) -> None:
    # A list that lies inside may still name files outside: those are not taken.
    for text in ("../secret/s.png", str(tmp_path / "secret" / "s.png"), "a.png"):
        with (allowed / "list.csv").open("a") as lines:
            lines.write(f"path\n{text}\n" if lines.tell() == 0 else f"{text}\n")
    (allowed / "out.png").symlink_to(tmp_path / "secret" / "s.png")
    project = new_project("listed", [allowed / "list.csv"])
    scan(project)
    assert [row.path for row in project.store.images.usable()] == ["a.png"]
    project.store.close()
    with pytest.raises(ColdstartError, match="outside"):
        check_allowed(tmp_path / "secret" / "list.csv")
    climbing = allowed / "climbing.zip"
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("../../s.png", b"x")
    with pytest.raises(ColdstartError):
        check_allowed(climbing)
    with pytest.raises(ColdstartError):
        open_source(str(climbing), cache=tmp_path / "cache").check()


def test_exports_stay_in_the_projects_own_folder(
    allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project("mine", [allowed])
    exports = project.directory / "exports"
    assert check_export_place(project, "labels") == exports / "labels"
    assert check_export_place(project, str(exports / "a" / "b")) == exports / "a" / "b"
    exports.mkdir(exist_ok=True)
    (exports / "link").symlink_to(tmp_path)
    for place in ("", "..", "../coldstart.db", str(allowed / "x"), "/etc/x", "link/x", ".", "a\0"):
        with pytest.raises(ColdstartError, match=r"may not write|No place"):
            check_export_place(project, place)
    # A server that one person runs for themselves writes where that person works.
    monkeypatch.delenv("COLDSTART_ROOTS")
    monkeypatch.chdir(tmp_path)
    assert check_export_place(project, str(tmp_path / "out")) == tmp_path / "out"
    project.store.close()
