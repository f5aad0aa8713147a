"""Where images come from: a folder, a list of paths, a zip, or a place that fsspec reads.

A source yields its files one after another, so that a million of them need no more memory than a
thousand, and gives each file as a path that can be opened (`fetched.FetchedPath` where it lies
elsewhere).
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from coldstart.errors import ColdstartError
from coldstart.images.fetched import (
    DEFAULT_CACHE_BYTES,
    LARGEST_FILE_BYTES,
    place_in_cache,
    too_large,
)
from coldstart.images.find import FoundFile, find_files
from coldstart.images.formats import IMAGE_SUFFIXES, is_image_candidate
from coldstart.images.path_lists import LIST_SUFFIXES, read_path_list

Unreadable = Callable[[str, str], None]

_URL = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


class Source(Protocol):
    """One entry of a project's ``images``."""

    @property
    def shown(self) -> str:
        """What a person calls it."""

    @property
    def is_local(self) -> bool:
        """Whether `file` gives files that lie where they are, and not copies."""

    @property
    def place(self) -> Path:
        """The local folder or file behind it; for a URL the folder of its copies."""

    def check(self) -> None:
        """Raise `ColdstartError` if no images can be looked for in it now."""

    def find(self, on_unreadable: Unreadable | None = None) -> Iterator[FoundFile]:
        """Every file, a folder at a time; raises `ColdstartError` as `check` does."""

    def is_candidate(self, path: str) -> bool:
        """Whether the file claims to be an image."""

    def file(self, path: str, stamp: str = "") -> Path:
        """The file at ``path``, which may be opened; ``stamp`` changes when its content does."""

    def relative(self, path: str) -> str | None:
        """A full path or URL as this source names it; None if it is none of its own."""


def is_url(text: str) -> bool:
    """Whether ``text`` names a place by URL."""
    return _URL.match(text) is not None


def open_source(
    text: str,
    *,
    cache: Path,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
    storage: Mapping[str, Any] | None = None,
) -> Source:
    """The source that ``text`` names: a URL, a zip, a list of paths, or else a folder.

    Parameters
    ----------
    text : an absolute path, or a URL.
    cache : the folder for copies of files that lie elsewhere.
    cache_bytes : how much it may hold.
    storage : protocol -> options for the file system of fsspec, such as ``{"s3": {"anon": true}}``.

    Raises
    ------
    ColdstartError : it is a URL that names another file system inside it.
    """
    url = _URL.match(text)
    if url is not None:
        if "::" in text:
            raise ColdstartError(
                f"The URL {text} is a chain of places.", "Name the place of the images alone."
            )
        protocol = url.group(1).lower()
        options = dict((storage or {}).get(protocol, {}))
        return RemoteSource(text.rstrip("/"), options, cache, cache_bytes)
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix == ".zip" and not path.is_dir():
        return ZipSource(path, cache, cache_bytes)
    if suffix in LIST_SUFFIXES and not path.is_dir():
        return ListSource(path)
    return FolderSource(path)


@dataclass(frozen=True)
class FolderSource:
    """Every image below a folder."""

    folder: Path
    is_local: bool = True

    @property
    def shown(self) -> str:
        return _shown(self.folder)

    @property
    def place(self) -> Path:
        return self.folder

    def check(self) -> None:
        check_image_folder(self.folder)

    def find(self, on_unreadable: Unreadable | None = None) -> Iterator[FoundFile]:
        return find_files(self.folder, on_unreadable)

    def is_candidate(self, path: str) -> bool:
        return is_image_candidate(self.folder / path)

    def file(self, path: str, stamp: str = "") -> Path:
        return self.folder / path

    def relative(self, path: str) -> str | None:
        return _below(self.folder.as_posix(), path)


@dataclass(frozen=True)
class ListSource:
    """The files named in a CSV, JSON lines or Parquet file; relative ones lie beside the list."""

    list_file: Path
    is_local: bool = True

    @property
    def shown(self) -> str:
        return _shown(self.list_file)

    @property
    def place(self) -> Path:
        return self.list_file.parent

    def check(self) -> None:
        next(read_path_list(self.list_file), None)

    def find(self, on_unreadable: Unreadable | None = None) -> Iterator[FoundFile]:
        seen: set[int] = set()  # hashes of the paths, which are longer
        for path in read_path_list(self.list_file):
            if hash(path) in seen:
                continue
            seen.add(hash(path))
            try:
                status = os.stat(self.place / path)
                if not stat.S_ISREG(status.st_mode):
                    raise OSError(0, "it is not a file")
                yield FoundFile(path, status.st_size, status.st_mtime_ns)
            except FileNotFoundError:
                yield FoundFile(path, 0, 0)  # checking it will say that it is missing
            except (OSError, ValueError) as error:
                if on_unreadable is not None:
                    on_unreadable(path, getattr(error, "strerror", None) or str(error))

    def is_candidate(self, path: str) -> bool:
        return True  # a person has named it

    def file(self, path: str, stamp: str = "") -> Path:
        return self.place / path

    def relative(self, path: str) -> str | None:
        return _below(self.place.as_posix(), path)


@dataclass(frozen=True)
class ZipSource:
    """The images in a zip, read from it where it lies; nothing is unpacked beside it."""

    archive: Path
    cache: Path
    cache_bytes: int = DEFAULT_CACHE_BYTES
    is_local: bool = False
    keeps_copies: bool = False  # reading from the zip costs no more than from a copy

    @property
    def shown(self) -> str:
        return _shown(self.archive)

    @property
    def place(self) -> Path:
        return self.archive

    def check(self) -> None:
        _refuse_climbing(self._open(), self.archive)

    def find(self, on_unreadable: Unreadable | None = None) -> Iterator[FoundFile]:
        archive = self._open()
        _refuse_climbing(archive, self.archive)
        return self._members(archive)

    def _members(self, archive: zipfile.ZipFile) -> Iterator[FoundFile]:
        names: set[str] = set()
        for member in archive.infolist():
            hidden = any(part.startswith((".", "__MACOSX")) for part in member.filename.split("/"))
            is_link = stat.S_ISLNK(member.external_attr >> 16)
            if member.is_dir() or hidden or is_link or member.filename in names:
                continue
            names.add(member.filename)
            # The checksum says more of a member than its time.
            yield FoundFile(member.filename, member.file_size, member.CRC)

    def is_candidate(self, path: str) -> bool:
        return _has_image_suffix(path)

    def file(self, path: str, stamp: str = "") -> Path:
        return place_in_cache(self, path, stamp)

    def relative(self, path: str) -> str | None:
        return _below(self.archive.as_posix(), path)

    def read(self, key: str) -> bytes:
        try:
            archive = self._open()
            member = archive.getinfo(key)
            if member.file_size > LARGEST_FILE_BYTES:
                raise too_large(member.file_size)
            return archive.read(member)
        except ColdstartError as error:
            raise OSError(0, error.problem.rstrip(".")) from error
        except KeyError as error:
            raise FileNotFoundError(key) from error
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            # Encrypted, packed in an unknown way, or damaged.
            raise OSError(0, str(error)) from error
        except Exception as error:
            if type(error).__name__ == "error":  # zlib's
                raise OSError(0, "the zip is damaged here") from error
            raise

    def _open(self) -> zipfile.ZipFile:
        try:
            status = os.stat(self.archive)
            return _opened_zip(str(self.archive), status.st_size, status.st_mtime_ns)
        except FileNotFoundError as error:
            raise ColdstartError(
                f"The zip {self.shown} does not exist.", "Check the path for a typing mistake."
            ) from error
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ColdstartError(
                f"The zip {self.shown} cannot be opened: {reason}.", "Copy or download it again."
            ) from error


@dataclass(frozen=True)
class RemoteSource:
    """The images below a URL that fsspec reads (``s3://``, ``gs://``, ``az://``, ``hf://``, …)."""

    url: str
    options: dict[str, Any] = field(hash=False)
    cache: Path
    cache_bytes: int = DEFAULT_CACHE_BYTES
    is_local: bool = False
    keeps_copies: bool = True

    @property
    def shown(self) -> str:
        return self.url

    @property
    def place(self) -> Path:
        return self.cache

    def check(self) -> None:
        system, root = self._system()
        try:
            system.invalidate_cache()
            found = system.exists(root)
        except Exception as error:
            raise self._unreachable(error) from error
        if not found:
            raise ColdstartError(
                f"There is nothing at {self.url}.", "Check the name, and your access to it."
            )

    def find(self, on_unreadable: Unreadable | None = None) -> Iterator[FoundFile]:
        self.check()
        return self._walk()

    def _walk(self) -> Iterator[FoundFile]:
        system, root = self._system()
        prefix = root.rstrip("/") + "/"
        try:
            for _, _, files in system.walk(root, detail=True, on_error="raise"):
                for name in sorted(files):
                    facts = files[name]
                    path = str(facts["name"])
                    inside = path[len(prefix) :] if path.startswith(prefix) else name
                    if any(part.startswith(".") for part in inside.split("/")):
                        continue
                    yield FoundFile(inside, int(facts.get("size") or 0), _stamp_of(facts))
        except ColdstartError:
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    def is_candidate(self, path: str) -> bool:
        return _has_image_suffix(path)

    def file(self, path: str, stamp: str = "") -> Path:
        return place_in_cache(self, path, stamp)

    def relative(self, path: str) -> str | None:
        return _below(self.url, path)

    def read(self, key: str) -> bytes:
        system, root = self._system()
        path = f"{root.rstrip('/')}/{key}"
        try:
            size = int(system.size(path) or 0)
            if size > LARGEST_FILE_BYTES:
                raise too_large(size)
            content: bytes = system.cat_file(path)
            return content
        except OSError:
            raise
        except Exception as error:
            raise OSError(0, f"{self.url} does not answer ({type(error).__name__})") from error

    def _system(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        try:
            system, root = url_to_fs(self.url, **self.options)
        except ImportError as error:
            raise ColdstartError(
                f"Reading {self.url} needs a package that is not installed ({error}).",
                "Install it with: pip install 'coldstart[cloud]'.",
            ) from error
        except Exception as error:
            raise ColdstartError(
                f"{self.url} is no place coldstart can read ({error}).",
                "Give a URL such as s3://bucket/folder.",
            ) from error
        return system, root

    def _unreachable(self, error: Exception) -> ColdstartError:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        return ColdstartError(
            f"{self.url} cannot be listed ({reason or type(error).__name__}).",
            "Check the name, the network, and that your account may read it.",
        )


def check_image_folder(folder: str | os.PathLike[str]) -> Path:
    """``folder`` as an absolute path, if images can be looked for in it.

    Raises
    ------
    ColdstartError : it does not exist, is not a folder, or may not be read.
    """
    path = Path(folder).expanduser().absolute()
    try:
        if not path.exists():
            raise ColdstartError(
                f"The folder {path} does not exist.", "Check the spelling, or browse to it."
            )
        if not path.is_dir():
            raise ColdstartError(
                f"{path} is a file, not a folder, a zip or a list.",
                "Name the folder that holds the images, a .zip, or a .csv, .jsonl or .parquet list "
                "of their paths.",
            )
        with os.scandir(path):
            pass
    except PermissionError:
        raise ColdstartError(
            f"The folder {path} may not be read by this account.",
            "Ask for read permission, or copy the images to a folder of your own.",
        ) from None
    except (OSError, ValueError) as error:
        raise ColdstartError(
            f"The folder {str(path)[:200]!r} cannot be opened ({error}).", "Check the path."
        ) from error
    return path


@lru_cache(maxsize=4)
def _opened_zip(path: str, size: int, mtime_ns: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _refuse_climbing(archive: zipfile.ZipFile, file: Path) -> None:
    for name in archive.namelist():
        plain = name.replace("\\", "/")
        if plain.startswith("/") or ".." in plain.split("/") or re.match(r"^[A-Za-z]:", plain):
            raise ColdstartError(
                f"The zip {_shown(file)} holds a file that would climb out of it ({name[:100]!r}).",
                "Do not trust it; ask for it again, packed without such paths.",
            )


def _stamp_of(facts: Mapping[str, Any]) -> int:
    """A number that changes when the file does: its time, else its checksum."""
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        time = facts.get(name)
        if hasattr(time, "timestamp"):
            return int(time.timestamp() * 1e9)  # type: ignore[union-attr]
        if isinstance(time, int | float):
            return int(time * 1e9)
    import zlib

    for name in ("ETag", "etag", "md5Hash", "blob_id", "checksum"):
        if facts.get(name):
            return zlib.crc32(str(facts[name]).encode())
    return 0


def _has_image_suffix(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES


def _below(prefix: str, path: str) -> str | None:
    prefix = prefix.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
