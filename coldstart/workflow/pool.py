"""The pool as arrays: vectors of the active embedding set beside what has been answered."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet
    from coldstart.selection import Pool

# The budget the project's radius is chosen for: some batches into the work.
_RADIUS_BUDGET = 100


@dataclass(frozen=True)
class ProjectPool:
    """Every usable image that has a vector, in the order of ``image_ids``.

    Attributes
    ----------
    embedding_set : the set's name.
    vectors : (n, d) float32.
    image_ids : (n,) int64.
    content_hashes : (n,) names the picture: copies have the same.
    labelled : (m,) int64 rows that stand at a class.
    class_names : the class of each labelled row.
    aside : rows skipped, unsure or disagreed about: not to be asked again, and no label either.
    waiting : rows queued and not answered.
    without_vector : how many usable images the set lacks.
    reserve : ids of the images kept aside for the audit, in the order of asking.
    apart : rows of the reserve and of all copies of its pictures: no strategy may pick or see them,
        and no model that is measured may learn from them.
    """

    embedding_set: str
    vectors: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    content_hashes: list[str]
    labelled: NDArray[np.int64]
    class_names: list[str]
    aside: NDArray[np.int64]
    waiting: NDArray[np.int64]
    without_vector: int
    reserve: tuple[int, ...]
    apart: NDArray[np.int64]

    def with_reserve(self, reserve: Sequence[int], pictures: Collection[str]) -> ProjectPool:
        """The same pool with these images, of these content hashes, kept aside for the audit."""
        apart = [row for row, picture in enumerate(self.content_hashes) if picture in pictures]
        return replace(self, reserve=tuple(reserve), apart=np.array(apart, dtype=np.int64))

    def training_labels(self) -> tuple[NDArray[np.int64], list[str]]:
        """Rows whose labels a model that is measured may learn from, and the class of each."""
        known = ~np.isin(self.labelled, self.apart)
        names = [name for name, keep in zip(self.class_names, known, strict=True) if keep]
        return self.labelled[known], names

    def for_selection(self, *, with_labels: bool, every: Pool | None = None) -> Pool:
        """The pool a strategy picks from; of what is kept aside for the audit it sees no label.

        Without labels, queued images count as labelled, so that a second batch does not ask about
        the same region again. With labels, they only are no candidates. Of the copies of a picture
        one can be picked, which counts as many times as there are copies; none where one of them
        has been answered or queued.

        every : a `Pool` of ``vectors``, so that they need not be checked again.
        """
        from coldstart.selection import Pool

        every = Pool(self.vectors) if every is None else every
        weights, first = self._copies
        candidates = first.copy()
        for rows in (self.labelled, self.aside, self.waiting, self.apart):
            candidates[rows] = False
        labelled, class_names = self.training_labels()
        labels = np.array(class_names) if with_labels and len(labelled) else None
        if labels is None:
            labelled = np.setdiff1d(np.union1d(labelled, self.waiting), self.apart)
        return every.changed(
            labelled=labelled, labels=labels, candidates=candidates, weights=weights
        )

    @cached_property
    def _copies(self) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
        """How much each image counts (None where all count the same), and whether it may stand for
        its copies: the first of them, unless one has been answered or queued."""
        n = len(self.content_hashes)
        # Of an image without a hash nobody knows a copy.
        pictures = [picture or f"row {row}" for row, picture in enumerate(self.content_hashes)]
        _, first, of_row, count = np.unique(
            pictures, return_index=True, return_inverse=True, return_counts=True
        )
        stands = np.ones(n, dtype=bool)
        if len(first) == n:
            return None, stands
        stands[:] = False
        stands[first] = True
        weights = np.where(stands, count[of_row], 0).astype(np.float64)
        known = np.concatenate([self.labelled, self.aside, self.waiting])
        stands &= ~np.isin(of_row, of_row[known])
        return weights, stands


def active_set(project: Project) -> EmbeddingSet | None:
    """The embedding set the project works with: the one chosen, else the newest finished."""
    from coldstart.embeddings.matrix import list_sets

    finished = list_sets(project.embeddings)
    chosen = project.settings.get("embedding_set")
    named = [one for one in finished if one.name == chosen]
    candidates = named or finished
    return candidates[-1] if candidates else None


def load_pool(project: Project) -> ProjectPool:
    """The pool of the active embedding set.

    Raises
    ------
    ColdstartError : nothing is embedded yet, or no usable image has a vector.
    """
    embedding_set = active_set(project)
    if embedding_set is None:
        raise ColdstartError(
            f"{project.name} has no embedding set yet.",
            "Compute one on the Embeddings page, or with: coldstart embed PROJECT.",
        )
    answers = project.store.labels.current()
    excluded = {image_id for image_id, answer in answers.items() if answer.kind == "excluded"}
    usable = {
        row.image_id: row.content_hash
        for row in project.store.images.usable()
        if row.image_id not in excluded
    }
    ids = np.asarray(embedding_set.image_ids, dtype=np.int64)
    hashes = embedding_set.content_hashes
    # A vector of an image whose content has changed since is a vector of another picture, and one
    # that is all zeros points nowhere.
    fits = np.array(
        [usable.get(int(i), "") == h for i, h in zip(ids, hashes, strict=True)], dtype=bool
    ) & embedding_set.vectors.any(axis=1)
    if not fits.any():
        raise ColdstartError(
            f"No usable image has a vector in the embedding set {embedding_set.name}.",
            "Compute the embeddings again.",
        )
    vectors = embedding_set.vectors if fits.all() else embedding_set.vectors[fits]
    ids = ids[fits]
    row_of = {int(image_id): row for row, image_id in enumerate(ids)}
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    labelled, class_names, aside = [], [], []
    for image_id, answer in answers.items():
        row = row_of.get(image_id)
        if row is None:
            continue
        if answer.kind == "class" and answer.class_id is not None:
            labelled.append((row, names[answer.class_id]))
        else:
            aside.append(row)
    # People disagree about these: no label, and not to be asked again either.
    aside += [row_of[i] for i in project.store.labels.unresolved() if i in row_of]
    labelled.sort()
    class_names = [name for _, name in labelled]
    waiting = [row_of[i] for i in project.store.batches.waiting() if i in row_of]
    reserve = project.store.audit.reserved()
    pictures = {row.content_hash or "" for row in project.store.images.get(reserve).values()}
    pool = ProjectPool(
        embedding_set=embedding_set.name,
        vectors=vectors,
        image_ids=ids,
        content_hashes=[usable[int(image_id)] or "" for image_id in ids],
        labelled=np.array([row for row, _ in labelled], dtype=np.int64),
        class_names=class_names,
        aside=np.array(sorted(aside), dtype=np.int64),
        waiting=np.array(waiting, dtype=np.int64),
        without_vector=len(usable) - len(ids),
        reserve=(),
        apart=np.empty(0, dtype=np.int64),
    )
    return pool.with_reserve(reserve, pictures)


def vectors_of(project: Project, image_ids: Sequence[int]) -> tuple[list[int], NDArray[np.float32]]:
    """The ids that have a vector in the active set, in this order, and those vectors at length 1.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    embedding_set = active_set(project)
    if embedding_set is None:
        raise ColdstartError(
            f"{project.name} has no embedding set yet.",
            "Compute one on the Embeddings page, or with: coldstart embed PROJECT.",
        )
    order = np.argsort(embedding_set.image_ids, kind="stable")
    wanted = np.asarray(image_ids, dtype=np.int64)
    sorted_ids = embedding_set.image_ids[order]
    places = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
    found = sorted_ids[places] == wanted
    rows = order[places[found]]
    vectors = np.asarray(embedding_set.vectors[rows], dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = lengths[:, 0] > 0
    return wanted[found][usable].tolist(), vectors[usable] / lengths[usable]


def in_order_of_labelling(
    project: Project, pool: ProjectPool, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Labelled ``rows`` in the order in which their images were first given a class."""
    first: dict[int, int] = {}
    for event in project.store.labels.events():
        if event.kind == "class":
            first.setdefault(event.image_id, event.event_id)
    when = [first.get(int(pool.image_ids[row]), 0) for row in rows]
    return rows[np.argsort(when, kind="stable")]


@dataclass(frozen=True)
class Radius:
    """The ball radius coverage is told in, the same for every batch of one embedding set."""

    delta: float
    words: str


def coverage_radius(project: Project, pool: ProjectPool, *, progress: Progress = silent) -> Radius:
    """The project's radius for this embedding set: chosen once without labels, then kept.

    ProbCover's automatic radius for a budget of 100 picks from a pool without labels. Kept, so
    that coverage before and after a batch is measured with the same yardstick.
    """
    from coldstart.selection import Pool, ProbCover

    known = kept_radius(project, pool.embedding_set)
    if known is not None:
        return known
    file = radius_file(project, pool.embedding_set)
    budget = max(1, min(_RADIUS_BUDGET, len(pool.image_ids) // 4))
    delta, notes = ProbCover(delta="auto").radius(Pool(pool.vectors), budget, progress)
    radius = Radius(delta, " ".join(notes))
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".tmp")
    beside.write_text(json.dumps({"delta": delta, "words": radius.words}), encoding="utf-8")
    beside.replace(file)
    return radius


def kept_radius(project: Project, embedding_set: str) -> Radius | None:
    """The radius chosen for this embedding set; None where none has been chosen yet."""
    try:
        kept = json.loads(radius_file(project, embedding_set).read_text(encoding="utf-8"))
        return Radius(float(kept["delta"]), str(kept["words"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def radius_file(project: Project, embedding_set: str) -> Path:
    """Where the radius of an embedding set is kept; deleted when its vectors change."""
    return project.graphs / embedding_set / "radius.json"
