"""Find: images by state, class, annotator, path, suggestion, doubt, likeness or words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import ImageFilter
from coldstart.workflow.pool import active_set, vectors_of

_BLOCK_ROWS = 16_384
MOST_ALIKE = 500


@dataclass(frozen=True)
class Search:
    """What is looked for; what is None or empty does not matter.

    state : unlabelled, queue, class, skipped, unsure or excluded. class_id, annotator : of the
    standing answer. path : a part of the path. suggested : the class suggested. doubt : the least
    sure first, with the suggestion's probability at most this. like : the nearest to this image
    first. words : what a text search finds, the best first.
    """

    state: str = ""
    class_id: int | None = None
    annotator: str = ""
    path: str = ""
    suggested: int | None = None
    doubt: float | None = None
    like: int | None = None
    words: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Search()

    @property
    def ranked(self) -> bool:
        """Whether vectors or suggestions decide, and not the database alone."""
        return bool(self.words) or any(
            one is not None for one in (self.suggested, self.doubt, self.like)
        )


def find(
    project: Project, search: Search, *, limit: int | None = None, offset: int = 0
) -> tuple[list[int], int]:
    """Ids of the usable images that fit, in order, from ``offset`` on; and how many fit in all.

    Raises
    ------
    ColdstartError : something looked for needs vectors, words or suggestions that are not there.
    """
    rows = ImageFilter(search.state, search.class_id, search.annotator, search.path)
    if search.ranked:
        ids = np.asarray(_ranked(project, search), dtype=np.int64)
        if not rows.is_empty:
            ids = ids[np.isin(ids, project.store.images.matching(rows))]
    else:
        ids = project.store.images.matching(rows)
    end = None if limit is None else offset + limit
    return ids[offset:end].tolist(), len(ids)


def like_image(project: Project, image_id: int, *, limit: int = MOST_ALIKE) -> list[int]:
    """The image itself and the usable images nearest to it, the nearest first.

    Raises
    ------
    ColdstartError : the image has no vector in the active set.
    """
    known, vectors = vectors_of(project, [image_id])
    if not known:
        raise ColdstartError(
            "This image has no vector, so nothing can be compared with it.",
            "Compute the embeddings again.",
        )
    return nearest_to(project, vectors[0], limit=limit)


def nearest_to(project: Project, query: NDArray[np.float32], *, limit: int) -> list[int]:
    """Ids of the images nearest to a unit vector (d,), by cosine, over all vectors in blocks."""
    embedding_set = active_set(project)
    assert embedding_set is not None  # the query came from it
    vectors = embedding_set.vectors
    similar = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = np.asarray(vectors[start : start + _BLOCK_ROWS])
        lengths = np.maximum(np.linalg.norm(block, axis=1), 1e-12)
        similar[start : start + len(block)] = block @ query / lengths
    count = min(2 * limit, len(similar))  # some may be gone or unusable
    best = np.argpartition(-similar, count - 1)[:count]
    best = best[np.argsort(-similar[best], kind="stable")]
    ids = embedding_set.image_ids[best].tolist()
    rows = project.store.images.get(ids)
    usable = [one for one in ids if one in rows and rows[one].usable]
    return usable[:limit]


def _ranked(project: Project, search: Search) -> list[int]:
    ids: Sequence[int] | None = None
    if search.words:
        from coldstart.workflow.text import search_text

        ids = search_text(project, search.words)
    if search.like is not None:
        near = like_image(project, search.like)
        ids = near if ids is None else [one for one in near if one in set(ids)]
    if search.suggested is None and search.doubt is None:
        return list(ids or ())
    return _by_suggestion(project, search, ids)


def _by_suggestion(project: Project, search: Search, within: Sequence[int] | None) -> list[int]:
    from coldstart.workflow.suggest import suggestions

    found = suggestions(project, wait=True)
    if found is None:
        raise ColdstartError(
            "Nothing is suggested yet.", "Label at least six images of two classes first."
        )
    ids = found.image_ids if within is None else np.asarray(within, dtype=np.int64)
    classes, chances = found.of(ids.tolist())
    keep = classes >= 0
    if search.suggested is not None:
        keep &= classes == search.suggested
    if search.doubt is not None:
        keep &= chances <= search.doubt
    ids, chances = ids[keep], chances[keep]
    if within is None:
        ids = ids[np.argsort(chances if search.doubt is not None else -chances, kind="stable")]
    aside = set(project.store.audit.reserved())  # what is suggested for them is never shown
    return [one for one in ids.tolist() if one not in aside]
