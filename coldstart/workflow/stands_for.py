"""Stands for: the images that one image was picked to represent."""

from __future__ import annotations

import json
from dataclasses import dataclass

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.find import nearest_to
from coldstart.workflow.pool import active_set, radius_file, vectors_of

_SHOWN = 48
_COUNTED = 2_000


@dataclass(frozen=True)
class StandsFor:
    """image_ids : the nearest first, without the image itself. words : what they are."""

    image_ids: list[int]
    words: str


def stands_for(project: Project, image_id: int) -> StandsFor:
    """The images in the ball around one, or its nearest where no radius has been chosen yet.

    Raises
    ------
    ColdstartError : the image has no vector in the active set.
    """
    import numpy as np

    embedding_set = active_set(project)
    known, own = vectors_of(project, [image_id]) if embedding_set is not None else ([], None)
    if embedding_set is None or own is None or not known:
        raise ColdstartError("This image has no vector yet.", "Compute the embeddings again.")
    near = [one for one in nearest_to(project, own[0], limit=_COUNTED) if one != image_id]
    delta = _delta(project, embedding_set.name)
    if delta is None or not near:
        return StandsFor(near[:_SHOWN], "The images most like it.")
    ids, vectors = vectors_of(project, near)
    inside = np.linalg.norm(vectors - own[0], axis=1) <= delta
    members = [one for one, within in zip(ids, inside, strict=True) if within]
    if not members:
        return StandsFor(
            near[:_SHOWN],
            f"It stands alone: none lies within the radius {delta:.2f}. The images most like it.",
        )
    many = f"{len(members):,}" if len(members) < len(ids) else f"more than {len(members):,}"
    images = "image lies" if len(members) == 1 else "images lie"
    words = f"{many} {images} within the radius {delta:.2f} of it."
    return StandsFor(members[:_SHOWN], words)


def _delta(project: Project, embedding_set: str) -> float | None:
    try:
        kept = json.loads(radius_file(project, embedding_set).read_text(encoding="utf-8"))
        return float(kept["delta"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
