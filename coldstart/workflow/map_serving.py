"""A map on its way to the browser: places and colours as packed files, and what one point is.

<project>/maps/served/<name>.places   (n, 2) uint16, little-endian
<project>/maps/served/<name>.groups   (n,) uint8, which colour group each point is of
<project>/maps/served/<name>.ids.npy  (n,) int64, which image each point is; stays on the server

Names are digests of what is inside, so a browser may keep what it has.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.label import shown_name
from coldstart.workflow.map import MapView

KEPT_FILES = 24
MOST_MEMBERS = 5_000
_NAME = re.compile(r"[0-9a-f]{32}\.(places|groups)")


@dataclass(frozen=True)
class MapPoint:
    """One point of a map.

    Attributes
    ----------
    name : the file's name. thumbnail : the content hash. says : its class or state.
    members : points within the project's radius of it, if it has a label; none otherwise.
    """

    image_id: int
    name: str
    thumbnail: str
    says: str
    members: list[int]

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def serve_places(project: Project, view: MapView) -> str:
    """Lay a map's places out for the browser; the name to ask for them by."""
    digest = view.digest
    ids = _folder(project) / f"{digest}.ids.npy"
    if not ids.exists():
        beside = ids.with_name(f"{digest}.tmp.npy")
        np.save(beside, np.asarray(view.image_ids, dtype=np.int64))
        beside.replace(ids)
    return _serve(project, digest, "places", view.packed.tobytes())


def serve_groups(project: Project, groups: ArrayLike) -> str:
    """Lay the colour groups of a map's points out for the browser, (n,) from 0 to 255; the name to
    ask for them by."""
    data = np.asarray(groups, dtype=np.uint8).tobytes()
    return _serve(project, hashlib.sha256(data).hexdigest()[:32], "groups", data)


def served_file(project: Project, name: str) -> Path | None:
    """The file of this name, None if there is no such file."""
    file = project.maps / "served" / name
    return file if _NAME.fullmatch(name) and file.is_file() else None


def images_in(view: MapView, polygon: ArrayLike) -> NDArray[np.int64]:
    """Ids of the images inside a polygon (k, 2), drawn in the whole numbers of `pack_layout`."""
    from coldstart.embeddings.lasso import inside_polygon

    return view.image_ids[inside_polygon(view.packed, polygon)]


def map_point(project: Project, places: str, number: int) -> MapPoint | None:
    """What the point of this number is, on the map whose places have this name; None if there is
    none."""
    ids = _ids(project, places)
    if ids is None or not 0 <= number < len(ids):
        return None
    image_id = int(ids[number])
    row = project.store.images.get([image_id]).get(image_id)
    if row is None:
        return None
    answer = project.store.labels.current([image_id]).get(image_id)
    names = {one.class_id: one.name for one in project.store.labels.classes()}
    labelled = answer is not None and answer.class_id is not None
    says = "unlabelled"
    if answer is not None:
        says = names.get(answer.class_id or -1, answer.kind)
    members = _ball(project, image_id, ids) if labelled else []
    return MapPoint(image_id, shown_name(row.name), row.content_hash or "", says, members)


def _ball(project: Project, image_id: int, ids: NDArray[np.int64]) -> list[int]:
    """Points of the map in the ball around an image: those it covers."""
    from coldstart.workflow.pool import active_set

    embedding_set = active_set(project)
    delta = None if embedding_set is None else _radius(project, embedding_set.name)
    if embedding_set is None or delta is None:
        return []
    row = np.flatnonzero(embedding_set.image_ids == image_id)
    if not len(row):
        return []
    unit = _unit(str(embedding_set.directory), str(embedding_set.meta.get("created_at")))
    near = np.flatnonzero(2 - 2 * (unit @ unit[row[0]]) < delta**2)
    inside = np.isin(ids, embedding_set.image_ids[near])
    return np.flatnonzero(inside)[:MOST_MEMBERS].tolist()


def _radius(project: Project, embedding_set: str) -> float | None:
    """The radius that coverage is told in, None while none has been chosen."""
    from coldstart.workflow.pool import radius_file

    try:
        kept = json.loads(radius_file(project, embedding_set).read_text(encoding="utf-8"))
        return float(kept["delta"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=2)
def _unit(directory: str, created_at: str) -> NDArray[np.float32]:
    """The unit vectors of a set; ``created_at`` tells one computation of it from the next."""
    from coldstart.embeddings.matrix import EmbeddingSet, unit_rows

    return unit_rows(EmbeddingSet.open(Path(directory)).vectors)


def _ids(project: Project, places: str) -> NDArray[np.int64] | None:
    if not re.fullmatch(r"[0-9a-f]{32}", places):
        return None
    try:
        ids: NDArray[np.int64] = np.load(
            project.maps / "served" / f"{places}.ids.npy", mmap_mode="r", allow_pickle=False
        )
    except (OSError, ValueError):
        return None
    return ids


def _serve(project: Project, digest: str, kind: str, data: bytes) -> str:
    folder = _folder(project)
    name = f"{digest}.{kind}"
    try:
        if not (folder / name).exists():
            beside = folder / f"{name}.tmp"
            beside.write_bytes(data)
            beside.replace(folder / name)
        (folder / name).touch()
        _forget_old(folder)
    except OSError as error:
        raise ColdstartError(
            f"The map cannot be written to {folder} ({error.strerror}).", "Make room, and reload."
        ) from error
    return name


def _forget_old(folder: Path) -> None:
    """Colours change with every batch: keep the newest few."""
    files = [file for file in folder.iterdir() if _NAME.fullmatch(file.name)]
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[KEPT_FILES:]:
        file.unlink(missing_ok=True)
        file.with_suffix(".ids.npy").unlink(missing_ok=True)


def _folder(project: Project) -> Path:
    folder = project.maps / "served"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
