"""Labels that come from a file: a table with the columns ``path`` and ``class_name``."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from coldstart.errors import ColdstartError
from coldstart.labels.cells import decode_path, unescape_cell
from coldstart.labels.class_names import check_class_name
from coldstart.labels.manifest import MANIFEST_COLUMNS
from coldstart.labels.states import CLASS
from coldstart.labels.tables import read_table

__all__ = ["check_class_name", "read_label_csv"]


def read_label_csv(file: Path | str | IO[bytes]) -> list[tuple[str, str]]:
    """The ``(path, class_name)`` pairs of a CSV file, in its order, each path once.

    What kinds of file: see `tables.read_table`. Our own manifest can be read too: of it, the images
    with a class.

    Raises ColdstartError, naming the line, for a file that is not text, other columns, a row
    without a path, a class name that cannot be one, or a path that has two different classes.
    """
    table = read_table(file, "class_name")
    header, name = table.header, table.name
    path_column, class_column = header.index("path"), header.index("class_name")
    is_manifest = all(column in header for column in MANIFEST_COLUMNS)
    classes: dict[str, str] = {}
    first_line: dict[str, int] = {}
    for line, record in table.rows("class_name"):
        path, class_name = record[path_column], record[class_column]
        if is_manifest:
            if record[header.index("state")] != CLASS:
                continue
            path = decode_path(unescape_cell(path))
            class_name = unescape_cell(class_name)
        try:
            class_name = check_class_name(class_name)
        except ColdstartError as error:
            raise ColdstartError(f"Line {line} of {name}: {error.problem}", error.remedy) from error
        if classes.setdefault(path, class_name) != class_name:
            raise ColdstartError(
                f"{name} gives {path} two classes: {classes[path]} in line "
                f"{first_line[path]} and {class_name} in line {line}.",
                "Keep one of the two lines.",
            )
        first_line.setdefault(path, line)
    return list(classes.items())
