"""Manifests come back as they were written, in all three formats."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.errors import ColdstartError
from coldstart.labels.cells import (
    decode_path,
    encode_path,
    escape_cell,
    join_names,
    split_names,
    unescape_cell,
)
from coldstart.labels.manifest import (
    MANIFEST_COLUMNS,
    MANIFEST_FORMATS,
    ManifestRow,
    read_manifest,
    write_manifest,
)
from coldstart.labels.split import split_of

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.one_of(text, text.map("=".__add__), text.map("'".__add__), text.map("bytes:".__add__))
paths = st.one_of(words, st.binary(max_size=12).map(os.fsdecode), st.just("a\\b;c\r\nd"))
numbers = st.one_of(st.none(), st.integers(0, 2**53))
rows = st.builds(
    ManifestRow,
    path=paths,
    content_hash=st.text("0123456789abcdef", min_size=1, max_size=8),
    class_name=words,
    state=st.sampled_from(["class", "skipped", "unsure", "excluded"]),
    annotators=st.lists(words.filter(bool), max_size=3).map(tuple),
    agreement=st.floats(0, 1, exclude_min=True),
    origin=st.sampled_from(["human", "import"]),
    query_batch=numbers,
    rank=numbers,
    strategy=words,
    labelled_at=words,
)


@pytest.mark.parametrize("format", MANIFEST_FORMATS)
@settings(max_examples=60, deadline=None)
@given(written=st.lists(rows, max_size=6))
def test_round_trip(format: str, written: list[ManifestRow]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"manifest{MANIFEST_FORMATS[format].suffix}"
        assert write_manifest(written, file) == len(written)
        table = read_manifest(file)
    assert list(table.columns) == list(MANIFEST_COLUMNS)
    assert str(table["rank"].dtype) == str(table["query_batch"].dtype) == "Int64"
    assert table["agreement"].dtype == float
    for row, (_, found) in zip(written, table.iterrows(), strict=True):
        expected = asdict(row)
        for name in MANIFEST_COLUMNS:
            value = found[name]
            if name == "annotators":
                assert split_names(value) == row.annotators
            elif name in ("query_batch", "rank"):
                assert (None if value is pd.NA else int(value)) == expected[name]
            else:
                assert value == expected[name]


def test_columns_and_order_are_fixed() -> None:
    assert ",".join(MANIFEST_COLUMNS) == (
        "path,content_hash,class_name,state,annotators,agreement,split,origin,query_batch,rank,"
        "strategy,labelled_at"
    )


EVIL = ManifestRow(
    path="=cmd|' /C calc'!A0",
    content_hash="ab",
    class_name="@SUM(1)",
    annotators=("-1+1", "ben"),
    agreement=0.5,
    strategy="＝1",
    labelled_at="2026-01-02T03:04:05Z",
)


def test_no_csv_cell_is_a_formula(tmp_path: Path) -> None:
    write_manifest([EVIL], tmp_path / "m.csv")
    with open(tmp_path / "m.csv", encoding="utf-8", newline="") as stream:
        cells = next(csv.DictReader(stream))
    assert not [cell for cell in cells.values() if cell[:1] in set("=+-@＝＋－＠\t\r\n")]
    assert cells["path"] == "'=cmd|' /C calc'!A0"


def test_json_and_parquet_hold_the_text_itself(tmp_path: Path) -> None:
    write_manifest([EVIL], tmp_path / "m.jsonl")
    write_manifest([EVIL], tmp_path / "m.parquet")
    assert json.loads((tmp_path / "m.jsonl").read_text())["path"] == EVIL.path
    assert pd.read_parquet(tmp_path / "m.parquet")["class_name"][0] == EVIL.class_name


@pytest.mark.parametrize("format", MANIFEST_FORMATS)
def test_file_names_that_are_not_text(tmp_path: Path, format: str) -> None:
    """A Latin-1 file name reaches us with a half character in it."""
    path = os.fsdecode(b"holiday/caf\xe9.jpg")
    file = tmp_path / f"m{MANIFEST_FORMATS[format].suffix}"
    write_manifest([ManifestRow(path=path, content_hash="0", annotators=("\ud800",))], file)
    assert read_manifest(file)["path"][0] == path
    if format != "parquet":
        assert "bytes:holiday/caf%E9.jpg" in file.read_text(encoding="utf-8")


@given(st.text())
def test_cells(cell: str) -> None:
    assert unescape_cell(escape_cell(cell)) == cell


@given(st.binary())
def test_paths(name: bytes) -> None:
    path = os.fsdecode(name)
    encode_path(path).encode("utf-8")
    assert decode_path(encode_path(path)) == path


@given(st.lists(st.text(min_size=1)))
def test_names_in_one_cell(names: list[str]) -> None:
    assert split_names(join_names(names)) == tuple(names)


def test_the_usual_cell_reads_well() -> None:
    assert join_names(["anna", "ben"]) == "anna; ben"


def test_split_is_by_content_and_about_a_fifth() -> None:
    hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(20_000)]
    share = sum(split_of(content_hash) == "test" for content_hash in hashes) / len(hashes)
    assert 0.18 < share < 0.22
    # The very rule, so that manifests of different versions agree.
    assert [i for i in range(10) if split_of(str(i)) == "test"] == [2, 4]


def test_copies_share_a_side_and_states_have_none() -> None:
    one = ManifestRow(path="a", content_hash="12", class_name="cat")
    copy = ManifestRow(path="b", content_hash="12", class_name="dog")
    assert one.split == copy.split != ""
    assert ManifestRow(path="c", content_hash="12", state="unsure").split == ""
    assert ManifestRow(path="c", content_hash="12", split="audit").split == "audit"


def test_a_failed_export_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    write_manifest([EVIL], file)
    before = file.read_bytes()

    def breaks() -> Iterator[ManifestRow]:
        yield EVIL
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        write_manifest(breaks(), file)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.csv"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="cannot be written"):
        write_manifest([EVIL], tmp_path / "no such folder" / "m.csv")
    with pytest.raises(ColdstartError, match="cannot be written"):
        write_manifest([EVIL], tmp_path, format="csv")
    with pytest.raises(ColdstartError, match="format “xlsx”"):
        write_manifest([EVIL], tmp_path / "m.csv", format="xlsx")
    with pytest.raises(ColdstartError, match="does not say which format"):
        write_manifest([EVIL], tmp_path / "m.xlsx")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", b""),
        ("m.csv", b"path,class_name\na,b\n"),
        ("m.csv", b"\xff\xfe\x00"),
        ("m.csv", ",".join(MANIFEST_COLUMNS).encode() + b"\na,b\n"),
        ("m.csv", ",".join(MANIFEST_COLUMNS).encode() + b"\na,b,c,class,,much,,,,,,\n"),
        ("m.jsonl", b"not json\n"),
        ("m.jsonl", b"[1]\n"),
        ("m.jsonl", b'{"path": "a"}\n'),
        ("m.parquet", b"PAR1"),
        ("m.parquet", b""),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ColdstartError, match="not a manifest"):
        read_manifest(tmp_path / name)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="no manifest at"):
        read_manifest(tmp_path / "m.csv")
