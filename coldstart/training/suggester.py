"""Suggestions while one labels: kernel ridge on frozen embeddings, refitted in a second or two.

A kernel follows the small clusters in which photographs lie, which a linear probe cuts through; on
few labels it comes near to the nearest labelled image, on many it passes the probe. Its width and
penalty are chosen by the closed form of leaving one label out (Rifkin & Lippert 2007), and the same
left-out scores set the temperature, so that the probability told is one that was seen to hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.training.threads import in_one_thread

_MOST_LABELS = 4_000  # beyond that a random part of them is learned from: the solve is cubic
_TUNED_ON = 1_000
_WIDTHS = (0.125, 0.25, 0.5, 1.0)  # of the median distance between two labelled images
_PENALTIES = (0.003, 0.03, 0.3)
_TEMPERATURES = (0.05, 0.08, 0.12, 0.18, 0.25, 0.35, 0.5, 0.8)
_USUAL = (0.25, 0.03, 0.25)  # width, penalty, temperature: for fewer labels than can be left out
_FEWEST_TO_TUNE = 12
_BLOCK_ROWS = 4_096


@dataclass(frozen=True, eq=False)
class Suggester:
    """A fitted kernel classifier on unit vectors.

    class_names : the k classes, sorted. vectors : (m, d) float32, the labelled images, at length 1.
    weights : (m, k) float32. width, penalty, temperature : what the labels chose. tuned : whether
    they did; else the usual ones stand.
    """

    class_names: tuple[str, ...]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]
    width: float
    penalty: float
    temperature: float
    tuned: bool

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, k) float32, rows adding up to 1; ``vectors`` is (n, d) and may be a memory map."""
        result = np.empty((len(vectors), len(self.class_names)), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK_ROWS):
            block = _unit(vectors[start : start + _BLOCK_ROWS])
            scores = _kernel(block @ self.vectors.T, self.width) @ self.weights
            result[start : start + len(block)] = _softmax(scores / self.temperature)
        return result


@in_one_thread
def fit_suggester(
    vectors: NDArray[np.float32], class_names: Sequence[str], *, seed: int = 0
) -> Suggester:
    """Learn from (n, d) vectors and the class of each; two classes at least.

    Raises
    ------
    ValueError : fewer than two classes, or not one name a row.
    """
    names = np.asarray(class_names, dtype=object)
    if len(names) != len(vectors):
        raise ValueError(f"{len(vectors)} vectors and {len(names)} class names")
    known = sorted(set(class_names))
    if len(known) < 2:
        raise ValueError("two classes are needed to tell one from another")
    draw = np.random.default_rng(seed)
    rows = np.arange(len(names))
    if len(rows) > _MOST_LABELS:
        rows = np.sort(draw.choice(rows, _MOST_LABELS, replace=False))
    unit = _unit(vectors[rows])
    place = {name: number for number, name in enumerate(known)}
    truth = np.array([place[name] for name in names[rows]])
    targets = np.zeros((len(truth), len(known)), dtype=np.float32)
    targets[np.arange(len(truth)), truth] = 1.0
    similar = unit @ unit.T
    tuned = len(truth) >= _FEWEST_TO_TUNE
    spread = float(np.median(1.0 - similar)) or 1.0
    width, penalty, temperature = spread * _USUAL[0], _USUAL[1], _USUAL[2]
    if tuned:
        part = np.arange(len(truth))
        if len(part) > _TUNED_ON:
            part = np.sort(draw.choice(part, _TUNED_ON, replace=False))
        width, penalty, temperature = _tune(similar[np.ix_(part, part)], targets[part], spread)
    kernel = _kernel(similar, width)
    kernel.flat[:: len(kernel) + 1] += penalty
    weights = np.linalg.solve(kernel, targets - targets.mean(axis=0)).astype(np.float32)
    return Suggester(tuple(known), unit, weights, width, penalty, temperature, tuned)


def _tune(
    similar: NDArray[np.float32], targets: NDArray[np.float32], spread: float
) -> tuple[float, float, float]:
    """Width, penalty and temperature with the least surprise on labels that were left out."""
    best = (np.inf, 0.0, 0.0, 0.0)
    centred = targets - targets.mean(axis=0)
    truth = targets.argmax(axis=1)
    for share in _WIDTHS:
        kernel = _kernel(similar, spread * share)
        for penalty in _PENALTIES:
            inverse = np.linalg.inv(kernel + penalty * np.eye(len(kernel), dtype=np.float32))
            weights = inverse @ centred
            left_out = centred - weights / np.diag(inverse)[:, None]
            for temperature in _TEMPERATURES:
                chance = _softmax(left_out / temperature)[np.arange(len(truth)), truth]
                loss = float(-np.log(np.maximum(chance, 1e-6)).mean())
                best = min(best, (loss, spread * share, penalty, temperature))
    return best[1:]


def _kernel(similar: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    return np.exp((np.minimum(similar, 1.0) - 1.0) / np.float32(width)).astype(np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.array(vectors, dtype=np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    scores = scores - scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    return scores / scores.sum(axis=1, keepdims=True)
