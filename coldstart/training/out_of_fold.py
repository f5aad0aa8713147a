"""What models that had not seen an image said of it: behind the confusion matrix and the mistakes.

Kept as ``out_of_fold.npz`` in the directory of a run.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "out_of_fold.npz"


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Left-out predictions of n labelled images.

    image_ids : (n,) int64. class_names : the k classes. labels : (n,) int64 places in them.
    votes : (n, k) int64, how many of the repeats predicted each class; rows add up to ``repeats``.
    probabilities : (n, k) float32, the mean over the repeats.
    """

    image_ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    votes: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def repeats(self) -> int:
        return int(self.votes[0].sum()) if len(self.votes) else 0

    def losses(self) -> NDArray[np.float64]:
        """(n,) minus the logarithm of the probability of the image's own label."""
        own = self.probabilities[np.arange(len(self.labels)), self.labels]
        return -np.log(np.maximum(own.astype(np.float64), 1e-12))

    def worst(self, most: int) -> NDArray[np.int64]:
        """Places of the wrongly predicted images, the highest loss first."""
        wrong = np.flatnonzero(self.probabilities.argmax(axis=1) != self.labels)
        return wrong[np.argsort(-self.losses()[wrong], kind="stable")][:most]

    def cell(self, label: int, predicted: int) -> NDArray[np.int64]:
        """Places of the images of one cell of the confusion matrix, the surest prediction first."""
        inside = np.flatnonzero((self.labels == label) & (self.votes[:, predicted] > 0))
        said = self.probabilities[inside, predicted]
        return inside[np.lexsort((-said, -self.votes[inside, predicted]))]

    def save(self, directory: Path) -> None:
        """Write it into the directory of a run, whole or not at all."""
        arrays = dict(vars(self))
        names = np.array(json.dumps(list(arrays.pop("class_names"))))
        beside = directory / f"{FILE}.tmp"
        with beside.open("wb") as stream:
            np.savez(stream, class_names=names, **arrays)
        beside.replace(directory / FILE)

    @classmethod
    def load(cls, directory: Path) -> OutOfFold | None:
        """What `save` wrote; None when there is nothing, or nothing that can be read."""
        try:
            with np.load(directory / FILE, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
            names = tuple(json.loads(str(arrays.pop("class_names"))))
            return cls(class_names=names, **arrays)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None
