"""Read a matrix of vectors from the files people keep them in.

``.npy``, ``.npz``, ``.pth``/``.pt`` (weights-only), ``.safetensors`` and ``.parquet``. Nothing is
ever unpickled: a file that would need it is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldstart.errors import ColdstartError

NAME_KEYS = ("paths", "path", "filenames", "filename", "file_names", "file_name", "names", "files")
MATRIX_KEYS = ("embeddings", "vectors", "features", "x")
VECTOR_SUFFIXES = (".npy", ".npz", ".pth", ".pt", ".safetensors", ".parquet")


@dataclass(frozen=True)
class ImportedVectors:
    """Vectors (n, d) float32, as they stand in the file, and the paths that came with them."""

    vectors: np.ndarray
    names: list[str] | None = None


def read_matrix(file: Path) -> ImportedVectors:
    """Read a matrix of vectors, and the list of paths in the same file if there is one.

    In ``.npz``, ``.pth`` and ``.safetensors`` files the only 2-D array of numbers is the matrix
    (among several the one called "embeddings", "vectors", "features" or "X"); a list under one of
    `NAME_KEYS` gives the paths. In Parquet a column of equal-long lists of numbers is the matrix.

    Raises
    ------
    ColdstartError : the file is missing, of another kind, pickled, not 2-D, empty, not numbers, or
        has rows that are NaN or infinite.
    """
    if not file.is_file():
        raise ColdstartError(f"The file {file} does not exist.", "Check the path.")
    readers = {
        ".npy": _read_npy,
        ".npz": _read_npz,
        ".pth": _read_torch,
        ".pt": _read_torch,
        ".safetensors": _read_safetensors,
        ".parquet": _read_parquet,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise ColdstartError(
            f"{file.name} is of a kind coldstart does not read vectors from.",
            f"Save the matrix as one of {', '.join(VECTOR_SUFFIXES)}.",
        )
    try:
        matrix, names = reader(file)
    except ColdstartError:
        raise
    except pickle.UnpicklingError as error:
        raise _pickled(file) from error
    except MemoryError as error:
        raise ColdstartError(
            f"{file.name} does not fit into memory.", "Save it as float32, or in parts."
        ) from error
    except Exception as error:  # numpy, torch, safetensors and pyarrow each raise their own
        if "pickle" in str(error).lower():
            raise _pickled(file) from error
        raise ColdstartError(
            f"{file.name} cannot be read: it is damaged or not what its ending says.",
            "Write it again from where it came from.",
        ) from error
    return ImportedVectors(_checked(matrix, file), names)


def _checked(matrix: Any, file: Path) -> np.ndarray:
    """The matrix as float32, or a sentence on what is wrong with it."""
    array = np.asarray(matrix)
    if array.dtype == object or array.dtype.kind not in "fiu":
        raise ColdstartError(
            f"The matrix in {file.name} is of type {array.dtype}, not numbers.",
            "Save it as float32: np.save(FILE, vectors.astype('float32')).",
        )
    if array.ndim != 2:
        raise ColdstartError(
            f"The array in {file.name} has shape {array.shape}; a matrix with one row for each "
            "image is needed.",
            "Save it with shape (images, dimensions).",
        )
    if array.size == 0:
        raise ColdstartError(
            f"The matrix in {file.name} is empty, of shape {array.shape}.", "Write it again."
        )
    with np.errstate(over="ignore"):
        vectors = np.ascontiguousarray(array, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ColdstartError(
            f"{len(bad):,} of the {len(vectors):,} rows in {file.name} hold NaN or infinite "
            f"numbers, first row {bad[0]:,}.",
            "Compute those vectors again.",
        )
    zero = np.flatnonzero(~vectors.any(axis=1))
    if len(zero):
        raise ColdstartError(
            f"{len(zero):,} of the {len(vectors):,} rows in {file.name} are all zeros, first row "
            f"{zero[0]:,}: they point nowhere, so nothing can be compared with them.",
            "Compute those vectors again.",
        )
    return vectors


_Read = tuple[Any, list[str] | None]


def _read_npy(file: Path) -> _Read:
    # numpy takes whatever has no header of its own for a pickle; only a pickle begins like one.
    with file.open("rb") as opened:
        head = opened.read(6)
    if head != b"\x93NUMPY" and head[:1] != b"\x80":
        raise ValueError("no npy header")
    return np.load(file, allow_pickle=False), None


def _read_npz(file: Path) -> _Read:
    with np.load(file, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("not an npz archive")
        return _from_mapping({name: archive[name] for name in archive.files}, file)


def _read_torch(file: Path) -> _Read:
    import torch

    content = torch.load(file, map_location="cpu", weights_only=True)
    if isinstance(content, torch.Tensor):
        return _from_tensor(content), None
    if not isinstance(content, dict):
        raise ColdstartError(
            f"{file.name} holds neither a tensor nor a dict with one.",
            "Save it with torch.save({'embeddings': tensor, 'paths': list_of_paths}, FILE).",
        )
    arrays = {k: _from_tensor(v) if isinstance(v, torch.Tensor) else v for k, v in content.items()}
    return _from_mapping(arrays, file)


def _read_safetensors(file: Path) -> _Read:
    import safetensors.torch

    tensors = safetensors.torch.load_file(file)
    return _from_mapping({name: _from_tensor(tensor) for name, tensor in tensors.items()}, file)


def _from_tensor(tensor: Any) -> np.ndarray:
    # numpy has no bfloat16, and float32 is what is kept anyway.
    detached = tensor.detach()
    array: np.ndarray = (detached.float() if detached.is_floating_point() else detached).numpy()
    return array


def _read_parquet(file: Path) -> _Read:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(file)
    columns: dict[str, Any] = {}
    for name in table.column_names:
        kind = table.schema.field(name).type
        values = table[name].combine_chunks()
        if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
            columns[name] = values.to_pylist()
        elif pyarrow.types.is_nested(kind):
            lengths = set(pyarrow.compute.list_value_length(values).to_pylist())
            if len(lengths) != 1 or None in lengths:
                raise ColdstartError(
                    f"The vectors in column {name!r} of {file.name} are not all equally long.",
                    "Write one vector of the same length for each image.",
                )
            flat = values.flatten().to_numpy(zero_copy_only=False)
            columns[name] = flat.reshape(len(values), -1)
    return _from_mapping(columns, file)


def _from_mapping(content: Mapping[Any, Any], file: Path) -> _Read:
    """Find the matrix and the list of paths among named values."""
    arrays = {str(k): v for k, v in content.items() if isinstance(v, np.ndarray)}
    matrices = {k: v for k, v in arrays.items() if v.ndim == 2 and v.dtype.kind in "fiu"}
    preferred = [k for k in matrices if k.lower() in MATRIX_KEYS]
    if len(matrices) != 1 and len(preferred) != 1:
        found = ", ".join(f"{k} {v.shape}" for k, v in arrays.items()) or "none"
        raise ColdstartError(
            f"{file.name} must hold one matrix of vectors, and its arrays are: {found}.",
            "Save the matrix alone, or call it 'embeddings'.",
        )
    matrix = matrices[preferred[0] if len(preferred) == 1 else next(iter(matrices))]
    for key, value in content.items():
        if str(key).lower() in NAME_KEYS:
            names = value.ravel().tolist() if isinstance(value, np.ndarray) else list(value)
            if all(isinstance(name, str | bytes) for name in names):
                return matrix, [n.decode() if isinstance(n, bytes) else n for n in names]
    return matrix, None


def _pickled(file: Path) -> ColdstartError:
    return ColdstartError(
        f"{file.name} holds pickled Python objects, and coldstart does not run code from a file.",
        "Save the matrix as plain numbers: np.save(FILE, vectors.astype('float32')).",
    )
