"""Stability: do more labels still change what the model says? Cohen's kappa of successive models.

Bloodgood & Vijay-Shanker, CoNLL 2009 (the criterion); Bloodgood & Grothendieck, CoNLL 2013,
arXiv 1504.06329 (what it bounds). It speaks of change, never of how good the model is. Kappa rises
as batches shrink, so the models compared are a fixed share of the labels apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

STABLE_KAPPA = 0.99
WINDOW = 3
FEWEST_LABELS_APART = 10
SHARE_APART = 0.1
STOP_SET_IMAGES = 2_000


@dataclass(frozen=True)
class Stability:
    """How much successive models agree on the stop set.

    Attributes
    ----------
    training_labels : (m,) labels of the models compared, oldest first.
    kappas : (m - 1,) of each with the one before; None where one of the two says the same class of
        every image, so that agreement means nothing.
    kappa : mean of the last three; None when there are not three.
    stable : whether it has reached 0.99.
    f_change_at_most : what kappa bounds: with two classes, the F1 score of the newest model differs
        from that of the one before by at most this.
    changed : share of the stop set of which the newest model says another class than the one
        before, so that its accuracy there differs by no more; None with fewer than two models.
    words : one sentence. bounds : what that bounds, in words; empty while it cannot be said.
    """

    training_labels: tuple[int, ...]
    kappas: tuple[float | None, ...]
    kappa: float | None
    stable: bool
    f_change_at_most: float | None
    changed: float | None
    words: str
    bounds: str


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float | None:
    """Agreement of two models beyond chance, from -1 to 1 (Cohen 1960).

    None when both say one and the same class of every image: 0 / 0, and no sign of stability.

    first, second : (n,) predicted classes. Raises ValueError when empty or of different lengths.
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise ValueError(f"two equally long lists are needed; got shapes {a.shape} and {b.shape}")
    classes, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    if len(classes) == 1:
        return None
    shares = [
        np.bincount(part, minlength=len(classes)) / a.size
        for part in (codes[: a.size], codes[a.size :])
    ]
    by_chance = float(shares[0] @ shares[1])
    agreement = float(np.mean(codes[: a.size] == codes[a.size :]))
    # Of identical predictions kappa is 1 exactly, which the division might miss by a rounding.
    return 1.0 if agreement == 1.0 else (agreement - by_chance) / (1 - by_chance)


def f_change_bound(kappa: float) -> float:
    """4 (1 - T) / T: the most by which F1 can differ when kappa is at least T (two classes)."""
    return float("inf") if kappa <= 0 else 4 * (1 - kappa) / kappa


def measure_stability(
    training_labels: Sequence[int],
    stop_set: Sequence[ArrayLike],
    *,
    threshold: float = STABLE_KAPPA,
    window: int = WINDOW,
) -> Stability:
    """Compare models that are at least 10 labels, and 10% of their labels, apart.

    training_labels : (m,) labels of each model, ascending. stop_set : (m, n) what each says of the
    images of one fixed stop set. Raises ValueError when they do not fit together.
    """
    if len(training_labels) != len(stop_set):
        raise ValueError(f"{len(training_labels)} label counts for {len(stop_set)} models")
    kept = spaced_models(training_labels)
    kappas = tuple(cohen_kappa(stop_set[a], stop_set[b]) for a, b in pairwise(kept))
    last = kappas[-window:]
    known = [one for one in last if one is not None]
    mean = float(np.mean(known)) if len(known) == len(last) == window else None
    stable = mean is not None and mean >= threshold
    bound = f_change_bound(kappas[-1]) if kappas and kappas[-1] is not None else None
    labels = tuple(int(training_labels[model]) for model in kept)
    last_two = [np.asarray(stop_set[model]) for model in kept[-2:]]
    changed = float(np.mean(last_two[0] != last_two[1])) if len(last_two) == 2 else None
    words = _words(labels, kappas, mean, stable, threshold, window)
    bounds = ""
    if mean is not None and changed is not None:
        two_classes = len(np.unique(last_two)) == 2
        bounds = _bounds(changed, bound if two_classes else None)
    return Stability(labels, kappas, mean, stable, bound, changed, words, bounds)


def spaced_models(training_labels: Sequence[int]) -> list[int]:
    """Which models to compare: from the newest back, each far enough below the one before."""
    labels = list(training_labels)
    if sorted(set(labels)) != labels:
        raise ValueError("training_labels must be ascending, each number once")
    kept: list[int] = []
    for model in reversed(range(len(labels))):
        if not kept or labels[kept[-1]] - labels[model] >= labels_apart(labels[kept[-1]]):
            kept.append(model)
    return kept[::-1]


def labels_apart(labels: int) -> int:
    """How many labels a model to compare with should have less."""
    return max(FEWEST_LABELS_APART, -int(-SHARE_APART * labels // 1))


def snapshot_sizes(training_labels: int, most: int = 30) -> list[int]:
    """On how many labels, oldest first, models are to be trained for `measure_stability` and
    `forecast_gain`: ascending, the last one on all, each far enough from the next to compare.
    """
    sizes = [training_labels]
    while len(sizes) < most:
        smaller = sizes[-1] - labels_apart(sizes[-1])
        if smaller < FEWEST_LABELS_APART:
            break
        sizes.append(smaller)
    return sizes[::-1]


def draw_stop_set(
    content_hashes: Sequence[str], size: int = STOP_SET_IMAGES, seed: int = 0
) -> NDArray[np.int64]:
    """Rows of a fixed stop set, ascending: a uniform draw that hardly changes as images are added.

    Labelled images may be in it: what models say of them is not judged, only compared.
    """
    keys = [
        hashlib.sha256(f"coldstart stop set:{seed}:{one}".encode("utf-8", "replace")).digest()
        for one in content_hashes
    ]
    drawn = sorted(range(len(keys)), key=lambda row: (keys[row], row))[:size]
    return np.sort(np.array(drawn, dtype=np.int64))


def _words(
    labels: tuple[int, ...],
    kappas: tuple[float | None, ...],
    mean: float | None,
    stable: bool,
    threshold: float,
    window: int,
) -> str:
    if kappas and kappas[-1] is None:
        return "The model says the same class of every image: its stability means nothing."
    if mean is None:
        return (
            f"It takes {window + 1} models, each at least a tenth of the labels apart, to say "
            f"whether predictions have settled; there are {len(labels)}."
        )
    verb = "have settled" if stable else "still change"
    return (
        f"Predictions {verb}: kappa of successive models {mean:.3f} (mean of the last {window}, "
        f"settled from {threshold:g} on). That speaks of change, not of accuracy."
    )


def _bounds(changed: float, f_change: float | None) -> str:
    and_f1 = "" if f_change is None or f_change >= 1 else f", and F1 by at most {f_change:.3f}"
    return (
        "Kappa is 1 where no prediction changes, and 0 where models agree as by chance. The last "
        f"step changed {changed:.1%} of the predictions, which moves the accuracy by no more than "
        f"that{and_f1}."
    )
