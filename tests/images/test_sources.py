"""Where images come from: every source yields its files and gives each as a path that opens."""

from __future__ import annotations

import io
import json
import pickle
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from coldstart.errors import ColdstartError
from coldstart.images.fetched import fetched_path, sweep
from coldstart.images.read import ImageProblem, read_image
from coldstart.images.sources import Source, open_source


def png(color: tuple[int, int, int]) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(content, "PNG")
    return content.getvalue()


def source_of(place: Path | str, tmp_path: Path) -> Source:
    return open_source(str(place), cache=tmp_path / "cache")


def make_zip(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_a_zip_is_read_where_it_lies(tmp_path: Path) -> None:
    members = {"a/red.png": png((255, 0, 0)), "blau ü.png": png((0, 0, 255)), "notes.txt": b"x"}
    file = make_zip(tmp_path / "photos.zip", {**members, "__MACOSX/._red.png": b"junk", "a/": b""})
    source = source_of(file, tmp_path)
    found = {one.path: one for one in source.find()}
    assert set(found) == set(members)
    assert [path for path in found if source.is_candidate(path)] == ["a/red.png", "blau ü.png"]
    path = source.file("a/red.png")
    assert read_image(path).getpixel((0, 0)) == (255, 0, 0)
    assert read_image(pickle.loads(pickle.dumps(path))).getpixel((0, 0)) == (255, 0, 0)
    assert not path.exists()  # nothing is unpacked beside it
    assert path.local().read_bytes() == members["a/red.png"]
    with pytest.raises(ImageProblem) as gone:
        read_image(source.file("a/none.png"))
    assert gone.value.kind == "missing"


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/up.png", "C:\\up.png",
                                  "..\\up.png"])  # fmt: skip
def test_a_zip_that_climbs_out_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    file = make_zip(tmp_path / "bad.zip", {"ok.png": png((1, 2, 3)), name: png((1, 2, 3))})
    source = source_of(file, tmp_path)
    for look in (source.check, source.find):
        with pytest.raises(ColdstartError, match="climb out of it") as refused:
            look()
        assert refused.value.problem.count(". ") == 0


def test_a_damaged_zip_and_a_damaged_member_say_so(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"not a zip at all")
    with pytest.raises(ColdstartError, match="cannot be opened"):
        source_of(tmp_path / "no.zip", tmp_path).check()
    file = tmp_path / "spoiled.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", png((1, 2, 3)) + b"padding" * 200)
    content = bytearray(file.read_bytes())
    content[45:70] = b"\xff" * 25
    file.write_bytes(content)
    with pytest.raises(ImageProblem) as problem:
        read_image(source_of(file, tmp_path).file("a.png"))
    assert problem.value.kind == "unreadable"


def test_a_list_names_files_beside_it_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "else").mkdir()
    one, other = tmp_path / "in" / "one.png", tmp_path / "else" / "other.png"
    one.write_bytes(png((1, 1, 1)))
    other.write_bytes(png((2, 2, 2)))
    paths = ["./one.png", str(other), "gone.png", "one.png", ""]
    pd.DataFrame({"id": range(5), "path": paths}).to_csv(tmp_path / "in" / "l.csv", index=False)
    pd.DataFrame({"file_name": paths}).to_parquet(tmp_path / "in" / "l.parquet")
    (tmp_path / "in" / "l.tsv").write_text("x\tFilename\n" + "".join(f"1\t{p}\n" for p in paths))
    lines = [json.dumps({"image": path}) for path in paths]
    (tmp_path / "in" / "l.jsonl").write_text("\n".join(lines) + "\n")
    for name in ("l.csv", "l.parquet", "l.tsv", "l.jsonl"):
        source = source_of(tmp_path / "in" / name, tmp_path)
        source.check()
        assert [found.path for found in source.find()] == ["one.png", str(other), "gone.png"], name
        assert read_image(source.file(str(other))).getpixel((0, 0)) == (2, 2, 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [("l.csv", b"a,b\n1,2\n"), ("l.csv", b""), ("l.jsonl", b"{nonsense"), ("l.jsonl", b"[1]"),
     ("l.parquet", b"PAR1"), ("l.csv", b"path\n\xff\xfe\xfa\n")],
)  # fmt: skip
def test_a_list_that_is_none_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ColdstartError):
        list(source_of(tmp_path / name, tmp_path).find())


def test_a_place_by_url_is_fetched_when_opened(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/photos/deep/red.png", png((255, 0, 0)))
    memory.pipe("/photos/.hidden/x.png", b"x")
    memory.pipe("/photos-2/other.png", png((9, 9, 9)))
    source = source_of("memory://photos", tmp_path)
    assert [(one.path, one.size_bytes) for one in source.find()] == [
        ("deep/red.png", len(png((255, 0, 0))))
    ]
    path = source.file("deep/red.png", "1")
    assert read_image(path).getpixel((0, 0)) == (255, 0, 0)
    memory.rm("/photos", recursive=True)
    assert read_image(path).getpixel((0, 0)) == (255, 0, 0)  # from the copy
    with pytest.raises(ImageProblem):
        read_image(source.file("deep/red.png", "2"))
    with pytest.raises(ColdstartError, match="nothing at"):
        source.check()


@pytest.mark.parametrize("url", ["nosuch://x/y", "s3://a::file:///etc"])
def test_a_url_that_cannot_be_read_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ColdstartError):
        source_of(url, tmp_path).check()


def test_the_copies_stay_within_bounds_and_the_oldest_go_first(tmp_path: Path) -> None:
    import os

    for number in range(10):
        file = tmp_path / "ab" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * 100)
        age = time.time() - 1000 + number if number < 9 else time.time()
        os.utime(file, (age, age))
    assert sweep(tmp_path, 500) <= 500
    left = sorted(file.name for file in tmp_path.rglob("*.png"))
    assert "9.png" in left
    assert "0.png" not in left
    assert fetched_path(tmp_path / "ab" / "9.png", None, "").read_bytes() == b"x" * 100
