"""Labels that come from a file: a table with the columns ``path`` and ``class_name``."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import IO

from coldstart.errors import ColdstartError
from coldstart.labels.cells import decode_path, unescape_cell
from coldstart.labels.class_names import check_class_name
from coldstart.labels.manifest import MANIFEST_COLUMNS
from coldstart.labels.states import CLASS

__all__ = ["check_class_name", "read_label_csv"]

_DELIMITERS = (",", ";", "\t", "|")


def read_label_csv(file: Path | str | IO[bytes]) -> list[tuple[str, str]]:
    """The ``(path, class_name)`` pairs of a CSV file, in its order, each path once.

    The delimiter (comma, semicolon, tab or bar) is told by the header; a byte order mark, other
    columns and empty lines do not matter. Our own manifest can be read too: of it, the images with
    a class. ``file`` may be a path or an open binary file.

    Raises ColdstartError, naming the line, for a file that is not text, other columns, a row
    without a path, a class name that cannot be one, or a path that has two different classes.
    """
    name, text = _text_of(file)
    delimiter, header = _header(text, name)
    path_column, class_column = header.index("path"), header.index("class_name")
    is_manifest = all(column in header for column in MANIFEST_COLUMNS)
    classes: dict[str, str] = {}
    first_line: dict[str, int] = {}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        next(reader)
        for record in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in record):
                continue
            if len(record) <= max(path_column, class_column):
                raise ColdstartError(
                    f"Line {line} of {name} has too few cells.", "Give it a path and a class_name."
                )
            path, class_name = record[path_column], record[class_column]
            if is_manifest:
                if record[header.index("state")] != CLASS:
                    continue
                path = decode_path(unescape_cell(path))
                class_name = unescape_cell(class_name)
            if not path.strip():
                raise ColdstartError(
                    f"Line {line} of {name} has no path.", "Give every row the path of an image."
                )
            try:
                class_name = check_class_name(class_name)
            except ColdstartError as error:
                raise ColdstartError(
                    f"Line {line} of {name}: {error.problem}", error.remedy
                ) from error
            if classes.setdefault(path, class_name) != class_name:
                raise ColdstartError(
                    f"{name} gives {path} two classes: {classes[path]} in line "
                    f"{first_line[path]} and {class_name} in line {line}.",
                    "Keep one of the two lines.",
                )
            first_line.setdefault(path, line)
    except csv.Error as error:
        raise ColdstartError(
            f"{name} cannot be read as CSV near line {reader.line_num}: {error}.",
            "Save it again as CSV.",
        ) from error
    return list(classes.items())


def _text_of(file: Path | str | IO[bytes]) -> tuple[str, str]:
    if isinstance(file, Path | str):
        name = Path(file).name
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise ColdstartError(
                f"The label file {file} cannot be read: {error.strerror or error}.",
                "Check the path.",
            ) from error
    else:
        name, data = getattr(file, "name", "The label file"), file.read()
    # Spreadsheets save "Unicode text" as UTF-16, always with its mark.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return name, data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ColdstartError(f"{name} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error


def _header(text: str, name: str) -> tuple[str, list[str]]:
    """The delimiter by which the first line has both columns, and the column names."""
    first_line = text.splitlines()[0] if text.strip() else ""
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([first_line], delimiter=delimiter), [])
        header = [cell.strip().lower() for cell in cells]
        if "path" in header and "class_name" in header:
            return delimiter, header
    found = first_line[:80] if first_line.strip() else "nothing"
    raise ColdstartError(
        f"{name} needs the columns path and class_name in its first line, which holds: {found}.",
        "Name the two columns so.",
    )
