"""What a fine-tuning has done so far, apart from the run itself: a page reads it without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HISTORY = "history.json"
MEANT_BY_BETTER = 0.002
"""How far the loss on the images kept aside must fall for an epoch to count as a help."""


@dataclass(frozen=True)
class Epoch:
    """One pass; epoch 0 is the frozen network with the probe as its last layer.

    loss : the mean training loss, None for epoch 0. kept_aside_loss, kept_aside_right : on the
    labelled images kept aside, every class weighted alike, the mean loss, and the share predicted
    right; None when none are.
    """

    epoch: int
    loss: float | None
    kept_aside_loss: float | None
    kept_aside_right: float | None
    seconds: float


def read_history(directory: Path) -> list[Epoch]:
    """What a run has done so far, for the page that watches it; empty before its first epoch."""
    try:
        rows = json.loads((directory / HISTORY).read_text(encoding="utf-8"))
        return [Epoch(**row) for row in rows]
    except (OSError, ValueError, TypeError):
        return []


def best_epoch(history: Sequence[Epoch]) -> int:
    """The epoch whose network is kept: the last that lowered the loss noticeably.

    With no images kept aside it is the newest.
    """
    best = history[0]
    for one in history[1:]:
        now, before = one.kept_aside_loss, best.kept_aside_loss
        if now is None or before is None or now < before - MEANT_BY_BETTER:
            best = one
    return best.epoch
