"""The probe: a classifier on frozen embeddings (`probes` lists the kinds), fitted in seconds.

Every kind weighs the classes alike where it can: on few labels it never collapses to one class as a
plain logistic regression does. Which kind is the default is `probes.default_probe`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.training.folds import group_numbers
from coldstart.training.probes import AUTOMATIC, DEFAULT_PROBE, PROBES, probe_model
from coldstart.training.scorers import Scorer, scorer_of
from coldstart.training.threads import in_one_thread
from coldstart.training.trained_on import TrainedOn, describe_training
from coldstart.training.tuning import tune, tuning_folds

__all__ = ["DEFAULT_PROBE", "PROBES", "Prediction", "Probe", "fit_probe"]


@dataclass(frozen=True)
class Prediction:
    """What a probe says about n images.

    class_indices : (n,) int64, into the probe's ``class_names``.
    confidence : (n,) float32, the probability of that class.
    margin : (n,) float32, how far that probability is above the second highest.
    """

    class_indices: np.ndarray
    confidence: np.ndarray
    margin: np.ndarray


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted classifier on (n, d) embeddings, whose rows it scales to length 1.

    model : a key of `PROBES`. class_names : the k classes, sorted. scorer : what was fitted.
    strength, temperature, tuned : the penalty, the softmax temperature and whether the labels
    chose them by cross-validation (else they are the model's fixed ones).
    """

    model: str
    class_names: tuple[str, ...]
    scorer: Scorer
    strength: float
    temperature: float
    tuned: bool
    trained_on: TrainedOn

    def probabilities(
        self, vectors: np.ndarray, *, block_rows: int = 8192, progress: Progress = silent
    ) -> np.ndarray:
        """(n, k) float32 probabilities, columns as ``class_names``, rows adding up to 1.

        ``vectors`` is (n, d) and may be a memory map: it is read ``block_rows`` at a time.
        """
        result = np.empty((len(vectors), len(self.class_names)), dtype=np.float32)
        for rows, probabilities in self._blocks(vectors, block_rows, progress):
            result[rows] = probabilities
        return result

    def predict(
        self, vectors: np.ndarray, *, block_rows: int = 8192, progress: Progress = silent
    ) -> Prediction:
        """The most probable class of each image; ``vectors`` as for `probabilities`."""
        indices = np.empty(len(vectors), dtype=np.int64)
        confidence = np.empty(len(vectors), dtype=np.float32)
        margin = np.empty(len(vectors), dtype=np.float32)
        for rows, probabilities in self._blocks(vectors, block_rows, progress):
            indices[rows] = probabilities.argmax(axis=1)
            highest = np.partition(probabilities, -2, axis=1)
            confidence[rows] = highest[:, -1]
            margin[rows] = highest[:, -1] - highest[:, -2]
        return Prediction(indices, confidence, margin)

    def save(self, directory: Path | str) -> None:
        """Write the probe into ``directory`` (made if need be), whole or not at all."""
        from coldstart.training.probe_files import save_probe

        save_probe(self, Path(directory))

    @staticmethod
    def load(directory: Path | str) -> Probe:
        """The probe that `save` wrote; ColdstartError when there is none or it is damaged."""
        from coldstart.training.probe_files import load_probe

        return load_probe(Path(directory))

    def _blocks(
        self, vectors: np.ndarray, block_rows: int, progress: Progress
    ) -> Iterator[tuple[slice, np.ndarray]]:
        dimension = self.scorer.dimension
        if vectors.ndim != 2 or vectors.shape[1] != dimension:
            raise ColdstartError(
                f"The probe was trained on embeddings of dimension {dimension}, "
                f"and these have the shape {vectors.shape}.",
                "Use the embedding set that it was trained on, or train again.",
            )
        for start in range(0, len(vectors), block_rows):
            progress(start, len(vectors), "predicting")
            rows = slice(start, min(start + block_rows, len(vectors)))
            scores = self.scorer.scores(unit_rows(vectors[rows]))
            yield rows, softmax(scores / np.float32(self.temperature))
        progress(len(vectors), len(vectors), "predicting")


@in_one_thread
def fit_probe(
    vectors: np.ndarray,
    class_names: Sequence[str],
    *,
    model: str = AUTOMATIC,
    content_hashes: Sequence[str] | None = None,
    embedding_set: str = "",
    event_watermark: int | None = None,
    tuned_like: Probe | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Probe:
    """Fit a probe on the labelled images' embeddings.

    With at least 20 labels, and at least two classes with 3 different pictures, the strength of
    the penalty and the temperature are chosen by stratified cross-validation (the likelihood of
    the labels of images left out); classes rarer than that are trained on in every fold.

    model : a key of `PROBES`, or ``auto`` for the default at this number of labels.
    vectors : (n, d) float, one row per label. class_names : the n labels.
    content_hashes : copies of one picture are kept on one side of each fold.
    embedding_set, event_watermark : remembered as what the probe was trained on.
    tuned_like : a probe whose kind, strength and temperature are taken, and nothing is chosen.

    Raises ColdstartError without labels, with labels of one class only, and for embeddings that
    do not fit the labels or are not finite.
    """
    names, classes = check_training_data(vectors, class_names)
    x = unit_rows(vectors).astype(np.float64)
    if tuned_like is not None:
        chosen = probe_model(tuned_like.model)
        strength, temperature = tuned_like.strength, tuned_like.temperature
        tuned = tuned_like.tuned
    else:
        chosen = probe_model(model, len(classes), len(names))
        strength, temperature = chosen.strengths[0], chosen.temperature
        groups = group_numbers(content_hashes, len(classes))
        folds = tuning_folds(classes, groups, seed)
        tuned = folds is not None
        if folds is not None:
            strength, temperature = tune(chosen, x, classes, len(names), folds, progress)
    scorer = chosen.fit(x, classes, len(names), [strength])[0]
    return Probe(
        model=chosen.name,
        class_names=names,
        scorer=scorer_of(scorer.arrays()),
        strength=strength,
        temperature=temperature,
        tuned=tuned,
        trained_on=describe_training(class_names, content_hashes, embedding_set, event_watermark),
    )


def check_training_data(
    vectors: np.ndarray, class_names: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The sorted classes and each label's (n,) int64 index into them; raises as `fit_probe`."""
    if len(class_names) == 0:
        raise ColdstartError("There are no labels to train on.", "Label some images first.")
    if vectors.ndim != 2 or len(vectors) != len(class_names):
        raise ColdstartError(
            f"There are {len(class_names)} labels, and their embeddings have the shape "
            f"{vectors.shape}.",
            "Give one embedding for each label.",
        )
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ColdstartError(
            f"Row {row} of the embeddings is not finite.", "Compute the embedding set again."
        )
    names, classes = np.unique(np.asarray(class_names, dtype=object), return_inverse=True)
    if len(names) < 2:
        raise ColdstartError(
            f"All {len(class_names)} labels are of the class “{names[0]}”.",
            "Label at least one image of another class, then train again.",
        )
    return tuple(names), classes


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float32 with every row of length 1; a row of zeros stays."""
    block = np.asarray(vectors, dtype=np.float32)
    return block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Row by row, without overflow."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
