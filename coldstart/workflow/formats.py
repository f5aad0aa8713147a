"""Formats and sizes of a pool, counted once after a scan and kept for the next process."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict

from coldstart.project import Project
from coldstart.store import PoolFormats

_FILE = "formats.json"
_WORTH_A_FILE = 20_000  # images; fewer are counted in no time


def pool_formats(project: Project) -> PoolFormats:
    """What the Data page tells of the pool; of a large one it is read from all rows once only."""
    return project.store.images.remembered("formats", lambda: _kept_or_counted(project))


def _kept_or_counted(project: Project) -> PoolFormats:
    images = project.store.images
    # Counts too, for a database that was put back from a copy may come to the same version again.
    about = [project.id, images.version(), images.count("usable"), images.last_id()]
    file = project.cache / _FILE
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["about"] == about:
            sizes = None if kept["sizes"] is None else tuple(kept["sizes"])
            return PoolFormats([(name, number) for name, number in kept["counts"]], sizes)
    found = images.formats()
    if images.count("usable") >= _WORTH_A_FILE:
        with suppress(OSError):  # a full disk: then the next process counts them too
            file.parent.mkdir(parents=True, exist_ok=True)
            beside = file.with_name(f"formats-{os.getpid()}.tmp")
            beside.write_text(json.dumps({"about": about} | asdict(found)), encoding="utf-8")
            beside.replace(file)
    return found
