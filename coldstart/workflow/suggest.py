"""Suggest: what the images may be, from the labels given so far, refreshed while one labels on.

Computed in a thread beside the labelling and kept in memory: the newest finished suggestions are
handed out at once, and newer ones are begun when enough labels have come. Before any label exists,
the class names alone suggest where the embedding set comes from an encoder that also reads text.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.pool import ProjectPool, load_pool

FEWEST_LABELS = 6  # fewer say nothing about an image
_NEW_LABELS = 8  # so many more, or a twentieth: suggestions are computed again
_KERNEL_ROWS = 60_000  # beyond this many images a linear probe is quick, a kernel is not
_MOST_LABELS = 20_000  # the probe learns from so many, drawn from all classes: more take a minute
_KEPT_PROJECTS = 4


@dataclass(frozen=True, eq=False)
class Suggestions:
    """What each image of the pool may be.

    image_ids : (n,) int64, ascending. classes : (n,) int64 class ids. probabilities : (n,) float32.
    second : (n,) float32, the probability of the next best class. source : "labels" or "names".
    version : the newest label event they know. labels : how many they learned from.
    """

    image_ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    second: NDArray[np.float32]
    source: str
    version: tuple[int, int]
    labels: int

    def of(
        self, image_ids: Sequence[int] | NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(n,) class ids and (n,) probabilities of these images; -1 and 0 for the unknown."""
        wanted = np.asarray(image_ids, dtype=np.int64)
        if not len(self.image_ids):
            return np.full(len(wanted), -1), np.zeros(len(wanted), dtype=np.float32)
        places = np.minimum(np.searchsorted(self.image_ids, wanted), len(self.image_ids) - 1)
        known = self.image_ids[places] == wanted
        chances = np.where(known, self.probabilities[places], 0).astype(np.float32)
        return np.where(known, self.classes[places], -1), chances


_kept: dict[str, Suggestions] = {}
_running: set[str] = set()
_turns: dict[str, threading.Lock] = {}
_lock = threading.Lock()


def suggestions(project: Project, *, wait: bool = False) -> Suggestions | None:
    """The newest suggestions there are, without waiting; newer ones are begun if labels have come.

    ``wait`` computes them now if they are due, unless there are some of a large pool, which would
    keep a person for seconds. None: nothing can be suggested (yet).
    """
    name = str(project.directory)
    kept = _kept.get(name)
    due = _due(project, kept)
    if due and wait and (kept is None or len(kept.image_ids) <= _KERNEL_ROWS):
        _refresh(project, name)
    elif due:
        with _lock:
            begin = name not in _running
            _running.add(name)
        if begin:
            threading.Thread(target=_in_thread, args=(project, name), daemon=True).start()
    return _kept.get(name)


def is_fresh(project: Project) -> bool:
    """Whether nothing newer is being computed."""
    return str(project.directory) not in _running


def describe_suggestions(
    project: Project, image_ids: Sequence[int], found: Suggestions | None
) -> dict[int, dict[str, Any]]:
    """image_id -> {"class_id", "probability", "source"} for those of these that have one.

    Nothing is suggested for the audit's images, for that could sway the answers the accuracy is
    measured with; see `withheld`.
    """
    if found is None:
        return {}
    silent_on = withheld(project, image_ids)
    active = {row.class_id for row in project.store.classes.all()}
    classes, chances = found.of(image_ids)
    return {
        image_id: {
            "class_id": int(one),
            "probability": round(float(chance), 3),
            "source": found.source,
        }
        for image_id, one, chance in zip(image_ids, classes, chances, strict=True)
        if one in active and image_id not in silent_on
    }


def withheld(project: Project, image_ids: Sequence[int]) -> set[int]:
    """Those of these images for which nothing is suggested: the audit's, and one in twelve others.

    The others are there so that an image without a suggestion does not give itself away.
    """
    reserve = set(project.store.audit.reserved())
    if not reserve:
        return set()
    return {one for one in image_ids if one in reserve or _lot(one) < 1 / 12}


def _lot(image_id: int) -> float:
    """A number in [0, 1) that is always the same for an image."""
    return int.from_bytes(blake2b(str(image_id).encode(), digest_size=4).digest(), "big") / 2**32


def compute(project: Project) -> Suggestions | None:
    """Suggestions for the whole pool, from its labels or, without any, from the class names.

    Labels of the audit are left out, as from every model that is measured.
    """
    version = (project.store.labels.last_event_id(), project.store.classes.last_change_id())
    try:
        pool = load_pool(project)
    except ColdstartError:
        return None
    rows, names = pool.training_labels()
    ids = {row.name: row.class_id for row in project.store.classes.all()}
    if len(names) >= FEWEST_LABELS and len(set(names)) >= 2:
        known, chances = _from_labels(pool, rows, names)
        source = "labels"
    else:
        read = _from_names(project, pool, list(ids))
        if read is None:
            return None
        known, chances = read
        source = "names"
    best = chances.argmax(axis=1)
    highest = np.partition(chances, -2, axis=1)
    order = np.argsort(pool.image_ids, kind="stable")
    class_ids = np.array([ids.get(name, -1) for name in known], dtype=np.int64)
    return Suggestions(
        image_ids=pool.image_ids[order],
        classes=class_ids[best][order],
        probabilities=highest[order, -1],
        second=highest[order, -2],
        source=source,
        version=version,
        labels=len(names),
    )


def _from_labels(
    pool: ProjectPool, rows: NDArray[np.int64], names: list[str]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    vectors = np.ascontiguousarray(pool.vectors[rows])
    if len(pool.image_ids) > _KERNEL_ROWS:
        from coldstart.training.probe import fit_probe

        some = _some_of_each(names)
        probe = fit_probe(vectors[some], [names[place] for place in some])
        return probe.class_names, probe.probabilities(pool.vectors)
    from coldstart.training.suggester import fit_suggester

    suggester = fit_suggester(vectors, names)
    return suggester.class_names, suggester.probabilities(pool.vectors)


def _some_of_each(names: list[str]) -> list[int]:
    """Places of at most 20,000 labels, ascending; of each class at random, as many of one as of
    another as far as there are so many."""
    if len(names) <= _MOST_LABELS:
        return list(range(len(names)))
    _, classes, sizes = np.unique(names, return_inverse=True, return_counts=True)
    order = np.random.default_rng(0).permutation(len(names))
    order = order[np.argsort(classes[order], kind="stable")]
    nth = np.arange(len(names)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places: list[int] = np.sort(order[np.argsort(nth, kind="stable")[:_MOST_LABELS]]).tolist()
    return places


def _from_names(
    project: Project, pool: ProjectPool, names: list[str]
) -> tuple[tuple[str, ...], NDArray[np.float32]] | None:
    """Zero-shot: how near each image is to the words of each class."""
    from coldstart.workflow.text import text_reader

    reader = text_reader(project) if len(names) >= 2 else None
    if reader is None:
        return None
    return tuple(names), reader.probabilities(names, pool.vectors)


def _due(project: Project, kept: Suggestions | None) -> bool:
    event, change = project.store.labels.last_event_id(), project.store.classes.last_change_id()
    if kept is None:
        return event > 0 or change > 0
    new = event - kept.version[0]
    return change != kept.version[1] or new >= max(_NEW_LABELS, kept.labels // 20)


def _in_thread(project: Project, name: str) -> None:
    try:
        _refresh(project, name)
    finally:
        with _lock:
            _running.discard(name)


def _refresh(project: Project, name: str) -> None:
    with _lock:
        turn = _turns.setdefault(name, threading.Lock())
    with turn:
        if _due(project, _kept.get(name)):  # else somebody has, while this one waited
            _keep(name, compute(project))


def _keep(name: str, computed: Suggestions | None) -> None:
    with _lock:
        if computed is None:
            _kept.pop(name, None)
            return
        _kept[name] = computed
        while len(_kept) > _KEPT_PROJECTS:
            _kept.pop(next(iter(_kept)))
