"""Forecast: what the next labels would bring, from a learning curve and from what still changes.

Two estimates of the gain are averaged; in replays either alone was wrong by more
(benchmarks/stopping.py): a power law a - b n^-c through the accuracies that all models so far reach
on the *same* audit images, and a tenth of the share of predictions that the labels will change. The
band comes from drawing the audit images anew (bootstrap) and from the luck of the next model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldstart.stopping.audit import FEWEST_AUDIT_LABELS

FEWEST_MODELS = 4
FEWEST_NEXT_LABELS = 50
NEXT_SHARE = 0.2

NET_GAIN_OF_CHANGE = 0.1
"""Of the predictions that labels change, the share by which right ones outnumber wrong ones.

Between 0.06 and 0.14 on all replayed data and sizes, but near 0 where the model had levelled off.
"""

CHANGE_SLOWS_BY = 0.85
"""The next labels change this much of what the same number of labels changed before."""

EXPONENTS = np.array([0.15, 0.25, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7])

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What ``next_labels`` more labels would bring; accuracies and gains as shares, not points.

    Attributes
    ----------
    gain : expected gain; None when it cannot be said, and ``words`` say why.
    low, high : 95% band of the gain that the next model will really show.
    changed : share of the predictions that are expected to change.
    labels, curve, curve_low, curve_high : (g,) the fitted learning curve and its 95% band, from the
        first model to ``next_labels`` ahead; empty when it cannot be said.
    points : (m,) accuracy of each model on the audit images, for the plot.
    words : one sentence.
    """

    next_labels: int
    gain: float | None
    low: float | None
    high: float | None
    changed: float | None
    labels: Array
    curve: Array
    curve_low: Array
    curve_high: Array
    points: Array
    words: str

    def as_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        arrays = ("labels", "curve", "curve_low", "curve_high", "points")
        return {
            name: value.tolist() if name in arrays else value for name, value in vars(self).items()
        }


def default_next_labels(training_labels: int) -> int:
    """How far to look ahead: 50 labels, or a fifth of those there are, to the next ten."""
    return max(FEWEST_NEXT_LABELS, int(NEXT_SHARE * training_labels / 10) * 10)


def forecast_gain(
    training_labels: Sequence[int],
    correct: ArrayLike,
    stop_set: Sequence[ArrayLike],
    pool_size: int,
    *,
    next_labels: int | None = None,
    draws: int = 400,
    seed: int = 0,
) -> Forecast:
    """What the next labels would bring, or why that cannot be said.

    Parameters
    ----------
    training_labels : (m,) labels of each model, ascending; see `stability.snapshot_sizes`.
    correct : (m, n) bool, whether each model is right on each audit image; none saw any of them.
    stop_set : (m, s) what each model says of the images of one fixed stop set.
    pool_size : images of which the accuracy is to hold; luck is larger in a small pool.
    next_labels : how many; None takes `default_next_labels`.
    """
    labels = np.asarray(training_labels, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if right.ndim != 2 or len(right) != len(labels) or len(stop_set) != len(labels):
        raise ValueError(
            f"{len(labels)} label counts, correct of shape {right.shape} and {len(stop_set)} stop "
            "sets do not belong to the same models"
        )
    if next_labels is None:
        next_labels = default_next_labels(int(labels[-1]) if len(labels) else 0)
    why_not = _why_not(labels, right)
    if why_not:
        empty = np.empty(0)
        points = right.mean(axis=1) if right.size else empty
        return Forecast(
            next_labels, None, None, None, None, empty, empty, empty, empty, points, why_not
        )

    generator = np.random.default_rng(seed)
    images = right.shape[1]
    weights = generator.multinomial(images, np.full(images, 1 / images), draws) / images
    grid = np.geomspace(labels[0], labels[-1] + next_labels, 40)
    ahead = np.array([labels[-1], labels[-1] + next_labels])
    fitted = fit_power_law(labels, weights @ right.T, np.concatenate([grid, ahead]))
    by_curve = fitted[:, -1] - fitted[:, -2]
    changed = changed_by_next(labels, stop_set, next_labels)
    trend = (by_curve + NET_GAIN_OF_CHANGE * changed) / 2
    # A changed prediction is a toss of a coin: the fewer images, the less the tosses cancel.
    # That no image of the stop set changed does not mean that none of the pool will.
    at_least = max(changed, 1 / len(np.asarray(stop_set[-1])))
    luck = generator.normal(0, np.sqrt(at_least / max(pool_size, 1)), draws)
    low, high = np.quantile(trend + luck, [0.025, 0.975])
    curve_low, curve_high = np.quantile(fitted[:, :-2], [0.025, 0.975], axis=0)
    gain = float(trend.mean())
    words = (
        f"The next {next_labels} labels: between {100 * low:+.1f} and {100 * high:+.1f} points, "
        f"{100 * gain:+.1f} expected."
    )
    return Forecast(
        next_labels=next_labels,
        gain=gain,
        low=float(low),
        high=float(high),
        changed=changed,
        labels=grid,
        curve=fitted[:, :-2].mean(axis=0),
        curve_low=curve_low,
        curve_high=curve_high,
        points=right.mean(axis=1),
        words=words,
    )


def fit_power_law(labels: Array, accuracies: Array, at: Array) -> Array:
    """(draws, g) values of a - b n^-c at ``at`` (g,): least squares, b at least 0, a at most 1.

    labels : (m,); accuracies : (draws, m), each row fitted on its own. c is one of `EXPONENTS`.
    """
    best = np.full(len(accuracies), np.inf)
    out = np.zeros((len(accuracies), len(at)))
    for exponent in EXPONENTS:
        x = labels**-exponent
        centred = x - x.mean()
        mean = accuracies.mean(axis=1)
        slope = np.maximum(-(accuracies - mean[:, None]) @ centred / (centred @ centred), 0)
        level = mean + slope * x.mean()
        # Where the line would level off above 1 it is bound to 1, and its slope fitted again.
        bound = level > 1
        slope = np.where(bound, (1 - accuracies) @ x / (x @ x), slope)
        level = np.where(bound, 1.0, level)
        misfit = np.sum((accuracies - level[:, None] + slope[:, None] * x) ** 2, axis=1)
        better = misfit < best
        best[better] = misfit[better]
        out[better] = (level[:, None] - slope[:, None] * at**-exponent)[better]
    return out


def changed_by_next(labels: Array, stop_set: Sequence[ArrayLike], next_labels: int) -> float:
    """Share of predictions that the next labels are expected to change.

    As many as the last such number of labels changed, a little less; where no model was that far
    back, the change of the nearest one, scaled by the square root.
    """
    now = labels[-1]
    before = int(np.argmin(np.abs(labels[:-1] - (now - next_labels))))
    changed = np.mean(np.asarray(stop_set[-1]) != np.asarray(stop_set[before]))
    scale = np.sqrt(next_labels / (now - labels[before]))
    return float(min(1.0, CHANGE_SLOWS_BY * scale * changed))


def _why_not(labels: Array, right: Array) -> str:
    if len(labels) < FEWEST_MODELS or labels[-1] < 2 * labels[0]:
        return (
            "No forecast yet: it takes models of at least four sizes, the largest with twice the "
            "labels of the smallest."
        )
    if right.shape[1] < FEWEST_AUDIT_LABELS:
        return (
            f"No forecast yet: {right.shape[1]} audit labels are too few; it takes "
            f"{FEWEST_AUDIT_LABELS}."
        )
    return ""
