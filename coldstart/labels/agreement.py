"""How far annotators agree beyond chance, and where they do not.

- Cohen's kappa: J. Cohen, "A coefficient of agreement for nominal scales", 1960.
- Fleiss' kappa: J. L. Fleiss, "Measuring nominal scale agreement among many raters", 1971; here for
  any number of answers an image, each image weighing as much as any other.

The intervals take the expected agreement as given and put Wilson's score interval (1927) around the
observed one. Unlike the usual large-sample formula they do not shrink to a point when everybody
agrees on a handful of images. Pure: values in, values out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Answer = Hashable
Answers = Mapping[int, Mapping[str, Answer]]
"""image -> annotator -> answer."""

_Z95 = 1.959964


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance: 1 is always, 0 is what chance gives.

    value : None when chance alone would agree always (one answer only), or nothing is shared.
    interval : of 95%, around ``value``. images : how many both, or several, have answered.
    observed : share of the pairs of answers that are equal.
    """

    value: float | None
    interval: tuple[float, float] | None
    images: int
    observed: float | None


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators on the images both answered.

    confusion : (answer of the first, answer of the second) -> how many images.
    """

    first: str
    second: str
    kappa: Kappa
    confusion: dict[tuple[Answer, Answer], int]


def cohen_kappa(pairs: Sequence[tuple[Answer, Answer]]) -> Kappa:
    """Cohen's kappa of two annotators' answers to the same images."""
    count = len(pairs)
    if count == 0:
        return Kappa(None, None, 0, None)
    observed = sum(first == second for first, second in pairs) / count
    left, right = Counter(one for one, _ in pairs), Counter(one for _, one in pairs)
    expected = sum(left[answer] * right[answer] for answer in left) / count**2
    return _kappa(observed, expected, count, count)


def fleiss_kappa(answers: Answers) -> Kappa:
    """Fleiss' kappa over the images that two or more people answered."""
    shared = [Counter(given.values()) for given in answers.values() if len(given) > 1]
    count = len(shared)
    if count == 0:
        return Kappa(None, None, 0, None)
    agreements = []
    shares: Counter[Answer] = Counter()
    for votes in shared:
        total = votes.total()
        agreements.append(sum(n * (n - 1) for n in votes.values()) / (total * (total - 1)))
        for answer, n in votes.items():
            shares[answer] += n / total / count  # type: ignore[assignment]
    observed = sum(agreements) / count
    expected = sum(share**2 for share in shares.values())
    # Several answers to one image tell more than one pair does; how much, their spread says.
    spread = sum((one - observed) ** 2 for one in agreements) / max(count - 1, 1)
    one_pair = observed * (1 - observed)
    worth = count * max(1.0, one_pair / spread) if spread > 0 else count
    return _kappa(observed, expected, count, worth)


def pairs_of_annotators(answers: Answers) -> list[PairAgreement]:
    """Every two annotators who share an image, those with most in common first."""
    given: dict[tuple[str, str], list[tuple[Answer, Answer]]] = {}
    for by_annotator in answers.values():
        for first, second in combinations(sorted(by_annotator), 2):
            both = by_annotator[first], by_annotator[second]
            given.setdefault((first, second), []).append(both)
    found = [
        PairAgreement(*names, cohen_kappa(pairs), dict(Counter(pairs)))
        for names, pairs in given.items()
    ]
    return sorted(found, key=lambda one: (-one.kappa.images, one.first, one.second))


def _kappa(observed: float, expected: float, images: int, worth: float) -> Kappa:
    if expected >= 1 - 1e-12:
        return Kappa(None, None, images, observed)
    low, high = _wilson(observed, worth)
    return Kappa(
        (observed - expected) / (1 - expected),
        # No answers agree less than -1, whatever a handful of images leaves open.
        (max(-1.0, (low - expected) / (1 - expected)), (high - expected) / (1 - expected)),
        images,
        observed,
    )


def _wilson(share: float, count: float) -> tuple[float, float]:
    middle = share + _Z95**2 / (2 * count)
    half = _Z95 * math.sqrt(share * (1 - share) / count + _Z95**2 / (4 * count**2))
    scale = 1 + _Z95**2 / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
