"""A file that lies elsewhere (in a zip, in an object store), as a path that is fetched when opened.

Encoders, thumbnails and training open images by path and need not know where they come from. What
is fetched over the network is kept in a folder of bounded size; the file used longest ago goes
first.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

LARGEST_FILE_BYTES = 2**30
"""A file is fetched whole; one larger than this is refused before that."""
DEFAULT_CACHE_BYTES = 10 * 2**30

_PARALLEL_FETCHES = 16
_FRESH_S = 120.0
_SWEPT_TO = 0.8


class Origin(Protocol):
    """Where fetched files come from; picklable, so that worker processes can fetch."""

    @property
    def keeps_copies(self) -> bool:
        """Whether a fetched file is worth keeping on disk."""

    @property
    def cache(self) -> Path:
        """The folder for copies."""

    @property
    def cache_bytes(self) -> int:
        """How much the folder may hold."""

    def read(self, key: str) -> bytes:
        """The content of one file; raises `OSError`."""


class FetchedPath(type(Path())):  # type: ignore[misc]  # the plain paths of this system
    """The place of the local copy; `open` and `local` fetch it first."""

    _origin: Origin | None = None
    _key = ""

    def open(self, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        """Open the content for reading; it is fetched if there is no copy.

        Raises
        ------
        OSError : it cannot be fetched, or is larger than `LARGEST_FILE_BYTES`.
        """
        origin = self._origin
        if origin is None or mode != "rb":
            return super().open(mode, *arguments, **options)
        with suppress(FileNotFoundError):
            file = super().open("rb")
            _touch(self)
            return file
        content = origin.read(self._key)
        if origin.keeps_copies:
            # A disk without room costs the copy, not the picture.
            with suppress(OSError):
                _keep(Path(str(self)), content, origin)
        return io.BufferedReader(io.BytesIO(content))

    def local(self) -> Path:
        """The copy on disk, as a plain path; raises `OSError` if it cannot be made."""
        place = Path(str(self))
        if self._origin is not None and not place.exists():
            _keep(place, self._origin.read(self._key), self._origin)
        return place

    def __reduce__(self) -> tuple[Any, ...]:
        return fetched_path, (str(self), self._origin, self._key)


def fetched_path(place: Path | str, origin: Origin | None, key: str) -> FetchedPath:
    """The path of a file whose copy lies, or will lie, at ``place``."""
    path = FetchedPath(place)
    path._origin = origin
    path._key = key
    return path


def place_in_cache(origin: Origin, key: str, stamp: str) -> FetchedPath:
    """Where the copy of ``key`` lies; another ``stamp`` (size, time) is another copy."""
    name = hashlib.sha256(f"{key}\0{stamp}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
    suffix = Path(key).suffix[:10]
    suffix = suffix if suffix[1:].isalnum() and suffix.isascii() else ""
    return fetched_path(origin.cache / name[:2] / f"{name}{suffix}", origin, key)


def prefetched(paths: Iterable[Path]) -> Iterator[Path]:
    """The same paths in the same order, those that are fetched with their copies under way.

    What cannot be fetched is passed on as it is: opening it will say why.
    """
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    def fetch(path: Path) -> Path:
        if isinstance(path, FetchedPath) and path._origin and path._origin.keeps_copies:
            with suppress(OSError):
                path.local()
        return path

    waiting: deque[Future[Path]] = deque()
    with ThreadPoolExecutor(_PARALLEL_FETCHES, thread_name_prefix="fetch") as threads:
        try:
            for path in paths:
                if not isinstance(path, FetchedPath):
                    while waiting:
                        yield waiting.popleft().result()
                    yield path
                    continue
                waiting.append(threads.submit(fetch, path))
                if len(waiting) >= 4 * _PARALLEL_FETCHES:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def too_large(size_bytes: int) -> OSError:
    """The refusal of a file that would not be fetched."""
    return OSError(errno.EFBIG, f"at {size_bytes:,} bytes it is too large to be fetched")


def _touch(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _FRESH_S / 2:
            os.utime(path)


_written: dict[Path, int] = {}
_sweeping = threading.Lock()


def _keep(place: Path, content: bytes, origin: Origin) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, place)
    finally:
        unfinished.unlink(missing_ok=True)
    with _sweeping:
        # None written yet: what an earlier process left behind counts too.
        written = _written.get(origin.cache, origin.cache_bytes) + len(content)
        if written > origin.cache_bytes * (1 - _SWEPT_TO):
            sweep(origin.cache, origin.cache_bytes)
            written = 0
        _written[origin.cache] = written


def sweep(cache: Path, most_bytes: int) -> int:
    """Delete the copies used longest ago until the rest fits; the bytes that remain.

    Copies used within the last two minutes stay: somebody may be about to open them.
    """
    files = []
    for folder, _, names in os.walk(cache):
        for name in names:
            with suppress(OSError):
                status = os.stat(os.path.join(folder, name))
                files.append((status.st_mtime, status.st_size, os.path.join(folder, name)))
    total = sum(size for _, size, _ in files)
    if total <= most_bytes * _SWEPT_TO:
        return total
    for used_at, size, file in sorted(files):
        if total <= most_bytes * _SWEPT_TO or time.time() - used_at < _FRESH_S:
            break
        with suppress(OSError):
            os.unlink(file)
            total -= size
    return total
