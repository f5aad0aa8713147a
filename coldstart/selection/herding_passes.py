"""The sums over the kernel matrix that greedy herding needs: by numpy here, by torch on a device.

Both work in float32 on tiles of the matrix and add up in float64; the greedy decides what their
last bits would decide again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.exact import Rows, Unit, row_blocks
from coldstart.selection.kernels import Kernel

if TYPE_CHECKING:
    from coldstart.selection.device import Vectors

_TILE_ROWS = 1024

Float = NDArray[np.float32]
Sums = NDArray[np.float64]


class Passes(Protocol):
    """m(x) is the best similarity of image x so far, w(x) its mass."""

    def first_gains(self, best: Float, mass: Sums, progress: Progress) -> Sums:
        """(n,) Σ w(x) [k(x, c) - m(x)]+ for every c."""

    def lower_gains(self, gain: Sums, rows: Rows, before: Float, after: Float, mass: Sums) -> None:
        """Take from each gain, in place, what it loses when m of ``rows`` rises from ``before`` to
        ``after``: Σ w(x) (clip(k, before, after) - before)."""


@contextmanager
def passes_over(unit: Unit, kernel: Kernel, engine: str) -> Iterator[Passes]:
    """The sums by this machine ("local") or its graphics processor ("gpu").

    Raises ColdstartError where a graphics processor is asked for and there is none.
    """
    if engine == "local":
        yield PassesHere(unit, kernel)
        return
    from coldstart.selection.device import vectors_on_device

    with vectors_on_device(unit) as vectors:
        yield PassesOnDevice(unit, kernel, vectors)


class PassesHere:
    """The sums by numpy."""

    def __init__(self, unit: Unit, kernel: Kernel) -> None:
        self._unit, self._kernel = unit, kernel

    def first_gains(self, best: Float, mass: Sums, progress: Progress) -> Sums:
        gain = np.zeros(len(self._unit))
        weight = mass.astype(np.float32)
        nothing_yet = not best.any()
        blocks = row_blocks(len(self._unit), _TILE_ROWS)
        # One triangle of the matrix serves both sides.
        for number, part in enumerate(blocks):
            progress(number, len(blocks), "comparing images")
            for other in blocks[number:]:
                tile = self._kernel.tile(self._unit, part, other)
                forward = tile if nothing_yet else np.maximum(tile - best[other], 0)
                gain[part] += forward @ weight[other]
                if other is not part:
                    backward = tile
                    if not nothing_yet:
                        backward = np.maximum(tile - best[part][:, None], 0)
                    gain[other] += weight[part] @ backward
        return gain

    def lower_gains(self, gain: Sums, rows: Rows, before: Float, after: Float, mass: Sums) -> None:
        weight = mass.astype(np.float32)
        for columns in row_blocks(len(rows), _TILE_ROWS):
            low, high, changed = before[columns], after[columns], rows[columns]
            for part in row_blocks(len(self._unit), _TILE_ROWS):
                tile = self._kernel.tile(self._unit, part, changed)
                np.clip(tile, low, high, out=tile)
                tile -= low
                gain[part] -= tile @ weight[changed]


class PassesOnDevice:
    """The same sums by torch; what is kept in step (gains, m) stays with the caller."""

    def __init__(self, unit: Unit, kernel: Kernel, vectors: Vectors) -> None:
        self._n, self._kernel, self._vectors = len(unit), kernel, vectors
        self._size = vectors.rows_a_tile(_TILE_ROWS)

    def first_gains(self, best: Float, mass: Sums, progress: Progress) -> Sums:
        every = np.arange(self._n)
        gain = np.zeros(self._n)
        blocks = row_blocks(self._n, _TILE_ROWS)
        for number, columns in enumerate(blocks):
            progress(number, len(blocks), "comparing images")
            low = best[columns]
            # [k - m]+ = clip(k, m, 1) - m, for no similarity is above 1.
            self._add(gain, 1.0, every[columns], low, np.ones_like(low), mass)
        return gain

    def lower_gains(self, gain: Sums, rows: Rows, before: Float, after: Float, mass: Sums) -> None:
        for columns in row_blocks(len(rows), _TILE_ROWS):
            self._add(gain, -1.0, rows[columns], before[columns], after[columns], mass)

    def _add(
        self, gain: Sums, sign: float, columns: Rows, low: Float, high: Float, mass: Sums
    ) -> None:
        vectors = self._vectors
        bottom, top = vectors.sent(low), vectors.sent(high)
        weight = vectors.sent(mass[columns].astype(np.float32))
        with vectors.torch.no_grad():
            for part in row_blocks(self._n, self._size):
                tile = self._kernel.tile_on(vectors, part, columns)
                tile = tile.clamp(bottom, top).sub_(bottom)
                gain[part] += sign * (tile @ weight).cpu().numpy().astype(np.float64)
