"""Looking at the picks before they are queued; they are kept, so that queueing takes the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from coldstart.progress import Progress, silent
from coldstart.selection import Selection
from coldstart.workflow.desk import Choice, Desk, cannot, make
from coldstart.workflow.pool import radius_file

_KEPT_LOOKS = 20


def look(desk: Desk, choice: Choice, picks: int, *, progress: Progress = silent) -> Selection:
    """The images that the strategy would queue, best first; kept, so that queueing takes the same.

    Raises
    ------
    ColdstartError : the strategy cannot choose here.
    """
    known = kept_look(desk, choice, picks)
    if known is not None:
        return known
    strategy = make(desk.project, choice)
    arrays = desk.arrays(strategy, choice)
    if picks == 0:  # the audit takes them all
        none = np.empty(0)
        return Selection(none.astype(np.int64), none, [], strategy.name, asdict(strategy))
    try:
        found = strategy.select(arrays, picks, wishes=choice.wishes, progress=progress)
    except ValueError as error:
        raise cannot(strategy, error) from error
    _keep_look(desk, choice, picks, found)
    return found


def kept_look(desk: Desk, choice: Choice, picks: int) -> Selection | None:
    """The picks of the same choice from the same pool, if somebody has looked at them before."""
    file = _look_folder(desk) / f"{_look_name(desk, choice, picks)}.json"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        indices = np.array(kept.pop("indices"), dtype=np.int64)
        gains = np.array(kept.pop("gains"), dtype=np.float64)
        return Selection(indices=indices, gains=gains, **kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep_look(desk: Desk, choice: Choice, picks: int, found: Selection) -> None:
    folder = _look_folder(desk)
    folder.mkdir(parents=True, exist_ok=True)
    kept = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in kept[: -_KEPT_LOOKS + 1]:
        old.unlink(missing_ok=True)
    plain = asdict(found) | {"indices": found.indices.tolist(), "gains": found.gains.tolist()}
    file = folder / f"{_look_name(desk, choice, picks)}.json"
    beside = file.with_suffix(".tmp")
    beside.write_text(json.dumps(plain, default=_plain), encoding="utf-8")
    beside.replace(file)


def _look_folder(desk: Desk) -> Path:
    return radius_file(desk.project, desk.pool.embedding_set).parent / "looks"


def _look_name(desk: Desk, choice: Choice, picks: int) -> str:
    """A name for all that decides the picks."""
    pool = desk.pool
    strategy = make(desk.project, choice)
    said = [strategy, choice.wishes, choice.away, picks, pool.class_names, desk.share > 0]
    digest = hashlib.blake2b(repr(said).encode(), digest_size=12)
    weights = np.empty(0) if desk.weights is None else desk.weights
    digest.update(repr(desk.every.unit[[0, -1]].tolist()).encode())
    digest.update(pool.pictures.digest)
    for array in (pool.labelled, pool.aside, pool.waiting, pool.apart, weights):
        digest.update(str(len(array)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """A number of numpy's as one of Python's; anything else as its words."""
    return value.item() if isinstance(value, np.generic) else str(value)
