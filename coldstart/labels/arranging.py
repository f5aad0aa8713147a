"""In which order images stand on the labeller's pages, so that one key answers many of them.

Pure arrays: vectors or suggestions in, an order and the groups in it out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALIKE_TOGETHER = 8  # images a group of look-alikes has on average: about a row
_MOST_COMPARED = 3_000
_UNSURE = 0.5  # a suggestion with less than this stands before the others of its class


@dataclass(frozen=True)
class Arrangement:
    """order : (n,) int64 places of the images as they are to stand. groups : (n,) int64, for each
    entry of ``order`` the group it belongs to, ascending."""

    order: NDArray[np.int64]
    groups: NDArray[np.int64]


def by_likeness(
    vectors: NDArray[np.float32], *, together: int = ALIKE_TOGETHER, seed: int = 0
) -> Arrangement:
    """Look-alikes side by side: small k-means groups, each followed by the one nearest to it.

    vectors : (n, d) float32 at length 1. Within a group the image that is least like the rest
    stands first, where the eye begins. Of more than 3,000 images only these are compared, and
    the rest follows as it came, in one group: more would keep a person for seconds.
    """
    from sklearn.cluster import KMeans

    count = min(len(vectors), _MOST_COMPARED)
    rest = np.arange(count, len(vectors))
    if count <= together:
        return Arrangement(np.arange(len(vectors)), (np.arange(len(vectors)) >= count).astype(int))
    fitted = KMeans(max(2, round(count / together)), n_init=1, random_state=seed, max_iter=30).fit(
        vectors[:count]
    )
    centres = fitted.cluster_centers_
    order: list[int] = []
    groups: list[int] = []
    for place, group in enumerate(_chain(centres)):
        members = np.flatnonzero(fitted.labels_ == group)
        far = np.linalg.norm(vectors[members] - centres[group], axis=1)
        order += members[np.argsort(-far, kind="stable")].tolist()
        groups += [place] * len(members)
    return Arrangement(
        np.array([*order, *rest], dtype=np.int64),
        np.array([*groups, *([len(centres)] * len(rest))], dtype=np.int64),
    )


def by_suggestion(
    classes: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    vectors: NDArray[np.float32],
    *,
    page_size: int,
    row: int = ALIKE_TOGETHER,
) -> Arrangement:
    """Images of one suggested class side by side, the surest pages first.

    classes : (n,) the suggested class of each image, -1 for none: those stand last, as they came.
    probabilities : (n,) of that class. vectors : (n, d) float32 at length 1.

    A page holds whole classes where it can, and is filled so that each suggested class has at least
    a ``row`` on it. On a page the images whose suggestion is unsure stand first in their class, the
    most atypical at the head, and then the others; each is followed by the one most like it, for
    suggestions that are wrong in the same way are put right together.
    """
    left = {
        int(one): np.flatnonzero(classes == one)[
            np.argsort(-probabilities[classes == one], kind="stable")
        ]
        for one in np.unique(classes[classes >= 0])
    }
    order: list[int] = []
    while left:
        room = page_size - len(order) % page_size
        # The class whose next row is surest; then as many of it as the page has room for.
        best = max(left, key=lambda one: float(probabilities[left[one][:row]].mean()))
        wanted = max(row, _of_one_kind(left[best], probabilities, room))
        taken = left[best][: min(room, wanted)]
        left[best] = left[best][len(taken) :]
        if not len(left[best]):
            del left[best]
        order += taken.tolist()
    order += np.flatnonzero(classes < 0).tolist()
    return _grouped_by_page(
        np.array(order, dtype=np.int64), classes, probabilities, vectors, page_size
    )


def _of_one_kind(rows: NDArray[np.int64], probabilities: NDArray[np.float32], room: int) -> int:
    """How many of a class's next images are about as sure as the first of them."""
    ahead = probabilities[rows[:room]]
    return int((ahead >= ahead[0] - 0.1).sum())


def _grouped_by_page(
    order: NDArray[np.int64],
    classes: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    vectors: NDArray[np.float32],
    page_size: int,
) -> Arrangement:
    """The same pages, on each of which a class stands in one piece."""
    ordered: list[NDArray[np.int64]] = []
    numbered: list[int] = []
    number = -1
    for start in range(0, len(order), page_size):
        page = order[start : start + page_size]
        seen = list(dict.fromkeys(classes[page].tolist()))
        for one in sorted(seen, key=lambda one: one < 0):
            members = page[classes[page] == one]
            if one >= 0:
                members = members[_unsure_first(probabilities[members], vectors[members])]
            number += 1
            ordered.append(members)
            numbered += [number] * len(members)
    together = np.concatenate(ordered) if ordered else order
    return Arrangement(together.astype(np.int64), np.array(numbered, dtype=np.int64))


def _unsure_first(
    probabilities: NDArray[np.float32], vectors: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Places: those of unsure suggestions, then the others, look-alikes side by side in each."""
    unsure = probabilities < _UNSURE
    parts = [np.flatnonzero(unsure), np.flatnonzero(~unsure)]
    return np.concatenate([part[_alike(probabilities[part], vectors[part])] for part in parts])


def _alike(probabilities: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """The least probable first, and each followed by the one that is most like it of the rest."""
    similar = vectors @ vectors.T
    order = np.empty(len(vectors), dtype=np.int64)
    for place in range(len(order)):
        here = probabilities.argmin() if place == 0 else similar[order[place - 1]].argmax()
        order[place] = here
        similar[:, here] = -np.inf
    return order


def _chain(centres: NDArray[np.floating]) -> list[int]:
    """The groups in an order in which each is near to the one before it."""
    left = set(range(1, len(centres)))
    chain = [0]
    while left:
        rest = np.array(sorted(left))
        far = np.linalg.norm(centres[rest] - centres[chain[-1]], axis=1)
        chain.append(int(rest[far.argmin()]))
        left.remove(chain[-1])
    return chain
