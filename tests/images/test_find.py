"""Finding files: everything below a folder, whatever the nesting and naming."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coldstart.errors import ColdstartError
from coldstart.images.find import find_files
from coldstart.images.formats import is_image_candidate


def _touch(file: Path, content: bytes = b"x") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_finds_every_file_whatever_the_nesting_in_an_order_that_stays(tmp_path: Path) -> None:
    names = ["b.jpg", "a/z.png", "a/deep/er/x.tif", "a/ünï cödé 🙂.webp", "no_ending"]
    for name in reversed(names):
        _touch(tmp_path / name)
    found = [f.path for f in find_files(tmp_path)]
    assert sorted(found) == sorted(names)
    assert found == [f.path for f in find_files(tmp_path)]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    file = _touch(tmp_path / "a.jpg", b"12345")
    (found,) = find_files(tmp_path)
    assert found.size_bytes == 5
    assert found.mtime_ns == file.stat().st_mtime_ns


def test_hidden_files_and_what_a_project_writes_are_left_out(tmp_path: Path) -> None:
    for name in (
        ".DS_Store",
        ".git/objects/a.png",
        "project/coldstart.toml",
        "project/thumbnails/ab/x.jpg",
        "project/images/mine.jpg",
        "thumbnails/also_mine.jpg",
    ):
        _touch(tmp_path / name)
    found = {f.path for f in find_files(tmp_path)}
    assert found == {
        "project/coldstart.toml",
        "project/images/mine.jpg",
        "thumbnails/also_mine.jpg",
    }


def test_a_loop_of_links_ends_and_a_broken_link_is_still_seen(tmp_path: Path) -> None:
    _touch(tmp_path / "a/x.jpg")
    (tmp_path / "a/back").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a/x.jpg")
    assert {f.path for f in find_files(tmp_path)} == {"a/x.jpg", "broken.jpg", "link.jpg"}


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    raw = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg")
    try:
        with open(raw, "wb") as file:
            file.write(b"x")
    except OSError:  # the file system itself (macOS) refuses such names: then there are none
        return
    (found,) = find_files(tmp_path)
    assert os.fsencode(found.path) == b"caf\xe9.jpg"
    assert (tmp_path / found.path).read_bytes() == b"x"


def test_an_unreadable_folder_is_reported_and_the_rest_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path / "open/a.jpg")
    _touch(tmp_path / "shut/b.jpg")
    real = os.scandir

    def scandir(path: str | Path) -> object:
        if str(path).rstrip("/").endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    reported: list[tuple[str, str]] = []
    found = [f.path for f in find_files(tmp_path, lambda *told: reported.append(told))]
    assert found == ["open/a.jpg"]
    assert reported == [("shut", "Permission denied")]


def test_a_wrong_root_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="does not exist"):
        find_files(tmp_path / "nowhere")
    with pytest.raises(ColdstartError, match="not a folder"):
        find_files(_touch(tmp_path / "file.jpg"))


@pytest.mark.parametrize(
    ("name", "content", "candidate"),
    [
        ("text.jpg", b"hello", True),
        ("PHOTO.JPEG", b"", True),
        ("photo", b"\xff\xd8\xff\xe0", True),
        ("picture.dat", b"\x89PNG\r\n\x1a\n", True),
        ("notes.txt", b"hello", False),
        ("BMtext", b"BM is how this text begins, no image", False),
        ("empty", b"", False),
    ],
)
def test_what_counts_as_an_image(
    tmp_path: Path, name: str, content: bytes, candidate: bool
) -> None:
    assert is_image_candidate(_touch(tmp_path / name, content)) is candidate


def test_a_vanished_file_without_an_ending_is_no_candidate(tmp_path: Path) -> None:
    assert not is_image_candidate(tmp_path / "gone")
