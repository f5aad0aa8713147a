"""The classes that belong to an embedding file, read without ever unpickling anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coldstart.errors import ColdstartError

_KEYS = ("labels", "label", "classes", "class_names", "class_name", "targets", "target", "y")


def read_classes(file: Path, labels: Path | None, count: int) -> list[str]:
    """The class of each of ``count`` rows: from ``labels`` (text with one class a line, or .npy),
    else from an array or column called labels, classes, targets, class_name or y in ``file``.

    Raises
    ------
    ColdstartError : there are none, they cannot be read, or they are not ``count``.
    """
    found = _from_list(labels) if labels is not None else _from_archive(file)
    if found is None:
        raise ColdstartError(
            f"{file.name} does not say the class of each row.",
            "Name a file with one class a line with --labels FILE, or add an array called labels.",
        )
    if len(found) != count:
        raise ColdstartError(
            f"There are {len(found):,} classes for {count:,} vectors.", "Give one for each row."
        )
    return found


def _from_list(labels: Path) -> list[str]:
    try:
        if labels.suffix.lower() == ".npy":
            return [str(one) for one in np.load(labels, allow_pickle=False).ravel().tolist()]
        text = labels.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ColdstartError(
            f"The classes in {labels} cannot be read ({error}).", "Write one class a line."
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _from_archive(file: Path) -> list[str] | None:
    try:
        if file.suffix.lower() == ".npz":
            with np.load(file, allow_pickle=False) as archive:
                named = {name.lower(): name for name in archive.files}
                for key in _KEYS:
                    if key in named and archive[named[key]].ndim == 1:
                        return [str(one) for one in archive[named[key]].tolist()]
        if file.suffix.lower() == ".parquet":
            import pyarrow.parquet

            columns = {n.lower(): n for n in pyarrow.parquet.read_schema(file).names}
            for key in _KEYS:
                if key in columns:
                    table = pyarrow.parquet.read_table(file, columns=[columns[key]])
                    return [str(one) for one in table.column(0).to_pylist()]
    except (OSError, ValueError) as error:
        raise ColdstartError(
            f"The classes in {file.name} cannot be read ({error}).",
            "Give them with --labels FILE, one class a line.",
        ) from error
    return None
