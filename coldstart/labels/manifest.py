"""The manifest: one row per image that has a label, as CSV, JSONL or Parquet, and back.

All three formats give the same table when they are read again; `coldstart.labels.cells` says how
names that are not valid text, and cells that a spreadsheet would run, are written.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from coldstart.errors import ColdstartError
from coldstart.labels.cells import (
    as_text,
    decode_path,
    encode_path,
    escape_cell,
    join_names,
    unescape_cell,
)
from coldstart.labels.split import split_of
from coldstart.labels.states import CLASS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """One image that has a label. The order of the fields is the order of the columns.

    path : relative to its image folder, with ``/``.
    content_hash : hex SHA-256 of the file's bytes.
    class_name : empty unless ``state`` is ``class``.
    state : ``class``, ``skipped``, ``unsure`` or ``excluded``.
    annotators : who gave an answer that stands; one cell in the file, see `cells.join_names`.
    agreement : share of them whose answer is this one, in (0, 1].
    split : ``train`` or ``test``, made from ``content_hash`` (`split_of`) where none is given;
        empty when ``state`` is not ``class``.
    origin : ``human``, ``import``, ``cluster`` or ``model``.
    query_batch, rank : which query batch asked for the image, and its place there from 1.
    strategy : what picked it; empty when nothing did.
    labelled_at : ISO 8601 in UTC.
    """

    path: str
    content_hash: str
    class_name: str = ""
    state: str = CLASS
    annotators: tuple[str, ...] = ()
    agreement: float = 1.0
    split: str = ""
    origin: str = "human"
    query_batch: int | None = None
    rank: int | None = None
    strategy: str = ""
    labelled_at: str = ""

    def __post_init__(self) -> None:
        if not self.split and self.state == CLASS:
            object.__setattr__(self, "split", split_of(self.content_hash))


MANIFEST_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(ManifestRow))

_WHOLE_NUMBERS = ("query_batch", "rank")
_ROWS_A_BLOCK = 20_000


@dataclass(frozen=True)
class ManifestFormat:
    """One way to write a manifest. ``write`` and ``read`` work on open binary files."""

    name: str
    title: str
    suffix: str
    media_type: str
    write: Callable[[Iterator[dict[str, Any]], IO[bytes]], None]
    read: Callable[[IO[bytes]], pd.DataFrame]


def write_manifest(rows: Iterable[ManifestRow], file: Path | str, format: str | None = None) -> int:
    """Write ``rows`` in their order and return how many there were.

    ``format`` is a key of `MANIFEST_FORMATS`; None takes the one that the name's ending says. The
    file is written beside its place and renamed, so nobody ever sees half of it.

    Raises ColdstartError when the format is unknown or the file cannot be written.
    """
    file = Path(file)
    chosen = _format_of(file) if format is None else MANIFEST_FORMATS.get(format)
    if chosen is None:
        raise ColdstartError(
            f"There is no manifest format “{format}”.", f"Use one of {', '.join(MANIFEST_FORMATS)}."
        )
    written = 0

    def cells() -> Iterator[dict[str, Any]]:
        nonlocal written
        for row in rows:
            written += 1
            yield _cells(row)

    unfinished = file.with_name(f".{file.name[:100]}.{uuid4().hex}.unfinished")
    try:
        with open(unfinished, "xb") as stream:
            chosen.write(cells(), stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, file)
    except OSError as error:
        raise ColdstartError(
            f"The manifest cannot be written to {as_text(str(file))}: {error.strerror or error}.",
            "Choose a place that exists, is writable and has room.",
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return written


def read_manifest(file: Path | str) -> pd.DataFrame:
    """The manifest as a table with the columns of `MANIFEST_COLUMNS` in that order.

    Text columns hold str and are empty where nothing applies; ``annotators`` is text too
    (`cells.split_names` takes it apart); ``agreement`` is float64; ``query_batch`` and ``rank`` are
    Int64 with ``<NA>``. The format is told by the name's ending.

    Raises ColdstartError when the file is missing, damaged or not a manifest.
    """
    import pandas as pd

    file = Path(file)
    chosen = _format_of(file)
    shown = as_text(str(file))
    try:
        with open(file, "rb") as stream:
            table = chosen.read(stream)
    except FileNotFoundError as error:
        raise ColdstartError(
            f"There is no manifest at {shown}.", "Export one, or check the path."
        ) from error
    except OSError as error:
        if error.strerror is None:  # pyarrow's word for a damaged file, not the system's
            raise _damaged(shown, chosen) from error
        raise ColdstartError(
            f"The manifest {shown} cannot be read: {error.strerror}.", "Check that you may read it."
        ) from error
    except (ValueError, csv.Error) as error:
        raise _damaged(shown, chosen) from error
    missing = [name for name in MANIFEST_COLUMNS if name not in table.columns]
    if missing:
        raise ColdstartError(
            f"{shown} is not a manifest: it has no column {', '.join(missing)}.",
            "Export the manifest again, or check the path.",
        )
    table = table[list(MANIFEST_COLUMNS)].copy()
    try:
        table["agreement"] = table["agreement"].astype("float64")
        for name in _WHOLE_NUMBERS:
            table[name] = table[name].astype("Int64")
    except (ValueError, TypeError) as error:
        raise _damaged(shown, chosen) from error
    for name in MANIFEST_COLUMNS:
        if name != "agreement" and name not in _WHOLE_NUMBERS:
            decode = decode_path if name == "path" else str
            cells = ["" if cell is None else decode(cell) for cell in table[name]]
            # As object: pandas' own text type cannot hold a path with half a character.
            table[name] = pd.Series(cells, index=table.index, dtype=object)
    return table


def _cells(row: ManifestRow) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name in MANIFEST_COLUMNS:
        value = getattr(row, name)
        cells[name] = as_text(value) if isinstance(value, str) else value
    cells["path"] = encode_path(row.path)
    cells["annotators"] = as_text(join_names(row.annotators))
    return cells


def _write_csv(rows: Iterator[dict[str, Any]], stream: IO[bytes]) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    plain = csv.writer(text, lineterminator="\n")
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(MANIFEST_COLUMNS)
    for row in rows:
        cells = ["" if value is None else escape_cell(str(value)) for value in row.values()]
        # Before Python 3.13 a carriage return alone does not make the writer quote a cell.
        (quoting if any("\r" in cell for cell in cells) else plain).writerow(cells)
    text.detach()


def _read_csv(stream: IO[bytes]) -> pd.DataFrame:
    import pandas as pd

    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    records = list(csv.reader(text, strict=True))
    header = records[0] if records else []
    if any(len(record) != len(header) for record in records[1:]):
        raise ValueError("a row has more or fewer cells than the header")
    columns: dict[str, list[Any]] = {}
    for position, name in enumerate(header):
        cells = [record[position] for record in records[1:]]
        if name == "agreement" or name in _WHOLE_NUMBERS:
            number = float if name == "agreement" else int
            columns[name] = [number(cell) if cell else None for cell in cells]
        else:
            columns[name] = [unescape_cell(cell) for cell in cells]
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


def _write_jsonl(rows: Iterator[dict[str, Any]], stream: IO[bytes]) -> None:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")


def _read_jsonl(stream: IO[bytes]) -> pd.DataFrame:
    import pandas as pd

    records = [json.loads(line) for line in stream if line.strip()]
    if any(not isinstance(record, dict) for record in records):
        raise ValueError("a line is not an object")
    if not records:
        return pd.DataFrame({name: pd.Series([], dtype=object) for name in MANIFEST_COLUMNS})
    names = dict.fromkeys(name for record in records for name in record)
    return pd.DataFrame(
        {name: pd.Series([record.get(name) for record in records], dtype=object) for name in names}
    )


def _write_parquet(rows: Iterator[dict[str, Any]], stream: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _parquet_schema()
    with pq.ParquetWriter(stream, schema) as writer:
        while block := list(islice(rows, _ROWS_A_BLOCK)):
            writer.write_table(pa.Table.from_pylist(block, schema=schema))


def _parquet_schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"agreement": pa.float64(), **dict.fromkeys(_WHOLE_NUMBERS, pa.int64())}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in MANIFEST_COLUMNS])


def _read_parquet(stream: IO[bytes]) -> pd.DataFrame:
    import pandas as pd
    import pyarrow.parquet as pq

    columns = pq.read_table(stream).to_pydict()
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


def _format_of(file: Path) -> ManifestFormat:
    for known in MANIFEST_FORMATS.values():
        if file.suffix.lower() == known.suffix:
            return known
    endings = ", ".join(known.suffix for known in MANIFEST_FORMATS.values())
    raise ColdstartError(
        f"The name {as_text(file.name)} does not say which format the manifest has.",
        f"Use a name that ends in one of {endings}.",
    )


def _damaged(shown: str, chosen: ManifestFormat) -> ColdstartError:
    return ColdstartError(
        f"{shown} is damaged or not a manifest in {chosen.title}.",
        "Export the manifest again, or check the path.",
    )


MANIFEST_FORMATS: dict[str, ManifestFormat] = {
    known.name: known
    for known in (
        ManifestFormat("csv", "CSV", ".csv", "text/csv", _write_csv, _read_csv),
        ManifestFormat(
            "jsonl", "JSON lines", ".jsonl", "application/x-ndjson", _write_jsonl, _read_jsonl
        ),
        ManifestFormat(
            "parquet",
            "Parquet",
            ".parquet",
            "application/vnd.apache.parquet",
            _write_parquet,
            _read_parquet,
        ),
    )
}
"""Every format of the manifest, in the order in which pages offer them."""
