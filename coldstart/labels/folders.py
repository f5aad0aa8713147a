"""Labels as folders of images: one folder a class, or Hugging Face's ``metadata.csv``, and back.

Beside the images stands `SIDECAR`, the manifest of everything, also of images without a class. A
file's name is the image's path with ``/`` written as ``%2F``, so that reading it back finds the
image; whoever moves a file to another class folder has changed its label.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes
from uuid import uuid4

from coldstart.errors import ColdstartError
from coldstart.labels.cells import as_text, escape_cell, split_names, unescape_cell
from coldstart.labels.class_names import check_class_name
from coldstart.labels.manifest import ManifestRow, read_manifest, write_manifest
from coldstart.labels.states import CLASS, LABEL_KINDS

SIDECAR = "coldstart-labels.jsonl"
METADATA = "metadata.csv"

_LONGEST_NAME_BYTES = 200
_UNSAFE = set('/\\%<>:"|?*')


@dataclass(frozen=True)
class GivenLabel:
    """One label of a file, on its way in: an image by path or content, and what it is."""

    path: str
    content_hash: str  # empty where the file does not say
    state: str  # a name of `LABEL_KINDS`
    class_name: str  # empty unless the state is "class"
    annotators: tuple[str, ...]  # who gave this very answer; empty where the file does not say
    where: str  # where in the file it stands, for a sentence


def write_class_folders(
    rows: Iterable[ManifestRow], to: Path, file_of: Callable[[ManifestRow], Path], *, links: bool
) -> int:
    """Write one folder a class into ``to``, which must not exist or be empty; how many images.

    Raises
    ------
    ColdstartError : the place is taken or cannot be written, or an image is gone.
    """
    everything = list(rows)
    with _beside(to) as folder:
        for row, name in _placed(everything):
            target = folder / folder_name(row.class_name) / name
            target.parent.mkdir(exist_ok=True)
            _put(file_of(row), target, links)
        write_manifest(everything, folder / SIDECAR)
    return len(everything)


def write_hugging_face(
    rows: Iterable[ManifestRow], to: Path, file_of: Callable[[ManifestRow], Path], *, links: bool
) -> int:
    """Write ``images/`` and a ``metadata.csv`` (file_name, label, …) into ``to``; how many images.

    ``datasets.load_dataset("imagefolder", data_dir=to)`` reads it.

    Raises
    ------
    ColdstartError : the place is taken or cannot be written, or an image is gone.
    """
    everything = list(rows)
    with _beside(to) as folder:
        (folder / "images").mkdir()
        with open(folder / METADATA, "w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["file_name", "label", "split", "content_hash"])
            for row, name in _placed(everything):
                _put(file_of(row), folder / "images" / name, links)
                label = escape_cell(row.class_name)
                table.writerow([f"images/{name}", label, row.split, row.content_hash])
        write_manifest(everything, folder / SIDECAR)
    return len(everything)


def read_class_folders(folder: Path) -> list[GivenLabel]:
    """The labels of a tree of class folders, its own or anybody's."""
    known = {folder_name(row.class_name): row.class_name for row in _sidecar(folder)}
    found = []
    for below in sorted(one for one in folder.iterdir() if one.is_dir()):
        class_name = known.get(below.name) or check_class_name(unquote(below.name))
        for file in sorted(one for one in below.rglob("*") if one.is_file()):
            where = file.relative_to(folder).as_posix()
            found.append(
                GivenLabel(_path_of(file.name), _hash_of(file), CLASS, class_name, (), where)
            )
    return _with_sidecar(folder, found)


def read_hugging_face(folder: Path) -> list[GivenLabel]:
    """The labels of a folder with a ``metadata.csv`` whose columns are file_name and label."""
    found = []
    try:
        with open(folder / METADATA, encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream, strict=True)
            names = table.fieldnames or []
            column = next((one for one in ("label", "class_name", "class") if one in names), None)
            if "file_name" not in names or column is None:
                raise ColdstartError(
                    f"{METADATA} needs the columns file_name and label.", "Name the columns so."
                )
            for row in table:
                where = f"line {table.line_num} of {METADATA}"
                if None in row or None in row.values() or not row["file_name"]:
                    raise ColdstartError(
                        f"The {where} has too few or too many cells.",
                        "The file may be only half written: export or copy it again.",
                    )
                file = folder / row["file_name"]
                inside = os.path.realpath(file).startswith(os.path.join(folder.resolve(), ""))
                own = row.get("content_hash")
                if own and len(own) != 64:
                    raise ColdstartError(
                        f"The {where} breaks off in the middle.",
                        "The file is only half written: export or copy it again.",
                    )
                own = own or (_hash_of(file) if inside and file.is_file() else "")
                class_name = check_class_name(unescape_cell(row[column]))
                path = _path_of(file.name) if own else row["file_name"]
                found.append(GivenLabel(path, own, CLASS, class_name, (), where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ColdstartError(
            f"{folder / METADATA} cannot be read ({error}).",
            "The file may be only half written: export or copy it again.",
        ) from error
    return _with_sidecar(folder, found)


def read_manifest_labels(file: Path) -> list[GivenLabel]:
    """The labels of a manifest, each with those who gave the answer that stood."""
    table = read_manifest(file)
    found = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        where = f"row {number} of {file.name}"
        if row["state"] not in LABEL_KINDS:
            raise ColdstartError(
                f"The {where} has the state {row['state']!r}, which is none.",
                f"Use one of {', '.join(LABEL_KINDS)}.",
            )
        if row["labelled_at"] and not _is_whole(row["labelled_at"]):
            raise ColdstartError(
                f"The {where} breaks off in the middle.",
                "The file is only half written: export or copy it again.",
            )
        names = split_names(row["annotators"])
        agreeing = names[: max(1, round(row["agreement"] * len(names)))]
        class_name = check_class_name(row["class_name"]) if row["state"] == CLASS else ""
        found.append(
            GivenLabel(row["path"], row["content_hash"], row["state"], class_name, agreeing, where)
        )
    return found


def folder_name(class_name: str) -> str:
    """The folder of a class: its name, with what no folder may hold percent-encoded."""
    safe = "".join(quote(one, safe="") if one in _UNSAFE else one for one in class_name)
    if safe[:1] == ".":
        safe = "%2E" + safe[1:]
    if safe[-1:] in (".", " "):
        safe = safe[:-1] + quote(safe[-1], safe="").replace(".", "%2E")
    return _shortened(safe, class_name)


def _placed(rows: list[ManifestRow]) -> Iterator[tuple[ManifestRow, str]]:
    """The rows that have a class, each with a file name of its own."""
    taken: set[tuple[str, str]] = set()
    for row in rows:
        if row.state != CLASS:
            continue
        full = quote_from_bytes(os.fsencode(row.path), safe=" !#$&'()+,;=@[]^`{}~")
        ending = Path(row.path).suffix[:10]
        name = _shortened(full, row.path, ending)
        number = 1
        while (row.class_name, name) in taken:  # two image folders may hold the same path
            number += 1
            name = _shortened(f"{full}~{number}", f"{row.path}~{number}", ending)
        taken.add((row.class_name, name))
        yield row, name


def _shortened(name: str, whole: str, ending: str = "") -> str:
    if len(name.encode()) <= _LONGEST_NAME_BYTES:
        return name
    digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    start = name.encode()[: _LONGEST_NAME_BYTES - 40].decode("utf-8", "ignore").rstrip("%")
    return f"{start}~{digest}{ending}"


def _path_of(name: str) -> str:
    return os.fsdecode(unquote_to_bytes(os.fsencode(name)))


def _is_whole(moment: str) -> bool:
    """Whether the last cell of a row, a moment with its time zone, is there to its end."""
    try:
        return datetime.fromisoformat(moment).tzinfo is not None
    except ValueError:
        return False


def _hash_of(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sidecar(folder: Path) -> list[GivenLabel]:
    file = folder / SIDECAR
    return read_manifest_labels(file) if file.is_file() else []


def _with_sidecar(folder: Path, found: list[GivenLabel]) -> list[GivenLabel]:
    """What the folders say, with who said it where that is unchanged, and the images without."""
    labels = []
    said = {(row.path, row.class_name): row for row in _sidecar(folder)}
    by_content: dict[tuple[str, str], list[GivenLabel]] = {}
    for row in said.values():
        by_content.setdefault((row.content_hash, row.class_name), []).append(row)
    for one in found:
        same = by_content.get((one.content_hash, one.class_name), [])
        known = said.get((one.path, one.class_name)) or (same[0] if len(same) == 1 else None)
        labels.append(known or one)
    return [*labels, *(row for row in said.values() if row.state != CLASS)]


def _put(file: Path, target: Path, links: bool) -> None:
    try:
        if links:
            target.symlink_to(os.path.abspath(file))
        else:
            shutil.copyfile(file, target)
    except FileNotFoundError as error:
        raise ColdstartError(
            f"The image {as_text(str(file))} is gone.", "Scan the folder again, then export."
        ) from error


@contextmanager
def _beside(to: Path) -> Iterator[Path]:
    """A folder beside ``to`` that becomes ``to`` at the end, or is gone."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ColdstartError(f"There is something at {to} already.", "Choose a new folder.")
    unfinished = to.with_name(f".{to.name[:100]}.{uuid4().hex}.unfinished")
    try:
        unfinished.mkdir()
        yield unfinished
        os.replace(unfinished, to)
    except OSError as error:
        raise ColdstartError(
            f"The labels cannot be written to {as_text(str(to))}: {error.strerror or error}.",
            "Choose a place that exists, is writable and has room.",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
