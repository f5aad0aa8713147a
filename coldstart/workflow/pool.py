"""The pool as arrays: vectors of the active embedding set beside what has been answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.pictures import Pictures, pictures_of

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet
    from coldstart.selection import Pool

# The budget the project's radius is chosen for: some batches into the work.
_RADIUS_BUDGET = 100
MEASURED_IMAGES = 20_000
"""Of larger pools a page measures so many images, which tells a share of the pool to 0.7 points."""


@dataclass(frozen=True)
class ProjectPool:
    """Every usable picture that has a vector, in the order of ``image_ids``.

    Exact copies are one row: that of the copy found first. Labels, the queue and the reserve of any
    copy are those of the row.

    Attributes
    ----------
    embedding_set : the set's name.
    vectors : (n, d) float32.
    image_ids : (n,) int64.
    copies : (n,) int64 how many usable images the row stands for, 1 for a picture without copies.
    labelled : (m,) int64 rows that stand at a class.
    class_names : the class of each labelled row.
    aside : rows skipped, unsure or disagreed about: not to be asked again, and no label either.
    waiting : rows queued and not answered.
    without_vector : how many usable pictures the set lacks.
    reserve : ids of the images kept aside for the audit, in the order of asking.
    apart : rows of the reserve: no strategy may pick or see them, and no model that is measured
        may learn from them.
    stands_for : of a sample (`sampled`), (n,) how many pictures each row speaks for; None where
        every picture has a row.
    """

    embedding_set: str
    vectors: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    copies: NDArray[np.int64]
    labelled: NDArray[np.int64]
    class_names: list[str]
    aside: NDArray[np.int64]
    waiting: NDArray[np.int64]
    without_vector: int
    reserve: tuple[int, ...]
    apart: NDArray[np.int64]
    pictures: Pictures = field(repr=False)
    stands_for: NDArray[np.float64] | None = field(default=None, repr=False)

    def rows_of(self, image_ids: Iterable[int]) -> dict[int, int]:
        """image_id -> row, for those images of the pool, copies included, that have a vector."""
        return self.pictures.rows_of(image_ids)

    @property
    def content_hashes(self) -> list[str]:
        """(n,) names each picture; for some rows of a large pool see `hashes_of`."""
        return self.pictures.content_hashes

    def hashes_of(self, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """The content hashes of these rows."""
        return self.pictures.hashes_of(rows)

    def with_reserve(
        self, reserve: Sequence[int], copies: Iterable[Sequence[int]] = ()
    ) -> ProjectPool:
        """The same pool with these images kept aside for the audit.

        copies : for each of them all images with its content, which are kept aside with it: one
            that is gone has no row of its own.
        """
        image_ids = [*reserve, *(one for each in copies for one in each)]
        apart = sorted(set(self.rows_of(image_ids).values()))
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
        candidates = np.ones(len(self.image_ids), dtype=bool)
        for rows in (self.labelled, self.aside, self.waiting, self.apart):
            candidates[rows] = False
        labelled, class_names = self.training_labels()
        labels = np.array(class_names) if with_labels and len(labelled) else None
        if labels is None:
            labelled = np.setdiff1d(np.union1d(labelled, self.waiting), self.apart)
        return every.changed(
            labelled=labelled, labels=labels, candidates=candidates, weights=self.weights()
        )

    def weights(self) -> NDArray[np.float64] | None:
        """(n,) how many images each row stands for; None where each stands for one."""
        if self.stands_for is not None:
            return self.copies * self.stands_for
        return None if (self.copies == 1).all() else self.copies.astype(np.float64)

    def sampled(self, at_most: int = MEASURED_IMAGES) -> ProjectPool:
        """A pool small enough to be measured while a page waits; itself where it is small already.

        What has been answered, queued or kept aside is in it, and of the others as many as fit,
        drawn at random, each of which stands for several: shares of the pool, measured with
        `weights`, are right on average. The same draw for the same pictures.
        """
        size = len(self.image_ids)
        if size <= at_most:
            return self
        keep = np.zeros(size, dtype=bool)
        for rows in (self.labelled, self.aside, self.waiting, self.apart):
            keep[rows] = True
        certain = keep.copy()
        known = int(certain.sum())
        wanted = max(at_most - known, at_most // 2)
        drawn = _random_order(size)[: wanted + known]
        drawn = drawn[~keep[drawn]][:wanted]
        keep[drawn] = True
        others = size - known
        new_row = np.cumsum(keep) - 1
        pictures = self.pictures.only(keep)
        return replace(
            self,
            vectors=pictures.vectors,
            image_ids=pictures.image_ids,
            copies=pictures.copies,
            labelled=new_row[self.labelled],
            aside=new_row[self.aside],
            waiting=new_row[self.waiting],
            apart=new_row[self.apart],
            pictures=pictures,
            stands_for=np.where(certain[keep], 1.0, others / max(1, len(drawn))),
        )

    @property
    def measured_on(self) -> str:
        """What to say of figures told from a sample; empty where every image was measured."""
        if self.stands_for is None:
            return ""
        drawn = int((self.stands_for > 1).sum())
        return f"Estimated on {drawn:,} images drawn at random."


@lru_cache(maxsize=2)
def _random_order(size: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).permutation(size)


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
    answers = project.store.labels.columns()
    excluded = set(answers.image_ids[answers.which("excluded")].tolist())
    pictures = pictures_of(project, embedding_set).without(excluded)
    if not len(pictures.image_ids):
        raise ColdstartError(
            f"No usable image has a vector in the embedding set {embedding_set.name}.",
            "Compute the embeddings again.",
        )
    waiting_ids = project.store.batches.waiting()
    reserve = project.store.audit.reserved()
    row_of = pictures.rows_of([*answers.image_ids.tolist(), *waiting_ids])
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    class_of: dict[int, str] = {}
    aside: set[int] = set()
    for image_id, class_id in zip(answers.image_ids.tolist(), answers.class_ids.tolist()):
        row = row_of.get(image_id)
        if row is None:
            continue
        if class_id >= 0:
            class_of[row] = names[class_id]
        else:
            aside.add(row)
    # People disagree about these: no label, and not to be asked again either.
    aside.update(pictures.rows_of(answers.disputed.tolist()).values())
    labelled = sorted(class_of)
    waiting = dict.fromkeys(row_of[i] for i in waiting_ids if i in row_of)
    pool = ProjectPool(
        embedding_set=embedding_set.name,
        vectors=pictures.vectors,
        image_ids=pictures.image_ids,
        copies=pictures.copies,
        labelled=np.array(labelled, dtype=np.int64),
        class_names=[class_of[row] for row in labelled],
        aside=np.array(sorted(aside), dtype=np.int64),
        waiting=np.array(list(waiting), dtype=np.int64),
        without_vector=pictures.without_vector,
        reserve=(),
        apart=np.empty(0, dtype=np.int64),
        pictures=pictures,
    )
    return pool.with_reserve(reserve, project.store.images.copies(reserve).values())


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
    wanted = np.asarray(image_ids, dtype=np.int64)
    rows = embedding_set.rows_of(wanted)
    found = rows >= 0
    rows = rows[found]
    vectors = np.asarray(embedding_set.vectors[rows], dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = lengths[:, 0] > 0
    return wanted[found][usable].tolist(), vectors[usable] / lengths[usable]


def in_order_of_labelling(
    project: Project, pool: ProjectPool, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Labelled ``rows`` in the order in which their images were first given a class."""
    first: dict[int, int] = {}
    events = project.store.labels.events()
    row_of = pool.rows_of({event.image_id for event in events})
    for event in events:
        row = row_of.get(event.image_id)
        if event.kind == "class" and row is not None:
            first.setdefault(row, event.event_id)
    when = [first.get(row, 0) for row in rows.tolist()]
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
