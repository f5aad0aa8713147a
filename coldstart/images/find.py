"""Every regular file below a folder, quickly and in an order that does not change between runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coldstart.errors import ColdstartError

PROJECT_FILE = "coldstart.toml"
PROJECT_FOLDERS = frozenset(
    {"thumbnails", "embeddings", "maps", "graphs", "models", "exports", "logs", "cache"}
)
"""What a project writes beside its `PROJECT_FILE`: never the person's own images."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file: its path relative to the root (with ``/``), its size and when it last changed."""

    path: str
    size_bytes: int
    mtime_ns: int


def find_files(
    root: Path, on_unreadable: Callable[[str, str], None] | None = None
) -> Iterator[FoundFile]:
    """Yield every file below ``root``, folder by folder, names in order.

    Links to files are followed, links to folders are not (they may form a loop). A link that leads
    nowhere is yielded too, so that checking it can say so. Hidden files and folders, and what a
    coldstart project writes beside its ``coldstart.toml``, are left out. Names in any encoding
    survive (undecodable bytes become lone surrogates, as everywhere in Python).

    Parameters
    ----------
    root : the folder to search.
    on_unreadable : called with the relative path of a folder that cannot be listed, and why.

    Raises
    ------
    ColdstartError : ``root`` itself does not exist, is no folder, or cannot be listed.
    """
    # Checked here, not at the first `next`, so that a wrong folder is refused at once.
    if not root.exists():
        raise ColdstartError(
            f"The folder {_shown(root)} does not exist.", "Check the path for a typing mistake."
        )
    if not root.is_dir():
        raise ColdstartError(
            f"{_shown(root)} is a file, not a folder.", "Give the folder that holds the images."
        )
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise ColdstartError(
            f"The folder {_shown(root)} cannot be listed: {error.strerror}.",
            "Give the account that runs coldstart the right to read it.",
        ) from error
    return _walk(root, on_unreadable)


def _walk(root: Path, on_unreadable: Callable[[str, str], None] | None) -> Iterator[FoundFile]:
    waiting = [""]  # relative folders still to list, "" or ending in "/"
    while waiting:
        folder = waiting.pop()
        try:
            subfolders, others = _listed(os.path.join(root, folder))
        except OSError as error:
            if on_unreadable is not None:
                on_unreadable(folder.rstrip("/"), error.strerror or "unreadable")
            continue
        for name in others:
            try:
                status = _status(os.path.join(root, folder, name))
            except FileNotFoundError:  # deleted while we look
                continue
            except OSError as error:
                if on_unreadable is not None:
                    on_unreadable(folder + name, error.strerror or "unreadable")
                continue
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                yield FoundFile(folder + name, status.st_size, status.st_mtime_ns)
        waiting.extend(f"{folder}{name}/" for name in reversed(subfolders))


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """The folders in a folder and its other entries by name, in order, without hidden ones.

    The names alone: of a million files in one folder the entries would fill 900 MB, not 90.
    """
    subfolders: list[str] = []
    others: list[str] = []
    is_project = False
    with os.scandir(folder) as listing:
        for entry in listing:
            is_project = is_project or entry.name == PROJECT_FILE
            if entry.name.startswith("."):
                continue
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError:
                is_folder = False  # what is wrong with it is said when it is looked at
            (subfolders if is_folder else others).append(entry.name)
    if is_project:
        subfolders = [name for name in subfolders if name not in PROJECT_FOLDERS]
    return sorted(subfolders), sorted(others)


def _status(path: str) -> os.stat_result:
    """What a path leads to; for a link that leads nowhere, the link itself."""
    try:
        return os.stat(path)
    except OSError:
        if os.path.islink(path):
            return os.lstat(path)
        raise


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
