"""Which embedding? Two or more sets of the same images side by side, without labels and with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import ImageRow
from coldstart.workflow.pool import load_pool

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet
    from coldstart.embeddings.measures import Measures

LABELS_TO_SAY = 50
IMAGES_TO_SEARCH = 20_000
"""Among how many random images neighbours are looked for, so that a page need not wait."""


@dataclass(frozen=True)
class Score:
    """One accuracy of one set on the labelled images, with its 95% interval.

    ``difference`` is to the first set on the same images, with its interval; None for the first.
    """

    accuracy: float
    interval: tuple[float, float]
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class SetScores:
    """One embedding set: its measures without labels, and its accuracies once there are some."""

    embedding_set: str
    encoder: str
    measures: Measures
    nearest: Score | None = None
    probe: Score | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Sets side by side, on the images that all of them have."""

    images: int
    labels: int
    sets: list[SetScores] = field(default_factory=list)
    sentence: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "images": self.images,
            "labels": self.labels,
            "sentence": self.sentence,
            "sets": [
                {
                    "embedding_set": one.embedding_set,
                    "encoder": one.encoder,
                    "measures": vars(one.measures),
                    "k_nn": None if one.nearest is None else vars(one.nearest),
                    "probe": None if one.probe is None else vars(one.probe),
                }
                for one in self.sets
            ],
        }


def compare_sets(
    project: Project, names: Sequence[str], *, progress: Progress = silent
) -> Comparison:
    """Measure the sets called ``names``; differences are to the first of them.

    Labels of the audit take no part. Raises `ColdstartError` when a set is not there, or they have
    fewer than four images in common.
    """
    from coldstart.embeddings.measures import MOST_ROWS, measure

    sets = [_set_called(project, name) for name in names]
    ids, rows_of = _in_common(project, sets)
    labelled, classes, hashes = _labels(project, ids)
    # The same images of every set, and no more of a large one than is measured.
    drawn = np.sort(np.random.default_rng(0).permutation(len(ids))[:MOST_ROWS])
    scored: list[SetScores] = []
    first_right: dict[str, NDArray[np.bool_]] = {}
    for number, (one, rows) in enumerate(zip(sets, rows_of, strict=True)):
        progress(number, len(sets), f"Measuring {one.name}")
        try:
            measures = measure(np.asarray(one.vectors[rows[drawn]], dtype=np.float32))
        except ValueError as error:
            raise ColdstartError(
                f"The sets have {len(ids):,} images in common that differ, which is too few.",
                "Compute both for all images.",
            ) from error
        scores: dict[str, Score | None] = {"nearest": None, "probe": None}
        if len(labelled) >= LABELS_TO_SAY and len(set(classes)) > 1:
            known = np.asarray(one.vectors[rows[labelled]], dtype=np.float32)
            for kind, right in _right(known, classes, hashes, progress).items():
                scores[kind] = _score(right, first_right.get(kind), hashes)
                first_right.setdefault(kind, right)
        scored.append(SetScores(one.name, str(one.meta.get("encoder", "?")), measures, **scores))
    progress(len(sets), len(sets), "")
    return Comparison(len(ids), len(labelled), scored, _sentence(scored, len(labelled)))


def neighbours_in(
    project: Project, names: Sequence[str], *, count: int = 4, neighbours: int = 5, seed: int = 0
) -> list[tuple[ImageRow, dict[str, list[ImageRow]]]]:
    """The same random images with their nearest neighbours in each set, nearest first.

    Of more than 20,000 images, neighbours are looked for among 20,000 random ones, whatever the
    seed: which they are is kept, so that other images are a matter of a moment.
    """
    sets = [_set_called(project, name) for name in names]
    which = [(one.name, one.meta.get("created_at"), len(one.image_ids)) for one in sets]
    ids, rows_of = project.store.images.remembered(
        f"searched in {which}", lambda: _searched(project, sets)
    )
    drawn = np.random.default_rng(seed).permutation(len(ids))[:count]
    found: list[dict[str, list[int]]] = [{} for _ in drawn]
    for one, rows in zip(sets, rows_of, strict=True):
        nearest = _nearest(one.vectors, rows, drawn, neighbours)
        for place, order in enumerate(nearest):
            found[place][one.name] = [int(ids[other]) for other in order]
    wanted = {int(ids[row]) for row in drawn}
    wanted.update(i for each in found for group in each.values() for i in group)
    images = project.store.images.get(sorted(wanted))
    return [
        (images[int(ids[row])], {name: [images[i] for i in near] for name, near in each.items()})
        for row, each in zip(drawn, found, strict=True)
    ]


def _searched(
    project: Project, sets: Sequence[EmbeddingSet]
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """`_in_common`, of a large pool a random part."""
    ids, rows_of = _in_common(project, sets)
    part = np.sort(np.random.default_rng(0).permutation(len(ids))[:IMAGES_TO_SEARCH])
    return ids[part], [rows[part] for rows in rows_of]


def _nearest(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], drawn: NDArray[np.int64], count: int
) -> list[list[int]]:
    """For each drawn place in ``rows`` the places of its nearest others, in blocks of memory."""
    centres = _unit(np.asarray(vectors[rows[drawn]]))
    best = np.full((len(drawn), 0), 0.0, np.float32)
    where = np.empty((len(drawn), 0), np.int64)
    for start in range(0, len(rows), 65_536):
        block = rows[start : start + 65_536]
        similar = centres @ _unit(np.asarray(vectors[block])).T
        best = np.concatenate([best, similar], axis=1)
        where = np.concatenate(
            [where, np.broadcast_to(np.arange(start, start + len(block)), similar.shape)], axis=1
        )
        order = np.argsort(-best, axis=1, kind="stable")[:, : count + 1]
        best = np.take_along_axis(best, order, axis=1)
        where = np.take_along_axis(where, order, axis=1)
    return [
        [other for other in order if other != place][:count]
        for place, order in zip(drawn.tolist(), where.tolist(), strict=True)
    ]


def _set_called(project: Project, name: str) -> EmbeddingSet:
    from coldstart.embeddings.matrix import EmbeddingSet

    if "/" in name or "\\" in name or name in ("", ".", ".."):
        raise ColdstartError(f"{name!r} is no name of an embedding set.", "Check the name.")
    return EmbeddingSet.open(project.embeddings / name)


def _in_common(
    project: Project, sets: Sequence[EmbeddingSet]
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Ids of the usable images that every set has as they are now, and their rows in each."""
    usable, hashes = project.store.images.pool_index()
    everywhere = np.ones(len(usable), dtype=bool)
    places = []
    for one in sets:
        order = np.argsort(one.image_ids, kind="stable")
        found = np.searchsorted(one.image_ids[order], usable)
        row = order[np.minimum(found, len(order) - 1)]
        own = np.array(one.content_hashes, dtype="S64")
        everywhere &= (one.image_ids[row] == usable) & (own[row] == hashes)
        places.append(row)
    ids = usable[everywhere]
    if len(ids) < 4:
        raise ColdstartError(
            f"The sets have {len(ids)} usable images in common, which is too few to compare.",
            "Compute both for all images.",
        )
    return ids, [row[everywhere] for row in places]


def _labels(
    project: Project, ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Places in ``ids`` of the labelled images, their classes and content hashes."""
    try:
        pool = load_pool(project)
    except ColdstartError:
        return np.empty(0, np.int64), [], []
    rows, names = pool.training_labels()
    place = np.minimum(np.searchsorted(ids, pool.image_ids[rows]), len(ids) - 1)
    known = ids[place] == pool.image_ids[rows]
    found = [name for name, one in zip(names, known, strict=True) if one]
    return place[known], found, pool.hashes_of(rows[known])


def _right(
    vectors: NDArray[np.float32],
    classes: Sequence[str],
    hashes: Sequence[str],
    progress: Progress,
) -> dict[str, NDArray[np.bool_]]:
    """For each way of judging, which labelled images were told right while left out."""
    from coldstart.training.evaluate import cross_validate
    from coldstart.training.nearest import leave_one_out

    right = {"nearest": leave_one_out(vectors, classes, hashes)}
    evaluation = cross_validate(
        np.ascontiguousarray(vectors), list(classes), content_hashes=list(hashes), picked_by=""
    )
    if evaluation.predicted is not None:
        names = np.asarray(evaluation.class_names, dtype=object)
        said = names[evaluation.predicted]
        right["probe"] = said == np.asarray(classes, dtype=object)
    return right


def _score(
    right: NDArray[np.bool_], first: NDArray[np.bool_] | None, hashes: Sequence[str]
) -> Score:
    from coldstart.training.evaluate import clopper_pearson
    from coldstart.training.nearest import paired_difference

    pictures = len(set(hashes))  # copies of a picture are one piece of evidence
    accuracy = float(right.mean())
    interval = clopper_pearson(accuracy * pictures, pictures)
    if first is None:
        return Score(accuracy, interval)
    difference, limits = paired_difference(right, first)
    return Score(accuracy, interval, difference, limits)


def _sentence(scored: Sequence[SetScores], labels: int) -> str:
    """What the numbers allow to say, and no more."""
    if labels < LABELS_TO_SAY or all(one.probe is None for one in scored):
        return (
            f"With {labels} labels no accuracy can be told yet ({LABELS_TO_SAY} are needed): "
            "judge by the neighbours."
        )
    first, said = scored[0].embedding_set, []
    for one in scored[1:]:
        for score, words in ((one.probe, "the probe"), (one.nearest, "k-NN")):
            if score is None or score.difference is None or score.difference_interval is None:
                continue
            low, high = score.difference_interval
            verdict = "better" if low > 0 else "worse" if high < 0 else "no telling difference"
            said.append(
                f"“{one.embedding_set}” against “{first}” by {words}: {verdict} "
                f"({100 * score.difference:+.1f} points, {100 * low:+.1f} to {100 * high:+.1f})."
            )
    chosen = "The labelled images were chosen, not drawn at random: on the pool it may differ."
    return " ".join([*said, chosen])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    block = np.asarray(vectors, dtype=np.float32)
    return block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)
