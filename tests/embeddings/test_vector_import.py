"""A person's own vectors: read from any file, checked against the images, never unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import safetensors.torch
import torch

from coldstart.embeddings.importing import match_rows, read_paths, read_vectors
from coldstart.embeddings.vector_files import read_matrix
from coldstart.errors import ColdstartError

VECTORS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
UNIT = (VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)).astype(np.float32)
NAMES = ["a.jpg", "b.jpg", "sub/a.jpg", "sub/c.jpg"]


class Bad:
    """What no reader may ever build."""


def _save(file: Path, content: Any, names: list[str] | None = None) -> Path:
    tensor = torch.from_numpy(content)
    if file.suffix == ".npy":
        np.save(file, content)
    elif file.suffix == ".npz":
        np.savez(file, embeddings=content, **({"paths": np.array(names)} if names else {}))
    elif file.suffix in (".pth", ".pt"):
        torch.save({"embeddings": tensor, "filenames": names} if names else tensor, file)
    elif file.suffix == ".safetensors":
        safetensors.torch.save_file({"embeddings": tensor}, file)
    else:
        columns: dict[str, Any] = {"vector": list(content)}
        pyarrow.parquet.write_table(
            pyarrow.table(columns | ({"path": names} if names else {})), file
        )
    return file


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pth", ".pt", ".safetensors", ".parquet"])
def test_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    imported = read_matrix(_save(tmp_path / f"mine{suffix}", VECTORS))
    np.testing.assert_array_equal(imported.vectors, VECTORS)
    assert imported.vectors.dtype == np.float32
    assert imported.names is None


@pytest.mark.parametrize("suffix", [".npz", ".pth", ".parquet"])
def test_paths_in_the_file(tmp_path: Path, suffix: str) -> None:
    assert read_matrix(_save(tmp_path / f"mine{suffix}", VECTORS, NAMES)).names == NAMES


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_other_numbers_become_float32(tmp_path: Path, dtype: type) -> None:
    vectors = (VECTORS * 10).astype(dtype)
    imported = read_matrix(_save(tmp_path / "mine.npy", vectors))
    np.testing.assert_array_equal(imported.vectors, vectors.astype(np.float32))


def test_half_precision_tensors(tmp_path: Path) -> None:
    torch.save(torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True), tmp_path / "mine.pt")
    np.testing.assert_array_equal(read_matrix(tmp_path / "mine.pt").vectors, np.ones((2, 2)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.array([[1.0, np.nan], [2.0, 3.0]]), "1 of the 2 rows .* NaN or infinite .* row 0"),
        (np.array([[1.0, 2.0], [np.inf, 3.0]]), "first row 1"),
        (np.ones(5), r"shape \(5,\)"),
        (np.ones((2, 2, 2)), "one row for each image"),
        (np.ones((0, 3)), "empty"),
        (np.array([["a", "b"]]), "not numbers"),
        (np.array([[1j]]), "not numbers"),
        (np.array([[Bad()]], dtype=object), "pickled"),
    ],
)
def test_a_wrong_matrix_is_one_sentence(tmp_path: Path, content: np.ndarray, words: str) -> None:
    np.save(tmp_path / "mine.npy", content)
    with pytest.raises(ColdstartError, match=words) as caught:
        read_matrix(tmp_path / "mine.npy")
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    torch.save({"embeddings": Bad()}, tmp_path / "mine.pth")
    np.savez(tmp_path / "mine.npz", embeddings=VECTORS, paths=np.array([Bad()], dtype=object))
    (tmp_path / "mine.npy").write_bytes(b"\x80\x04N.")
    for name in ("mine.pth", "mine.npz", "mine.npy"):
        with pytest.raises(ColdstartError, match="pickled"):
            read_matrix(tmp_path / name)


@pytest.mark.parametrize("name", ["gone.npy", "mine.xyz", "mine.npy", "mine.pth", "mine.parquet"])
def test_a_missing_unknown_or_damaged_file(tmp_path: Path, name: str) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"certainly no matrix")
    with pytest.raises(ColdstartError):
        read_matrix(tmp_path / name)


def test_several_matrices_need_a_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", one=VECTORS, two=VECTORS)
    with pytest.raises(ColdstartError, match=r"one \(4, 3\), two \(4, 3\)"):
        read_matrix(tmp_path / "mine.npz")
    np.savez(tmp_path / "mine.npz", one=VECTORS, vectors=VECTORS * 2)
    np.testing.assert_array_equal(read_matrix(tmp_path / "mine.npz").vectors, VECTORS * 2)


def test_vectors_of_unequal_length_in_parquet(tmp_path: Path) -> None:
    table = pyarrow.table({"vector": [[1.0, 2.0], [3.0]]})
    pyarrow.parquet.write_table(table, tmp_path / "mine.parquet")
    with pytest.raises(ColdstartError, match="not all equally long"):
        read_matrix(tmp_path / "mine.parquet")


def test_lists_of_paths(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(NAMES) + "\n")
    (tmp_path / "list.json").write_text(json.dumps(NAMES))
    (tmp_path / "plain.csv").write_text("\n".join(NAMES))
    rows = "\n".join(f"{i},{name}" for i, name in enumerate(NAMES))
    (tmp_path / "titled.csv").write_text("id,Path\n" + rows)
    for name in ("list.txt", "list.json", "plain.csv", "titled.csv"):
        assert read_paths(tmp_path / name) == NAMES
    for name, content in (("bad.json", "{"), ("number.json", "[1]")):
        (tmp_path / name).write_text(content)
        with pytest.raises(ColdstartError):
            read_paths(tmp_path / name)
    with pytest.raises(ColdstartError, match="cannot be read"):
        read_paths(tmp_path / "gone.txt")


def test_rows_are_matched_by_order_or_by_path() -> None:
    vectors, ids = match_rows(VECTORS, None, NAMES, [7, 8, 9, 3])
    np.testing.assert_allclose(vectors, UNIT, rtol=1e-6)
    assert ids.tolist() == [7, 8, 9, 3]

    shuffled = [2, 0, 3, 1]
    imported = (VECTORS[shuffled], [NAMES[row] for row in shuffled])
    np.testing.assert_allclose(match_rows(*imported, NAMES, [1, 2, 3, 4])[0], UNIT, rtol=1e-6)


@pytest.mark.parametrize("prefix", ["/data/pool/", "./", "C:\\photos\\"])
def test_absolute_and_foreign_paths_are_recognised_by_their_end(prefix: str) -> None:
    names = [prefix + name for name in reversed(NAMES)]
    imported = (VECTORS[::-1], names)
    np.testing.assert_allclose(match_rows(*imported, NAMES, [1, 2, 3, 4])[0], UNIT, rtol=1e-6)


def test_bare_file_names_are_recognised_where_no_other_image_has_them() -> None:
    imported = (VECTORS[:2], ["c.jpg", "b.jpg"])
    matched = match_rows(*imported, ["sub/b.jpg", "sub/c.jpg"], [1, 2])[0]
    np.testing.assert_allclose(matched, UNIT[[1, 0]], rtol=1e-6)
    with pytest.raises(ColdstartError, match="2 of 2 images have no vector"):
        match_rows(*imported, ["one/b.jpg", "two/b.jpg"], [1, 2])


def test_rows_of_other_files_are_left_out() -> None:
    matched, ids = match_rows(VECTORS, NAMES, ["sub/a.jpg", "a.jpg"], [5, 6])
    np.testing.assert_allclose(matched, UNIT[[2, 0]], rtol=1e-6)
    assert ids.tolist() == [5, 6]


def test_what_does_not_fit_is_said_with_names_and_counts() -> None:
    with pytest.raises(ColdstartError, match="4 vectors, and the project has 3 images"):
        match_rows(VECTORS, None, NAMES[:3], [1, 2, 3])
    with pytest.raises(ColdstartError, match="3 paths for 4 vectors"):
        match_rows(VECTORS, NAMES[:3], NAMES, [1, 2, 3, 4])
    with pytest.raises(ColdstartError, match=r"1 of 2 images .* first z\.jpg"):
        match_rows(VECTORS, NAMES, ["a.jpg", "z.jpg"], [1, 2])
    with pytest.raises(ColdstartError, match=r"names a\.jpg 2 times"):
        match_rows(VECTORS, ["a.jpg", *NAMES[:3]], NAMES, [1, 2, 3, 4])


def test_the_list_in_the_file_comes_before_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("\n".join(reversed(NAMES)))
    assert read_vectors(_save(tmp_path / "mine.npy", VECTORS)).names == NAMES[::-1]
    assert read_vectors(_save(tmp_path / "mine.npz", VECTORS, NAMES)).names == NAMES
    assert read_vectors(_save(tmp_path / "other.npy", VECTORS)).names is None
