"""How a text is written into one cell of a manifest, so that it comes back unchanged.

- A CSV cell that begins with ``= + - @``, their full-width forms, a tab, a line break or an
  apostrophe gets one apostrophe in front, so that no spreadsheet runs it as a formula; a reader
  takes it off again. JSONL and Parquet store such text as it is.
- A file name that is not valid text (bytes that are not UTF-8) is written, in every format, as
  ``bytes:`` and the percent-encoded bytes: ``bytes:holiday/caf%E9.jpg``. So is, to stay
  unambiguous, a path that itself begins with ``bytes:``.
- Several annotators stand in one cell as ``anna; ben``.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

_RUN_BY_SPREADSHEETS = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n", "'")


def encode_path(path: str) -> str:
    """``path`` as valid text: itself, or ``bytes:…`` where it is not."""
    if not path.startswith("bytes:") and as_text(path) == path:
        return path
    try:
        return "bytes:" + quote_from_bytes(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # half a character that no file name here can hold
        return as_text(path)


def decode_path(text: str) -> str:
    """The path that `encode_path` was given."""
    if text.startswith("bytes:"):
        return unquote_to_bytes(text[len("bytes:") :]).decode("utf-8", "surrogateescape")
    return text


def join_names(names: Iterable[str]) -> str:
    """Annotators in one cell; a semicolon or backslash within a name gets a backslash in front."""
    return "; ".join(name.replace("\\", "\\\\").replace(";", "\\;") for name in names)


def split_names(cell: str) -> tuple[str, ...]:
    """The annotators that `join_names` put into one cell."""
    if not cell:
        return ()
    names, name, position = [], "", 0
    while position < len(cell):
        if cell[position] == "\\":
            name += cell[position + 1 : position + 2]
            position += 2
        elif cell.startswith("; ", position):
            names.append(name)
            name = ""
            position += 2
        else:
            name += cell[position]
            position += 1
    return (*names, name)


def unescape_cell(cell: str) -> str:
    """A CSV cell as it was before its first apostrophe kept a spreadsheet from running it."""
    return cell[1:] if cell.startswith("'") else cell


def escape_cell(cell: str) -> str:
    """``cell`` as it may stand in a CSV that a spreadsheet opens."""
    return "'" + cell if cell.startswith(_RUN_BY_SPREADSHEETS) else cell


def as_text(text: str) -> str:
    """``text`` with a question mark for every half character, which no file format can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
