"""A list of image paths in a CSV, JSON lines or Parquet file, read row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from coldstart.errors import ColdstartError

LIST_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
PATH_COLUMNS = ("path", "filepath", "file_path", "filename", "file_name", "file", "image")
"""Names of the column that holds the paths; the first that is there counts."""

_ROWS_A_BLOCK = 65_536


def read_path_list(file: Path) -> Iterator[str]:
    """The paths of a list, in its order; without a leading ``./``, empty ones left out.

    Raises
    ------
    ColdstartError : it cannot be read, or has no column of `PATH_COLUMNS`. Raised at the first
        `next`, or at the row that is wrong.
    """
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            rows = _parquet(file)
        elif suffix in (".jsonl", ".ndjson"):
            rows = _json_lines(file)
        else:
            rows = _table(file)
        for path in rows:
            path = path.strip()
            if path:
                yield path.removeprefix("./")
    except FileNotFoundError as error:
        raise ColdstartError(
            f"The list {file} does not exist.", "Check the path for a typing mistake."
        ) from error
    except OSError as error:
        raise ColdstartError(
            f"The list {file} cannot be read: {error.strerror or error}.",
            "Check that it is whole and that you may read it.",
        ) from error
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError, ValueError) as error:
        raise ColdstartError(
            f"The list {file} cannot be read as {suffix[1:]} ({error}).", "Write it again in UTF-8."
        ) from error


def _table(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        first = text.readline()
        delimiter = max(",;\t|", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter), [])
        column = _column(file, header)
        for record in csv.reader(text, delimiter=delimiter):
            if len(record) > column:
                yield record[column]


def _json_lines(file: Path) -> Iterator[str]:
    name: str | None = None
    with file.open(encoding="utf-8-sig") as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            record = json.loads(line)
            if isinstance(record, str):
                yield record
                continue
            if not isinstance(record, dict):
                raise ColdstartError(
                    f"Line {number} of {file} is no object.", 'Write lines like {"path": "a.jpg"}.'
                )
            if name is None or name not in record:
                name = list(record)[_column(file, list(record))]
            yield str(record[name])


def _parquet(file: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            names = table.schema_arrow.names
            name = names[_column(file, names)]
            for block in table.iter_batches(_ROWS_A_BLOCK, columns=[name]):
                for value in block.column(0).to_pylist():
                    if value is not None:
                        yield str(value)
    except pa.ArrowException as error:
        raise ColdstartError(f"The list {file} is no Parquet file.", "Write it again.") from error


def _column(file: Path, header: list[str]) -> int:
    plain = [cell.strip().lower() for cell in header]
    for name in PATH_COLUMNS:
        if name in plain:
            return plain.index(name)
    found = ", ".join(cell for cell in plain if cell)[:120] or "nothing"
    raise ColdstartError(
        f"The list {file} has no column called path (it has {found}).",
        "Name the column of the images' paths path.",
    )
