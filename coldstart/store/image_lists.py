"""Lists of images as pages ask for them: which rows belong to each, and in what order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select

from coldstart.store.image_rows import IN_POOL
from coldstart.store.schema import batch_images, images, standing_answers

# Lists that the labels decide on; each is also a state of `labels.states`, but for two.
LABELLED_LISTS = ("unlabelled", "class", "skipped", "unsure", "excluded", "disagreement")

# A list of images as a page may ask for it: name -> which rows.
FILTERS = (
    "usable",
    "unlabelled",
    "queue",
    "class",
    "skipped",
    "unsure",
    "excluded",
    "disagreement",
    "problem",
    "missing",
    "left out",
)

_TABLE_BYTES = 100_000_000


@dataclass(frozen=True)
class ImageFilter:
    """Which usable images: by the state, class and annotator of the answer that stands, and by a
    part of the path. What is empty or None does not matter."""

    state: str = ""  # unlabelled | queue | class | skipped | unsure | excluded
    class_id: int | None = None
    annotator: str = ""
    path: str = ""

    @property
    def is_empty(self) -> bool:
        return self == ImageFilter()


def filtered(query: Select, which: str) -> Select:
    """The query over `images` for a list named in `FILTERS`, in its order."""
    if which == "usable":
        return query.where(IN_POOL).order_by(images.c.image_id)
    if which == "problem":
        broken = images.c.problem.isnot(None) & images.c.missing.is_(False)
        return query.where(broken).order_by(images.c.root, images.c.path)
    if which == "missing":
        return query.where(images.c.missing.is_(True)).order_by(images.c.root, images.c.path)
    if which == "left out":
        left_out = images.c.excluded_for.isnot(None) & images.c.missing.is_(False)
        return query.where(left_out).order_by(images.c.image_id)
    if which == "queue":
        first = (
            select(
                batch_images.c.image_id,
                func.min(batch_images.c.batch_id).label("batch_id"),
                func.min(batch_images.c.rank).label("rank"),
                func.max(batch_images.c.wanted).label("wanted"),
            )
            .group_by(batch_images.c.image_id)
            .subquery()
        )
        joined = query.join_from(images, first, first.c.image_id == images.c.image_id)
        unanswered = wants_an_answer(first.c.image_id, first.c.wanted)
        return joined.where(IN_POOL & unanswered).order_by(first.c.batch_id, first.c.rank)
    raise ValueError(f"no list of images is called {which!r}; there are {', '.join(FILTERS)}")


def wants_an_answer(image_id, wanted):  # type: ignore[no-untyped-def]
    """Clause: fewer people than wanted have answered this image, and no reviewer has decided."""
    answers = standing_answers.alias()
    count = select(func.count()).where(answers.c.image_id == image_id).scalar_subquery()
    reviewed = select(answers.c.event_id).where((answers.c.image_id == image_id) & answers.c.review)
    return (count < wanted) & ~reviewed.exists()


def without(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """``ids`` that are not among ``others``, in their order."""
    return ids[~among(ids, others)]


def within(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ``others`` that are among ``ids``, in their order."""
    return others[among(others, ids)]


def among(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) which of these image ids are among the others; neither need be in order."""
    if not len(ids) or not len(others):
        return np.zeros(len(ids), dtype=bool)
    last = int(max(ids.max(), others.max()))
    if last > _TABLE_BYTES:
        return np.isin(ids, others)
    # Ids are counted up from 1, so that a table with a place for each is small: a million images
    # are looked up in it in two milliseconds, and searched for in fifty.
    inside = np.zeros(last + 1, dtype=bool)
    inside[others] = True
    return inside[ids]
