"""What a SimCLR run has done so far, apart from the run itself: a page reads it without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HISTORY = "history.json"
MEANT_BY_BETTER = 0.005
"""How much the consistency must rise above its best for an epoch to count as a help."""


@dataclass(frozen=True)
class Epoch:
    """One pass: mean loss, and on the images kept aside the share whose view finds its twin.

    Epoch 0 is the network as it started; it has no loss.
    """

    epoch: int
    loss: float | None
    consistency: float
    seconds: float


def read_history(directory: Path) -> list[Epoch]:
    """What a run has done so far, for the page that watches it; empty before its first epoch."""
    try:
        rows = json.loads((directory / HISTORY).read_text(encoding="utf-8"))
        return [Epoch(**row) for row in rows]
    except (OSError, ValueError, TypeError):
        return []


def best_epoch(history: Sequence[Epoch]) -> int:
    """The epoch whose network is kept: the last that raised the consistency noticeably."""
    best = history[0]
    for one in history[1:]:
        if one.consistency > best.consistency + MEANT_BY_BETTER:
            best = one
    return best.epoch
