"""Groups of pictures that look the same, told by their perceptual hashes; exact, also at a million.

Multi-index hashing (Norouzi, Punjani & Fleet, "Fast Search in Hamming Space with Multi-Index
Hashing", CVPR 2012): two hashes that differ in at most 4 of 64 bits agree entirely in at least one
of five bands of bits, so only hashes that share a band are compared.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 4
"""Hashes that differ in at most this many bits are taken for the same look."""

_LARGEST_RUN = 8192
"""Of more hashes that share a band, the other bits are cut into bands of their own."""


def lookalikes(hashes: NDArray[np.int64], most_bits: int = MOST_BITS) -> NDArray[np.int64]:
    """The group of each picture: (n,) int64, the row of the first picture of its group.

    Two pictures are in one group when a chain of pictures leads from one to the other, each step
    differing in at most ``most_bits`` bits.

    Parameters
    ----------
    hashes : (n,) int64, see `measure.Measures`.
    most_bits : how many bits may differ, 0 to 15.
    """
    codes, first, of_code = np.unique(
        hashes.view(np.uint64), return_index=True, return_inverse=True
    )
    parent = np.arange(len(codes), dtype=np.int64)
    if len(codes) > 1 and most_bits > 0:
        every = np.arange(len(codes), dtype=np.int64)
        _join_within(codes, every, list(range(64)), parent, most_bits)
    root = _roots(parent)
    first_of_group = np.full(len(codes), np.iinfo(np.int64).max)
    np.minimum.at(first_of_group, root, first)
    return first_of_group[root][of_code]


def _join_within(
    codes: NDArray[np.uint64],
    rows: NDArray[np.int64],
    bits: list[int],
    parent: NDArray[np.int64],
    most_bits: int,
) -> None:
    """Join all close pairs among ``rows``, which agree in every bit that is not in ``bits``."""
    join_runs = _compiled()
    if len(rows) <= 2 * most_bits or len(bits) <= most_bits:
        join_runs(codes, rows, np.array([0, len(rows)]), parent, most_bits)
        return
    bands = most_bits + 1
    for band in range(bands):
        own = bits[band::bands]
        mask = np.uint64(sum(1 << bit for bit in own))
        keys = codes[rows] & mask
        order = np.argsort(keys, kind="stable")
        ordered, in_order = rows[order], keys[order]
        starts = np.concatenate(
            ([0], 1 + np.flatnonzero(in_order[1:] != in_order[:-1]), [len(rows)])
        )
        lengths = np.diff(starts)
        others = [bit for bit in bits if bit not in set(own)]
        for run in np.flatnonzero(lengths > _LARGEST_RUN):
            part = ordered[starts[run] : starts[run + 1]]
            _join_within(codes, part, others, parent, most_bits)
        small = np.flatnonzero((lengths > 1) & (lengths <= _LARGEST_RUN))
        spans = np.stack([starts[small], starts[small + 1]], axis=1).ravel()
        join_runs(codes, ordered, spans, parent, most_bits)


def _roots(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    root = parent
    while True:
        higher = root[root]
        if np.array_equal(higher, root):
            return root
        root = higher


@lru_cache(maxsize=1)
def _compiled() -> Any:
    from numba import njit

    @njit(cache=True)
    def bit_count(word):  # type: ignore[no-untyped-def]  # pragma: no cover
        word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
        two = np.uint64(0x3333333333333333)
        word = (word & two) + ((word >> np.uint64(2)) & two)
        word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)

    @njit(cache=True)
    def root_of(parent, row):  # type: ignore[no-untyped-def]  # pragma: no cover
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    @njit(cache=True)
    def join_runs(codes, rows, spans, parent, most_bits):  # type: ignore[no-untyped-def]  # pragma: no cover
        for span in range(0, len(spans), 2):
            for one in range(spans[span], spans[span + 1]):
                for other in range(one + 1, spans[span + 1]):
                    a, b = rows[one], rows[other]
                    if bit_count(codes[a] ^ codes[b]) <= np.uint64(most_bits):
                        left, right = root_of(parent, a), root_of(parent, b)
                        if left < right:
                            parent[right] = left
                        elif right < left:
                            parent[left] = right

    return join_runs
