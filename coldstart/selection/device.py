"""Comparisons on a graphics processor, by torch, tile by tile: pairs of a graph, nearest centres.

The processor multiplies in full float32 and hands back what is close or may be; whatever its last
bits could decide is decided again here, in float64, so that nothing depends on who multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress
from coldstart.selection.exact import Rows, Unit, rounding_band, similarity_threshold
from coldstart.selection.pairs import Pairs, keep_close

# A tile of similarities takes 256 MB on the device, and half as much again while it is searched.
TILE_ROWS = 8192
# The vectors lie on the device as a whole where they take no more than this share of it.
_SHARE_OF_DEVICE = 0.5


def pairs_of_tiles_on_device(
    unit: Unit, delta: float, blocks: list[slice], progress: Progress
) -> dict[tuple[int, int], Pairs]:
    """The close pairs of every tile (i, j), i <= j, of ``blocks`` by ``blocks``.

    Raises ColdstartError where there is no such device, or it is too small for a tile.
    """
    tiles = [(i, j) for i in range(len(blocks)) for j in range(i, len(blocks))]
    results = {}
    with vectors_on_device(unit) as vectors:
        for number, (i, j) in enumerate(tiles):
            progress(number, len(tiles), "comparing images")
            row, column, similarity = _maybe_close(
                vectors, blocks[i], blocks[j], delta, unit.shape[1]
            )
            if i == j:
                upper = row < column
                row, column, similarity = row[upper], column[upper], similarity[upper]
            row, column = row + blocks[i].start, column + blocks[j].start
            results[i, j] = _checked(unit, row, column, similarity, delta)
    return results


def pairs_of_lists_on_device(
    unit: Unit,
    members: list[NDArray[np.int64]],
    compared: NDArray[np.bool_],
    delta: float,
    progress: Progress,
) -> list[Pairs]:
    """For every list its close pairs inside, and with the later lists it is ``compared`` with.

    Raises as `pairs_of_tiles_on_device`.
    """
    found = []
    with vectors_on_device(unit) as vectors:
        for one, rows in enumerate(members):
            progress(one, len(members), "comparing images")
            later = one + 1 + np.flatnonzero(compared[one, one + 1 :])
            columns = np.concatenate([rows, *[members[other] for other in later]])
            for start in range(0, len(columns), TILE_ROWS):
                part = columns[start : start + TILE_ROWS]
                row, column, similarity = _maybe_close(vectors, rows, part, delta, unit.shape[1])
                place = column + start
                once = (place >= len(rows)) | (row < place)
                row, column = rows[row[once]], part[column[once]]
                found.append(_checked(unit, row, column, similarity[once], delta))
    return found


def find_device() -> str:
    """The name torch has for the graphics processor here.

    Raises ColdstartError where there is none.
    """
    import torch

    if torch.cuda.is_available():
        return "cuda"
    raise ColdstartError(
        "The engine 'gpu' needs a graphics processor that torch can use, and there is none here.",
        "Choose the engine 'local': the picks are the same.",
    )


def _maybe_close(
    vectors: Vectors, rows: Rows | slice, columns: Rows | slice, delta: float, dimension: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The places in ``rows`` and ``columns`` of pairs that are closer than delta or may be."""
    torch = vectors.torch
    with torch.no_grad():
        similarity = vectors.of(rows) @ vectors.of(columns).T
        near = similarity > similarity_threshold(delta) - rounding_band(dimension)
        place = near.nonzero()
        close = similarity[near].cpu().numpy()
        row, column = place.T.cpu().numpy()
    return row, column, close


def _checked(
    unit: Unit,
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    similarity: NDArray[np.float32],
    delta: float,
) -> Pairs:
    return keep_close(unit, row.astype(np.int32), column.astype(np.int32), similarity.copy(), delta)


class Vectors:
    """Rows of the pool on the device: all of them where they fit, else those that are asked for."""

    def __init__(self, torch: Any, unit: Unit, device: str) -> None:
        self.torch, self.unit, self._device = torch, unit, device
        fits = unit.nbytes < _SHARE_OF_DEVICE * _free_bytes(torch, device)
        self._all = self.sent(unit) if fits else None

    def of(self, rows: Rows | slice) -> Any:
        """These rows, a (len(rows), d) float32 tensor on the device."""
        if self._all is None:
            return self.sent(self.unit[rows])
        if isinstance(rows, slice):
            return self._all[rows]
        return self._all[self.torch.from_numpy(np.ascontiguousarray(rows)).to(self._device)]

    def nearest(
        self, rows: slice, centres: Unit, half: NDArray[np.float32], slack: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(m,) the centre with the largest x·c - half of each row, and as rows and columns every
        centre within ``slack`` of it, for the rows where there are several."""
        with self.torch.no_grad():
            closeness = self.of(rows) @ self.sent(centres).T - self.sent(half)
            best, nearest = closeness.max(dim=1)
            near = closeness >= (best - slack)[:, None]
            unsure = near.sum(dim=1) > 1
            row, column = (near & unsure[:, None]).nonzero().T.cpu().numpy()
        return nearest.cpu().numpy(), row, column

    def rows_a_tile(self, columns: int) -> int:
        """How many rows at a time make a tile of the usual size with so many columns."""
        return max(256, TILE_ROWS * TILE_ROWS // columns)

    def sent(self, rows: NDArray[Any]) -> Any:
        """An array on the device."""
        # A copy, because torch warns of arrays that cannot be written to, such as memory maps.
        return self.torch.from_numpy(np.array(rows)).to(self._device)


def _free_bytes(torch: Any, device: str) -> int:
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)


@contextmanager
def vectors_on_device(unit: Unit) -> Iterator[Vectors]:
    """The vectors on the device, where products are in full float32 for as long."""
    import torch

    device = find_device()
    before = torch.get_float32_matmul_precision()
    # TensorFloat32 keeps 10 bits: its errors are beyond the band that is checked again.
    torch.set_float32_matmul_precision("highest")
    try:
        yield Vectors(torch, unit, device)
    except torch.OutOfMemoryError as error:
        raise ColdstartError(
            f"The graphics processor has too little memory for this pool ({error}).",
            "Choose the engine 'local': the picks are the same.",
        ) from error
    finally:
        torch.set_float32_matmul_precision(before)
