"""Class names, and labels that come from a CSV file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from coldstart.errors import ColdstartError
from coldstart.labels.importing import check_class_name, read_label_csv
from coldstart.labels.manifest import ManifestRow, write_manifest


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" cat ", "cat"),
        ("white  cat", "white  cat"),
        ("cafe\u0301", "café"),
        ("猫", "猫"),
        ("🐈", "🐈"),
        ("=1+1", "=1+1"),
        ("x" * 100, "x" * 100),
    ],
)
def test_names_that_are_fine(typed: str, stored: str) -> None:
    assert check_class_name(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "\u200b", "x" * 101, "a\nb", "a\x00b", "a\x7fb", "\ud800", "a\u2028b", "a\u202eb"],
)
def test_names_that_are_refused(typed: str) -> None:
    with pytest.raises(ColdstartError) as refused:
        check_class_name(typed)
    assert refused.value.remedy
    str(refused.value).encode("utf-8")  # the sentence itself can be shown


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_ways_spreadsheets_save(
    tmp_path: Path, delimiter: str, encoding: str, line_end: str
) -> None:
    lines = [["path", "class_name"], ["a/1.jpg", " Käse "], ["b.jpg", "Brot"], []]
    file = tmp_path / "labels.csv"
    file.write_bytes(line_end.join(delimiter.join(line) for line in lines).encode(encoding))
    assert read_label_csv(file) == [("a/1.jpg", "Käse"), ("b.jpg", "Brot")]


def test_other_columns_order_and_quotes() -> None:
    text = 'Class_Name,note,Path\n"big, red",x,"a,b.jpg"\n'
    assert read_label_csv(io.BytesIO(text.encode())) == [("a,b.jpg", "big, red")]


def test_the_same_line_twice_is_one_label() -> None:
    assert read_label_csv(io.BytesIO(b"path,class_name\na,cat\na,cat\n")) == [("a", "cat")]


def test_our_own_manifest_comes_back(tmp_path: Path) -> None:
    rows = [
        ManifestRow(path="=1.jpg", content_hash="0", class_name="'tis"),
        ManifestRow(path="caf\udce9.jpg", content_hash="1", class_name="-"),
        ManifestRow(path="skipped.jpg", content_hash="2", state="skipped"),
    ]
    write_manifest(rows, tmp_path / "m.csv")
    assert read_label_csv(tmp_path / "m.csv") == [("=1.jpg", "'tis"), ("caf\udce9.jpg", "-")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "path and class_name"),
        (b"file,label\na,b\n", "path and class_name"),
        (b"path,class_name\na,\n", "Line 2"),
        (b"path,class_name\na,cat\n,dog\n", "Line 3"),
        (b"path,class_name\na\n", "Line 2"),
        (b"path,class_name\na,cat\na,dog\n", "two classes: cat in line 2 and dog in line 3"),
        (b"path,class_name\ncaf\xe9,cat\n", "UTF-8"),
    ],
)
def test_what_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ColdstartError, match=says) as refused:
        read_label_csv(io.BytesIO(content))
    assert refused.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="cannot be read"):
        read_label_csv(tmp_path / "none.csv")
