"""Which images the audit asks about: drawn uniformly at random, and hidden among the others.

The order is fixed by a keyed hash of what is in each file. So it is the same on every machine, it
keeps copies of one picture together, and it stays a uniform draw when images are added.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

AUDIT_SHARE = 0.2
"""Of what is queued, this much is for the audit …"""

AUDIT_LABELS = 100
"""… until there are this many audit labels."""

RESERVED_IMAGES = 400
RESERVED_SHARE = 0.2


def audit_order(groups: Sequence[str], seed: int = 0) -> NDArray[np.int64]:
    """Rows in the order in which the audit asks about them, one row for each distinct picture.

    groups : (n,) the content hash of each image, or the name of its group of near-duplicates.
    """
    first: dict[str, int] = {}
    for row, group in enumerate(groups):
        first.setdefault(group, row)
    ranked = sorted(first, key=lambda group: _key(group, seed))
    return np.array([first[group] for group in ranked], dtype=np.int64)


def audit_reserve(
    groups: Sequence[str],
    *,
    labelled: Collection[int] | ArrayLike = (),
    size: int | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Rows kept aside for the audit, in the order of asking; no strategy may pick any of them.

    Kept aside from the start they are a uniform draw from the whole pool. Drawn as one goes along
    they would be a draw from what the strategy left over, and too easy or too hard.

    Parameters
    ----------
    groups : (n,) the content hash of each image, or the name of its group of near-duplicates. Of
        equal ones the first is asked about, and *all* must be kept from the strategies: see
        `rows_of_same_picture`.
    labelled : rows that have a training label already. Their pictures and all copies are left out:
        the audit then speaks of the images that had no label when it began.
    size : how many; by default 400, and at most a fifth of the distinct pictures.

    Raises ValueError when ``labelled`` holds a row that does not exist.
    """
    rows = np.asarray(list(labelled) if isinstance(labelled, Collection) else labelled, dtype=int)
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(groups):
        raise ValueError(f"labelled must hold rows 0 to {len(groups) - 1}")
    trained = {groups[row] for row in rows.tolist()}
    order = [row for row in audit_order(groups, seed) if groups[row] not in trained]
    size = reserve_size(len(order)) if size is None else size
    return np.array(order[:size], dtype=np.int64)


def reserve_size(pictures: int) -> int:
    """How many images to keep aside of so many distinct pictures: 400, and at most a fifth."""
    return min(RESERVED_IMAGES, int(RESERVED_SHARE * pictures))


def audit_places(groups: Sequence[str], seed: int = 0) -> NDArray[np.uint64]:
    """(n,) where each picture stands in the order of `audit_order`, as far as eight bytes tell.

    Equal numbers may belong to different pictures: what is chosen by them is looked at again.
    """
    keys = b"".join(_key(group, seed)[:8] for group in groups)
    return np.frombuffer(keys, dtype=">u8").astype(np.uint64)


def first_places(places: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Rows of the ``count`` lowest of ``places``, ascending, with all that equal the last."""
    if count >= len(places):
        return np.arange(len(places))
    if count < 1:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(places <= np.partition(places, count - 1)[count - 1])


def grown_reserve(
    reserve: Sequence[str],
    newcomers: Collection[str],
    *,
    asked: Collection[str] = (),
    after: Collection[str] = (),
    most: int = RESERVED_IMAGES,
    seed: int = 0,
) -> list[str]:
    """The pictures to keep aside after others have come to the pool, in the order of asking.

    A newcomer is kept aside when its place in the random order is before the last of the reserve:
    so it has the chance that the pictures before it had, and the reserve stays a uniform draw.

    reserve : the pictures kept aside so far. newcomers : pictures that have no label and were never
    queued; those of the pool before may be among them, for their places lie behind. asked : those
    of the reserve that were asked: they stay. after : pictures that earlier audits have asked; this
    one begins behind them. most : how many others than those asked to keep aside.
    """
    if not reserve:
        return []
    first = max((_key(picture, seed) for picture in after), default=b"")
    last = max(_key(picture, seed) for picture in reserve)
    new = {one for one in newcomers if first < _key(one, seed) <= last}
    order = sorted({*reserve, *new}, key=lambda picture: _key(picture, seed))
    free = [one for one in order if one not in asked]
    dropped = set(free[most:])
    return [one for one in order if one not in dropped]


def next_reserve(
    reserve: Sequence[str],
    others: Collection[str],
    *,
    asked: Collection[str],
    fewest: int,
    seed: int = 0,
) -> list[str]:
    """The pictures of a new audit, in the order of asking.

    What the audit before kept aside and has not asked is still a uniform draw from the whole pool,
    so it comes first; when that is fewer than ``fewest``, the next in the random order follow, and
    the audit speaks of the pictures that have no label now.

    reserve : the pictures kept aside so far. others : pictures without a label that were never
    queued. asked : those of the reserve that were asked.
    """
    left = [one for one in reserve if one not in asked]
    if len(left) >= fewest:
        return left
    known = {*reserve, *asked}
    more = sorted((one for one in set(others) - known), key=lambda picture: _key(picture, seed))
    size = max(fewest, reserve_size(len(left) + len(more)))
    return [*left, *more][:size]


def rows_of_same_picture(groups: Sequence[str], rows: ArrayLike) -> NDArray[np.int64]:
    """All rows whose picture is that of one of ``rows``, ascending: they must not be trained on."""
    wanted = {groups[row] for row in np.asarray(rows, dtype=int).tolist()}
    return np.array([row for row, group in enumerate(groups) if group in wanted], dtype=np.int64)


def audit_images_due(
    batch_size: int,
    *,
    queued: int,
    audit_queued: int,
    share: float = AUDIT_SHARE,
    until: int = AUDIT_LABELS,
) -> int:
    """How many of the next ``batch_size`` images are to be audit images.

    Small batches add up to the share; a project that begins its audit late is not flooded.

    queued : images queued before, audit images among them. audit_queued : those audit images.
    Raises ValueError when ``share`` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the audit share must be between 0 and 1; got {share!r}")
    # A tiny amount is added because 0.2 * 15 is a little less than 3 in floating point.
    behind = math.floor(share * (queued + batch_size) + 1e-9) - audit_queued
    at_most = math.ceil(share * batch_size - 1e-9)
    return max(0, min(behind, at_most, until - audit_queued))


def hide_among(
    training_rows: ArrayLike, audit_rows: ArrayLike, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The batch to show, and which of its places are audit images; those places are random.

    The training rows stay in their order, best first. The mask must not reach the screen.
    """
    training = np.asarray(training_rows, dtype=np.int64)
    audit = np.asarray(audit_rows, dtype=np.int64)
    size = len(training) + len(audit)
    is_audit = np.zeros(size, dtype=bool)
    is_audit[np.random.default_rng(seed).permutation(size)[: len(audit)]] = True
    batch = np.empty(size, dtype=np.int64)
    batch[is_audit] = audit
    batch[~is_audit] = training
    return batch, is_audit


def _key(group: str, seed: int) -> bytes:
    text = f"coldstart audit:{seed}:{group}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
