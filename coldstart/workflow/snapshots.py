"""Models on the first labels only, so that the next labels' worth can be told from the last ones'.

Each predicts the images of the audit, of which it has seen none, and a fixed stop set. Only what
they said is kept: ``models/<run>/snapshots.npz``.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.stopping import draw_stop_set, snapshot_sizes
from coldstart.workflow.pool import ProjectPool, in_order_of_labelling

FILE = "snapshots.npz"


@dataclass(frozen=True, eq=False)
class Snapshots:
    """What m models of growing size said; the last one is the model that is measured.

    Attributes
    ----------
    class_names : the k classes that the numbers below are places in; -1 is “cannot say”.
    training_labels : (m,) int64 how many labels each was trained on, ascending.
    training_ids, training_classes : (t,) int64 the images and classes the last was trained on,
        oldest label first.
    stop_set : (m, s) int64 what each said of each image of the stop set.
    audit_ids : (r,) int64 the images kept aside. audit : (m, r) int64 what each said of them.
    """

    class_names: list[str]
    training_labels: NDArray[np.int64]
    training_ids: NDArray[np.int64]
    training_classes: NDArray[np.int64]
    stop_set: NDArray[np.int64]
    audit_ids: NDArray[np.int64]
    audit: NDArray[np.int64]

    def audit_said(self, image_ids: list[int]) -> list[list[str | None]]:
        """(m, len(image_ids)) the class each model said of these images; None: it cannot say."""
        place_of = {int(image_id): place for place, image_id in enumerate(self.audit_ids)}
        places = [place_of.get(image_id) for image_id in image_ids]
        return [
            [None if place is None else self._name(said[place]) for place in places]
            for said in self.audit
        ]

    def taught(self) -> list[str]:
        """The class of each label the last model was trained on."""
        return [self.class_names[one] for one in self.training_classes.tolist()]

    def _name(self, number: int) -> str | None:
        return None if number < 0 else self.class_names[number]

    def save(self, directory: Path) -> None:
        """Write them into the directory of a run, whole or not at all."""
        arrays = dict(vars(self))
        names = np.array(json.dumps(arrays.pop("class_names")))
        beside = directory / f"{FILE}.tmp"
        with beside.open("wb") as stream:
            np.savez(stream, class_names=names, **arrays)
        beside.replace(directory / FILE)

    @classmethod
    def load(cls, directory: Path) -> Snapshots | None:
        """What `save` wrote; None when there is nothing, or nothing that can be read."""
        try:
            with np.load(directory / FILE, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
            return cls(class_names=list(json.loads(str(arrays.pop("class_names")))), **arrays)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None


def take_snapshots(
    project: Project, pool: ProjectPool, probe: str = "auto", *, progress: Progress = silent
) -> Snapshots:
    """Train on the first labels, on more of them, and at last on all but those of the audit.

    probe : the kind, as `training.fit_probe` takes it.

    Raises
    ------
    ColdstartError : there are no labels to train on, or they are of one class.
    """
    from coldstart.training.probe import fit_probe
    from coldstart.training.probes import probe_model

    rows, names = pool.training_labels()
    name_of = dict(zip(rows.tolist(), names, strict=True))
    order = in_order_of_labelling(project, pool, rows)
    class_of = [name_of[row] for row in order.tolist()]
    classes = sorted(set(class_of))
    # One kind for all: where the kind changes, what changes is not what the labels brought.
    probe = probe_model(probe, len(order), len(classes)).name
    # A model needs two classes, and the first labels may be of one.
    sizes = [size for size in snapshot_sizes(len(order)) if len(set(class_of[:size])) > 1]
    row_of = pool.rows_of(pool.reserve)
    places = [place for place, one in enumerate(pool.reserve) if one in row_of]
    reserve = np.array([row_of[pool.reserve[place]] for place in places], dtype=np.int64)
    stop_rows = draw_stop_set(pool.content_hashes)
    stop_vectors = np.ascontiguousarray(pool.vectors[stop_rows])
    stop_set = np.empty((len(sizes), len(stop_rows)), dtype=np.int64)
    audit = np.full((len(sizes), len(pool.reserve)), -1, dtype=np.int64)
    for model, size in enumerate(sizes):
        progress(model, len(sizes), "Training on the first labels only")
        first = order[:size]
        fitted = fit_probe(
            np.ascontiguousarray(pool.vectors[first]),
            class_of[:size],
            model=probe,
            content_hashes=pool.hashes_of(first),
        )
        number = np.searchsorted(classes, fitted.class_names)
        stop_set[model] = number[fitted.predict(stop_vectors).class_indices]
        if len(reserve):
            said = fitted.predict(np.ascontiguousarray(pool.vectors[reserve])).class_indices
            audit[model, places] = number[said]
    progress(len(sizes), len(sizes), "Training on the first labels only")
    return Snapshots(
        class_names=classes,
        training_labels=np.array(sizes, dtype=np.int64),
        training_ids=pool.image_ids[order],
        training_classes=np.searchsorted(classes, class_of).astype(np.int64),
        stop_set=stop_set,
        audit_ids=np.array(pool.reserve, dtype=np.int64),
        audit=audit,
    )
