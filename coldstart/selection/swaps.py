"""Improving a set of picks by swaps, on the same objective the greedy used.

The greedy spends its first picks in the middle of everything; exchanging one pick for one other
image, as long as it helps, mends that. The bookkeeping (nearest and second nearest pick of each
image) is FasterPAM's (Schubert & Rousseeuw, 2021), with similarities in place of distances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress, silent
from coldstart.selection.exact import Rows, Unit, row_blocks
from coldstart.selection.kernels import Kernel

MOST_ROWS = 20_000
_BLOCK = 256
_MOST_ROUNDS = 30


def improve_by_swaps(
    unit: Unit,
    kernel: Kernel,
    picks: Rows,
    *,
    fixed: Rows,
    candidates: NDArray[np.bool_],
    mass: NDArray[np.float64],
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[NDArray[np.int64], list[float], int]:
    """Picks at which no single swap helps, best first, their gains in mass, and how many swaps.

    ``fixed`` rows stay. Up to 20,000 images every image is tried against every pick; beyond, the
    objective is summed over 20,000 images drawn with ``seed`` in proportion to their mass (a
    weighted coreset), and swaps are tried with those of them that are candidates.
    """
    n = len(unit)
    rows = np.arange(n)
    weight = mass
    if n > MOST_ROWS:
        generator = np.random.default_rng(seed)
        drawn = generator.choice(n, MOST_ROWS, p=mass / mass.sum())
        rows, times = np.unique(np.concatenate([drawn, picks, fixed]), return_counts=True)
        times[np.isin(rows, np.concatenate([picks, fixed]))] -= 1
        weight = np.zeros(n)
        weight[rows] = times * mass.sum() / MOST_ROWS
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    state = _Swaps(
        unit[rows], kernel, place[np.asarray(picks)], place[np.asarray(fixed)], weight[rows]
    )
    swaps = state.run(candidates[rows], progress)
    better = rows[state.picks]
    order, gains = order_by_gain(unit, kernel, better, fixed, mass)
    return order, gains, swaps


def order_by_gain(
    unit: Unit, kernel: Kernel, picks: Rows, fixed: Rows, mass: NDArray[np.float64]
) -> tuple[NDArray[np.int64], list[float]]:
    """The same picks in greedy order (ties: lowest row), and what each adds, in mass."""
    picks = np.sort(np.asarray(picks, dtype=np.int64))
    best = np.zeros(len(unit), dtype=np.float32)
    for columns in row_blocks(len(fixed), 1024):
        tile = kernel.tile(unit, slice(0, len(unit)), np.asarray(fixed)[columns])
        np.maximum(best, tile.max(axis=1), out=best)
    similarity = kernel.tile(unit, slice(0, len(unit)), picks)
    weight = mass.astype(np.float32)
    left = np.ones(len(picks), dtype=bool)
    # A gain only falls as others are taken, so an old value below the best new one needs no update.
    gain = np.full(len(picks), np.inf)
    order, gains = [], []
    for _ in range(len(picks)):
        fresh = np.zeros(len(picks), dtype=bool)
        while True:
            top = int(np.argmax(np.where(left, gain, -np.inf)))
            if fresh[top]:
                break
            gain[top] = float(weight @ np.maximum(similarity[:, top] - best, 0))
            fresh[top] = True
        order.append(int(picks[top]))
        gains.append(float(gain[top]))
        left[top] = False
        np.maximum(best, similarity[:, top], out=best)
    return np.array(order, dtype=np.int64), gains


class _Swaps:
    """One run of FasterPAM: ``first`` and ``second`` are each image's similarity to its nearest and
    second nearest centre, ``owner`` the number of the nearest. Centres: picks, then fixed."""

    def __init__(
        self, unit: Unit, kernel: Kernel, picks: Rows, fixed: Rows, mass: NDArray[np.float64]
    ) -> None:
        self.unit, self.kernel = unit, kernel
        self.picks = np.asarray(picks, dtype=np.int64).copy()
        self.mass = mass.astype(np.float32)
        centres = np.concatenate([self.picks, fixed]).astype(np.int64)
        self.similarity = kernel.tile(unit, slice(0, len(unit)), centres)
        self._refresh()

    def run(self, candidates: NDArray[np.bool_], progress: Progress) -> int:
        """Swap until a whole round finds nothing better; the number of swaps made."""
        total = float(self.mass.sum())
        swaps = 0
        blocks = row_blocks(len(self.unit), _BLOCK)
        for round_number in range(_MOST_ROUNDS):
            before = swaps
            for number, block in enumerate(blocks):
                progress(number, len(blocks), f"improving picks, round {round_number + 1}")
                tile = self.kernel.tile(self.unit, slice(0, len(self.unit)), block)
                allowed = candidates[block] & ~np.isin(
                    np.arange(block.start, block.stop), self.picks
                )
                while True:
                    change = self._change(tile)
                    change[:, ~allowed] = -np.inf
                    pick, column = np.unravel_index(int(np.argmax(change)), change.shape)
                    if change[pick, column] <= 1e-6 * total:
                        break
                    allowed[column] = False
                    self._swap(int(pick), block.start + int(column), tile[:, column])
                    swaps += 1
            if swaps == before:
                break
        return swaps

    def _change(self, tile: NDArray[np.float32]) -> NDArray[np.float64]:
        """(picks, columns) what the objective gains when a pick is exchanged for a column."""
        from scipy.sparse import csr_matrix

        n, count = len(self.unit), len(self.picks)
        # Where the column is nearer than the nearest centre, everybody gains, whoever leaves.
        shared = self.mass @ np.maximum(tile - self.first[:, None], 0)
        # The leaving centre's own images fall back to the column or to their second nearest.
        kept = np.clip(tile, self.second[:, None], self.first[:, None])
        kept -= self.first[:, None]
        owned = csr_matrix((self.mass, self.owner, np.arange(n + 1)), shape=(n, self.centres))
        loss = (owned.T @ kept)[:count]
        change: NDArray[np.float64] = loss.astype(np.float64) + shared
        return change

    def _swap(self, pick: int, row: int, column: NDArray[np.float32]) -> None:
        self.picks[pick] = row
        self.similarity[:, pick] = column
        self._refresh()

    def _refresh(self) -> None:
        n, self.centres = self.similarity.shape
        self.owner = np.argmax(self.similarity, axis=1)
        self.first = self.similarity[np.arange(n), self.owner]
        if self.centres == 1:
            self.second = np.zeros(n, dtype=np.float32)
        else:
            rest = self.similarity.copy()
            rest[np.arange(n), self.owner] = -1
            self.second = rest.max(axis=1)
