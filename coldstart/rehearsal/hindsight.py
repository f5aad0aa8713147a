"""What would random have given so far? Told from images that were drawn at random and labelled.

The images of the audit are a uniform draw from the pool. Cut at random into some to learn from and
the rest to judge by, they say what as many random labels are worth, with nothing assumed; the
strategy's labels are judged by the same rest. Beyond the number of audit labels nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent

FEWEST_AUDIT = 30
_JUDGES = 20
_CUTS = 60
_DRAWS = 2_000


@dataclass(frozen=True)
class Hindsight:
    """Accuracy after so many labels, chosen and random, each a mean with a 95% band.

    Attributes
    ----------
    budgets : (b,) numbers of labels.
    chosen, chosen_low, chosen_high : (b,) of a head that learned from the first labels chosen.
    random, random_low, random_high : (b,) of a head that learned from as many random ones.
    gain, gain_low, gain_high : (b,) the difference, on the same judges.
    audit : how many random labels there were.
    """

    budgets: list[int]
    chosen: list[float]
    chosen_low: list[float]
    chosen_high: list[float]
    random: list[float]
    random_low: list[float]
    random_high: list[float]
    gain: list[float]
    gain_low: list[float]
    gain_high: list[float]
    audit: int


def random_in_hindsight(
    chosen_vectors: NDArray[np.float32],
    chosen_classes: Sequence[str],
    audit_vectors: NDArray[np.float32],
    audit_classes: Sequence[str],
    *,
    budgets: Sequence[int] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Hindsight:
    """Compare the labels chosen, in the order they were given, with those of the audit.

    chosen_vectors : (m, d), with m class names; audit_vectors : (a, d), with a. Budgets end where
    the chosen labels do, and where fewer than 20 audit images would be left to judge by.

    The band counts both kinds of chance: which audit images there are (a bootstrap over them) and
    how they were cut (60 cuts; each image is judged only by heads that had not learned from it).

    Raises
    ------
    ColdstartError : fewer than 30 audit labels or 2 labels chosen, or all of one class.
    """
    if len(audit_classes) < FEWEST_AUDIT:
        raise ColdstartError(
            f"There are {len(audit_classes)} labels of images drawn at random; it takes "
            f"{FEWEST_AUDIT} to say what random would have given.",
            "Label more: audit images are mixed into every batch you queue.",
        )
    if len(chosen_classes) < 2:
        raise ColdstartError(
            "Fewer than two images that a strategy chose are labelled.", "Label a batch first."
        )
    budgets = list(budgets or _steps(min(len(chosen_classes), len(audit_classes) - _JUDGES)))
    true = np.asarray(audit_classes, dtype=object)
    count = len(true)
    generator = np.random.default_rng(seed)
    chosen_right = np.stack(
        [_right(chosen_vectors[:b], chosen_classes[:b], audit_vectors, true) for b in budgets]
    )  # (budgets, audit)
    right = np.zeros((len(budgets), _CUTS, count))
    judged = np.zeros((len(budgets), _CUTS, count), dtype=bool)
    for cut in range(_CUTS):
        progress(cut, _CUTS, "drawing at random, in hindsight")
        order = generator.permutation(count)
        for which, budget in enumerate(budgets):
            learn, judge = order[:budget], order[budget:]
            names = true[learn].tolist()
            right[which, cut, judge] = _right(
                audit_vectors[learn], names, audit_vectors[judge], true[judge]
            )
            judged[which, cut, judge] = True
    share = right.sum(axis=1) / np.maximum(judged.sum(axis=1), 1)  # (budgets, audit)
    # One draw of random labels is one cut, not the mean over cuts: that spread belongs in the band.
    of_cut = right.sum(axis=2) / np.maximum(judged.sum(axis=2), 1)
    random_mean, chosen_mean = share.mean(axis=1), chosen_right.mean(axis=1)
    rows = generator.integers(0, count, size=(_DRAWS, count))
    of_images = share[:, rows].mean(axis=2)
    cut_noise = (of_cut - of_cut.mean(axis=1, keepdims=True))[
        :, generator.integers(0, _CUTS, size=_DRAWS)
    ]
    random_draws = of_images + cut_noise
    chosen_draws = chosen_right[:, rows].mean(axis=2)
    gain_draws = chosen_draws - random_draws
    low, high = (
        (lambda draws: np.quantile(draws, 0.025, axis=1)),
        (lambda draws: np.quantile(draws, 0.975, axis=1)),
    )
    return Hindsight(
        budgets=budgets,
        chosen=_shares(chosen_mean),
        chosen_low=_shares(low(chosen_draws)),
        chosen_high=_shares(high(chosen_draws)),
        random=_shares(random_mean),
        random_low=_shares(low(random_draws)),
        random_high=_shares(high(random_draws)),
        gain=_rounded(chosen_mean - random_mean),
        gain_low=_rounded(low(gain_draws)),
        gain_high=_rounded(high(gain_draws)),
        audit=count,
    )


def _steps(most: int) -> list[int]:
    """Some numbers of labels up to ``most``, closer together at the start."""
    return sorted({max(2, round(most ** (one / 8))) for one in range(2, 9)})


def _right(
    vectors: NDArray[np.float32],
    names: Sequence[str],
    judge_vectors: NDArray[np.float32],
    true: NDArray[np.object_],
) -> NDArray[np.float64]:
    from coldstart.training.probe import fit_probe

    if len(set(names)) == 1:
        return (true == names[0]).astype(np.float64)
    probe = fit_probe(vectors, names)
    predicted = np.array(probe.class_names, dtype=object)[
        probe.predict(judge_vectors).class_indices
    ]
    right: NDArray[np.float64] = (predicted == true).astype(np.float64)
    return right


def _shares(values: NDArray[np.float64]) -> list[float]:
    return _rounded(np.clip(values, 0, 1))


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in values]
