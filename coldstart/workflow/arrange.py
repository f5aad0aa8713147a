"""Arrange: the order in which the images of the queue stand on the labeller's pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.labels.arranging import Arrangement, by_likeness, by_suggestion
from coldstart.project import Project
from coldstart.workflow.suggest import suggestions, withheld

ORDERS: dict[str, str] = {
    "rank": "Rank",
    "likeness": "Likeness",
    "suggested": "Suggested class",
}
"""The orders of a page: name -> what a person calls it."""


def arrange(
    project: Project, image_ids: Sequence[int], order: str, *, page_size: int
) -> tuple[list[int], list[int] | None]:
    """The images in the order they are to stand, and the group of each; None: there are no groups.

    Where an order cannot be had yet (nothing embedded, nothing to suggest from), the images stay
    as they are.
    """
    ids = list(image_ids)
    if len(ids) < 2 or order == "rank":
        return ids, None
    if order == "likeness":
        return _by_likeness(project, ids)
    if order == "suggested":
        return _by_suggestion(project, ids, page_size)
    raise ValueError(f"no order is called {order!r}; there are {', '.join(ORDERS)}")


def _by_likeness(project: Project, ids: list[int]) -> tuple[list[int], list[int] | None]:
    from coldstart.workflow.pool import vectors_of

    try:
        known, vectors = vectors_of(project, ids)
    except ColdstartError:
        return ids, None
    if len(known) < 2:
        return ids, None
    found = by_likeness(vectors)
    with_vector = set(known)
    rest = [one for one in ids if one not in with_vector]
    ordered = [known[place] for place in found.order]
    last = int(found.groups[-1]) + 1
    return ordered + rest, found.groups.tolist() + [last] * len(rest)


def _by_suggestion(
    project: Project, ids: list[int], page_size: int
) -> tuple[list[int], list[int] | None]:
    found = suggestions(project, wait=True)  # nobody would see why the page had one group only
    if found is None:
        return ids, None
    classes, chances = found.of(ids)
    silent_on = withheld(project, ids)
    classes = np.where([one in silent_on for one in ids], -1, classes)
    arranged: Arrangement = by_suggestion(
        classes, chances, _vectors(project, ids), page_size=page_size
    )
    return [ids[place] for place in arranged.order], arranged.groups.tolist()


def _vectors(project: Project, ids: list[int]) -> NDArray[np.float32]:
    """(n, d) the images' vectors at length 1; of an image without one, zeros."""
    from coldstart.workflow.pool import vectors_of

    known, vectors = vectors_of(project, ids)
    place = {image_id: number for number, image_id in enumerate(ids)}
    every = np.zeros((len(ids), vectors.shape[1]), dtype=np.float32)
    every[[place[one] for one in known]] = vectors
    return every
