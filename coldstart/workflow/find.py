"""Find: images by state, class, annotator, path, suggestion, doubt, likeness or words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import ImageFilter, among, within
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

    @property
    def order_words(self) -> str:
        """In which order `find` gives the images."""
        if self.like is not None:
            return "the most alike first"
        if self.words:
            return "those that the words describe best first"
        if self.doubt is not None:
            return "the least sure first"
        return "in the order of the scan" if self.suggested is None else "the surest first"


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
        ids = _ranked(project, search)
        if not rows.is_empty:
            ids = within(project.store.images.matching(rows), ids)
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
    usable = within(project.store.images.pool_index()[0], embedding_set.image_ids[best])
    found: list[int] = usable[:limit].tolist()
    return found


def _ranked(project: Project, search: Search) -> NDArray[np.int64]:
    ids: NDArray[np.int64] | None = None
    if search.words:
        from coldstart.workflow.text import search_text

        ids = np.array(search_text(project, search.words), dtype=np.int64)
    if search.like is not None:
        near = np.array(like_image(project, search.like), dtype=np.int64)
        ids = near if ids is None else within(ids, near)
    if search.suggested is None and search.doubt is None:
        return np.empty(0, np.int64) if ids is None else ids
    return _by_suggestion(project, search, ids)


def _by_suggestion(
    project: Project, search: Search, within: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    from coldstart.workflow.suggest import suggestions

    found = suggestions(project, wait=True)
    if found is None:
        raise ColdstartError(
            "Nothing is suggested yet.", "Label at least six images of two classes first."
        )
    if within is None:
        ids, classes, chances = found.image_ids, found.classes, found.probabilities
    else:
        ids = within
        classes, chances = found.of(ids)
    keep = classes >= 0
    if search.suggested is not None:
        keep &= classes == search.suggested
    if search.doubt is not None:
        keep &= chances <= search.doubt
    aside = np.array(project.store.audit.reserved(), dtype=np.int64)
    ids, chances = ids[keep], chances[keep]
    shown = ~among(ids, aside)  # what is suggested for them is never shown
    ids, chances = ids[shown], chances[shown]
    if within is not None:
        return ids
    return ids[np.argsort(chances if search.doubt is not None else -chances, kind="stable")]
