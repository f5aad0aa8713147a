"""The matrix on disk: what goes in comes out, and a write is seen whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as some_arrays

from coldstart.embeddings.matrix import (
    COMMITTED,
    EmbeddingSet,
    list_sets,
    unit_rows,
    write_set,
)
from coldstart.errors import ColdstartError


def _write(directory: Path, rows: int = 5, created_at: str = "2026-01-01") -> np.ndarray:
    vectors = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
    hashes = [f"hash{row}" for row in range(rows)]
    ids = [10 * row for row in range(rows)]
    meta = {"encoder": "folder", "created_at": created_at}
    write_set(directory, [vectors[:2], vectors[2:]], 3, ids, hashes, meta)
    return vectors


def test_what_is_written_is_read(tmp_path: Path) -> None:
    vectors = _write(tmp_path / "mine")
    opened = EmbeddingSet.open(tmp_path / "mine")
    assert opened.name == "mine"
    assert isinstance(opened.vectors, np.memmap)
    assert opened.vectors.dtype == np.float32
    np.testing.assert_array_equal(opened.vectors, vectors)
    assert opened.image_ids.dtype == np.int64
    assert opened.image_ids.tolist() == [0, 10, 20, 30, 40]
    assert opened.content_hashes == ["hash0", "hash1", "hash2", "hash3", "hash4"]
    assert opened.meta["complete"] is True
    assert (opened.meta["dimension"], opened.meta["images"]) == (3, 5)


def test_a_reader_keeps_what_it_opened_while_the_set_is_rewritten(tmp_path: Path) -> None:
    before = _write(tmp_path / "mine", rows=5)
    opened = EmbeddingSet.open(tmp_path / "mine")
    _write(tmp_path / "mine", rows=7)
    np.testing.assert_array_equal(opened.vectors, before)
    assert len(EmbeddingSet.open(tmp_path / "mine").vectors) == 7


def test_a_write_stopped_between_its_renames_is_finished_by_the_next_reader(tmp_path: Path) -> None:
    new = _write(tmp_path / "other", rows=7)
    _write(tmp_path / "mine", rows=5)
    # As after a power cut: one file renamed, two not yet.
    (tmp_path / "other/vectors.npy").replace(tmp_path / "mine/vectors.npy")
    for name in ("rows.parquet", "meta.json"):
        (tmp_path / "other" / name).replace(tmp_path / "mine" / f"{name}.new")
    (tmp_path / "mine" / COMMITTED).touch()
    (found,) = list_sets(tmp_path)
    np.testing.assert_array_equal(found.vectors, new)
    assert len(found.image_ids) == 7


def test_a_write_stopped_before_its_commit_leaves_the_old_set(tmp_path: Path) -> None:
    before = _write(tmp_path / "mine")

    def chunks() -> object:
        yield np.zeros((1, 3), np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path / "mine", chunks(), 3, [1, 2], ["a", "b"], {})  # type: ignore[arg-type]
    np.testing.assert_array_equal(EmbeddingSet.open(tmp_path / "mine").vectors, before)


def test_sets_are_listed_oldest_first_and_unfinished_ones_left_out(tmp_path: Path) -> None:
    assert list_sets(tmp_path / "nowhere") == []
    _write(tmp_path / "a", created_at="2026-02-02")
    _write(tmp_path / "b", created_at="2026-01-01")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/meta.json").write_text(json.dumps({"complete": False}))
    assert [found.name for found in list_sets(tmp_path)] == ["b", "a"]
    with pytest.raises(ColdstartError, match="not finished"):
        EmbeddingSet.open(tmp_path / "c")


@pytest.mark.parametrize("name", ["vectors.npy", "rows.parquet", "meta.json"])
def test_a_damaged_set_is_a_sentence(tmp_path: Path, name: str) -> None:
    _write(tmp_path / "mine")
    (tmp_path / "mine" / name).write_bytes(b"{not this")
    with pytest.raises(ColdstartError, match="damaged"):
        EmbeddingSet.open(tmp_path / "mine")


@given(
    some_arrays.arrays(
        np.float32,
        some_arrays.array_shapes(min_dims=2, max_dims=2),
        elements=some.floats(-1e3, 1e3, width=32),
    )
)
def test_rows_become_unit_length_in_the_same_direction(vectors: np.ndarray) -> None:
    unit = unit_rows(vectors)
    assert unit.dtype == np.float32
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(unit * lengths, vectors, rtol=1e-5, atol=1e-5)
    assert np.isfinite(unit).all()
