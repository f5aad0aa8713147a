"""Which share of the predictions is right often enough to be used without a look.

The audit says: a model that has seen none of its labels is asked about them, and how often it is
right among the images it is surest of is counted. Ten shares of the pool are tried, 10% to 100%.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.audit import audit_answers
from coldstart.workflow.pool import ProjectPool

if TYPE_CHECKING:
    from coldstart.training.probe import Probe

FILE = "audit_confidence.npz"
SHARES = tuple(round(0.1 * step, 1) for step in range(1, 11))
FEWEST = 10
"""With fewer audit images among the surest nothing is said about them."""


@dataclass(frozen=True)
class ShareChecked:
    """The surest ``share`` of the pool: how many audit images are in it, and how many were right.

    interval : exact limits that hold for all ten shares together (each at 99.5%).
    """

    share: float
    audit_labels: int
    right: int
    interval: tuple[float, float]

    @property
    def precision(self) -> float:
        return self.right / self.audit_labels


@dataclass(frozen=True)
class ConfidentShare:
    """How much of the pool may be taken as predicted, at a chosen precision.

    share : the largest share whose precision is *estimated* to reach it; None when none is.
    assured : the largest share of which the interval says so too; None when there is none.
    checked : what the audit found at each share. words : all of it for a person.
    """

    precision: float
    share: float | None
    assured: float | None
    audit_labels: int
    checked: tuple[ShareChecked, ...]
    words: str


def judge_confidence(
    pool: ProjectPool, measured: Probe, directory: Path, *, progress: Progress = silent
) -> None:
    """Keep how sure ``measured``, which has seen no label of the audit, is of the audit images and
    of the pool."""
    row_of = {int(image_id): row for row, image_id in enumerate(pool.image_ids)}
    audited = [image_id for image_id in pool.reserve if image_id in row_of]
    if not audited:
        return
    reserve = np.array([row_of[one] for one in audited])
    said = measured.predict(np.ascontiguousarray(pool.vectors[reserve]))
    everywhere = measured.predict(pool.vectors, progress=progress).confidence
    keep_confidence(
        directory,
        audited,
        [measured.class_names[which] for which in said.class_indices],
        said.confidence,
        everywhere,
    )


def keep_confidence(
    directory: Path,
    audit_ids: list[int],
    predicted: list[str],
    confidence: np.ndarray,
    everywhere: np.ndarray,
) -> None:
    """Write what a model that never saw the audit's labels said of its images.

    confidence : (m,) of the audit images; everywhere : (n,) of the whole pool.
    """
    limits = np.quantile(everywhere, [1 - share for share in SHARES])
    limits[-1] = -np.inf
    beside = directory / f"{FILE}.tmp"
    with beside.open("wb") as stream:
        np.savez(
            stream,
            audit_ids=np.array(audit_ids, dtype=np.int64),
            predicted=np.array(json.dumps(predicted)),
            confidence=confidence,
            limits=limits,
        )
    beside.replace(directory / FILE)


def confident_share(project: Project, precision: float, *, model: str = "probe") -> ConfidentShare:
    """How much of the newest model's predictions is right with this precision, by the audit.

    Raises
    ------
    ColdstartError : the precision is not above 0 and at most 1.
    """
    if isinstance(precision, bool) or not 0 < precision <= 1:
        raise ColdstartError(
            f"The precision {precision!r} is not above 0 and at most 1.", "Give, say, 0.95."
        )
    checked = _check_shares(project, model)
    if isinstance(checked, str):
        return ConfidentShare(precision, None, None, 0, (), checked)
    total = checked[-1].audit_labels if checked else 0
    enough = [one for one in checked if one.audit_labels >= FEWEST]
    if not enough:
        words = f"{total} audit labels: too few to say which predictions can be relied on."
        return ConfidentShare(precision, None, None, total, checked, words)
    estimated = [one for one in enough if one.precision >= precision]
    assured = [one for one in enough if one.interval[0] >= precision]
    chosen = estimated[-1] if estimated else None
    return ConfidentShare(
        precision=precision,
        share=None if chosen is None else chosen.share,
        assured=assured[-1].share if assured else None,
        audit_labels=total,
        checked=checked,
        words=_words(precision, chosen, assured[-1] if assured else None, enough[0]),
    )


def _check_shares(project: Project, model: str) -> tuple[ShareChecked, ...] | str:
    """What the audit says of each share, or why it says nothing."""
    from coldstart.training.intervals import clopper_pearson

    run = project.store.runs.latest(model)
    if run is None:
        return "No model is trained yet."
    try:
        with np.load(project.directory / run.directory / FILE, allow_pickle=False) as kept:
            ids, confidence, limits = kept["audit_ids"], kept["confidence"], kept["limits"]
            predicted = json.loads(str(kept["predicted"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return (
            "There is no audit of this model, so nobody can say how often it is right when it is "
            "sure."
        )
    place_of = {int(image_id): place for place, image_id in enumerate(ids)}
    answers = audit_answers(project)
    pairs = [
        (place_of[image_id], truth)
        for image_id, truth in zip(answers.image_ids, answers.truth, strict=True)
        if truth is not None and image_id in place_of
    ]
    sure = np.array([confidence[place] for place, _ in pairs])
    right = np.array([predicted[place] == truth for place, truth in pairs], dtype=bool)
    checked = []
    for share, limit in zip(SHARES, limits, strict=True):
        inside = sure >= limit if len(pairs) else np.zeros(0, dtype=bool)
        n, good = int(inside.sum()), int(right[inside].sum())
        if n:
            interval = clopper_pearson(good, n, 1 - 0.05 / len(SHARES))
            checked.append(ShareChecked(share, n, good, interval))
    return tuple(checked)


def _words(
    precision: float,
    chosen: ShareChecked | None,
    assured: ShareChecked | None,
    surest: ShareChecked,
) -> str:
    if chosen is None:
        return (
            f"Even among the surest {surest.share:.0%} of the images the model is right on "
            f"{surest.right} of {surest.audit_labels} audit images, below {precision:.0%}: none "
            "can be taken without a look."
        )
    low, high = chosen.interval
    words = (
        f"Of the surest {chosen.share:.0%} of the images the model is right on {chosen.right} of "
        f"{chosen.audit_labels} audit images ({chosen.precision:.0%}, interval {low:.0%} to "
        f"{high:.0%})."
    )
    if assured is None:
        return f"{words} That it is {precision:.0%} at least is an estimate, and not assured."
    if assured.share == chosen.share:
        return f"{words} So {precision:.0%} is assured with 95% confidence."
    return (
        f"{words} Assured with 95% confidence is {precision:.0%} for the surest "
        f"{assured.share:.0%}."
    )
