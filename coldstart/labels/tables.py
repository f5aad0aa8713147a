"""A person's own table: a CSV file of which the column ``path`` and some others are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from coldstart.errors import ColdstartError

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Table:
    """A CSV file whose first line names the columns, in lower case in ``header``."""

    name: str
    header: list[str]
    _text: str
    _delimiter: str

    def rows(self, *columns: str) -> Iterator[tuple[int, list[str]]]:
        """(line number, all cells) of every row that is not empty.

        Raises ColdstartError, naming the line, for a row that lacks one of the ``columns``, or that
        has no path.
        """
        places = [self.header.index(column) for column in ("path", *columns)]
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter)
        try:
            next(reader)
            for record in reader:
                line = reader.line_num
                if not any(cell.strip() for cell in record):
                    continue
                if len(record) <= max(places):
                    raise ColdstartError(
                        f"Line {line} of {self.name} has too few cells.",
                        f"Give it a path and a {' and a '.join(columns)}.",
                    )
                if not record[places[0]].strip():
                    raise ColdstartError(
                        f"Line {line} of {self.name} has no path.",
                        "Give every row the path of an image.",
                    )
                yield line, record
        except csv.Error as error:
            raise ColdstartError(
                f"{self.name} cannot be read as CSV near line {reader.line_num}: {error}.",
                "Save it again as CSV.",
            ) from error


def read_table(file: Path | str | IO[bytes], column: str) -> Table:
    """The table in ``file`` (a path or an open binary file) with the columns path and ``column``.

    The delimiter (comma, semicolon, tab or bar) is told by the header; a byte order mark and other
    columns do not matter.

    Raises ColdstartError when it cannot be read, is not text, or lacks one of the two columns.
    """
    name, text = _text_of(file)
    first_line = text.splitlines()[0] if text.strip() else ""
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([first_line], delimiter=delimiter), [])
        header = [cell.strip().lower() for cell in cells]
        if "path" in header and column in header:
            return Table(name, header, text, delimiter)
    found = first_line[:80] if first_line.strip() else "nothing"
    raise ColdstartError(
        f"{name} needs the columns path and {column} in its first line, which holds: {found}.",
        "Name the two columns so.",
    )


def _text_of(file: Path | str | IO[bytes]) -> tuple[str, str]:
    if isinstance(file, Path | str):
        name = Path(file).name
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise ColdstartError(
                f"The file {file} cannot be read: {error.strerror or error}.",
                "Check the path.",
            ) from error
    else:
        name, data = getattr(file, "name", "The file"), file.read()
    # Spreadsheets save "Unicode text" as UTF-16, always with its mark.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return name, data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ColdstartError(f"{name} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error
