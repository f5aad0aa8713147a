"""Numbers and times as the pages say them."""

from __future__ import annotations

import time

from coldstart.store import JobRow

NOT_MEASURED = "not measured yet"

JOB_TITLES: dict[str, str] = {
    "scan": "Scan",
    "embed": "Embeddings",
    "simclr": "SimCLR",
    "select": "Selection",
    "train": "Training",
    "finetune": "Fine-tuning",
    "rehearse": "Rehearsal",
    "predict": "Predictions",
    "export-model": "Model export",
    "map": "Map",
    "export": "Export",
    "thumbnails": "Thumbnails",
}
"""What a person calls each kind of job."""


def percent(share: float) -> str:
    """A share as a percentage, with a decimal where whole numbers would mislead."""
    value = 100 * share
    if 0 < value < 1 or 99 < value < 100:
        return f"{value:.1f}%"
    return f"{value:.0f}%"


def duration(seconds: float) -> str:
    """A length of time in the words of a person: "8 s", "3 min", "2 h 10 min"."""
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def ago(moment: float) -> str:
    """How long ago a time (seconds since 1970) was."""
    passed = time.time() - moment
    if passed < 60:
        return "just now"
    if passed < 48 * 3600:
        return f"{duration(passed)} ago"
    return f"{passed / 86400:.0f} days ago"


def count(number: int, one: str, many: str = "") -> str:
    """ "1 image", "1,797 images"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share_done(job: JobRow) -> float | None:
    """How far a job is, 0 to 1; None while it does not know how much there is to do."""
    return min(1.0, job.done / job.total) if job.total else None
