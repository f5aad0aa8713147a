"""The folder doctor: what is odd about the images, and what a person decided to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.images.findings import (
    BLURRED,
    BLURRED_SMALLEST_PIXELS,
    EXTREME_ASPECT,
    FINDINGS,
    FLAT,
    NEARLY_BLACK,
    NEARLY_WHITE,
    ONE_COLOUR,
    TINY_PIXELS,
    FindingKind,
)
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import ImageRow
from coldstart.workflow.alike import ALIKE
from coldstart.workflow.team import check_may


@dataclass(frozen=True)
class Finding:
    """One kind of finding in a project.

    ``images`` counts what leaving the kind out takes from the pool; ``members`` also counts the
    image that is kept of each group.
    """

    kind: FindingKind
    images: int
    groups: int
    excluded: bool

    @property
    def members(self) -> int:
        return self.images + self.groups


def examine(project: Project, *, progress: Progress = silent) -> None:
    """Look for everything `images.findings` lists; nothing is done when no image has changed."""
    store = project.store.findings
    if store.up_to_date():
        return
    progress(0, None, "Looking for copies and odd pictures")
    store.begin(keep=(ALIKE,))  # which is looked for when vectors are computed
    store.find_exact_copies("exact copies")
    median = store.median_shorter_side()
    tiny = min(TINY_PIXELS - 1, (median - 1) // 2)
    if tiny > 0:
        store.find("tiny", shorter_side=(None, tiny))
    store.find("extreme shape", aspect=(EXTREME_ASPECT, None))
    store.find("nearly black", bright_level=(None, NEARLY_BLACK))
    store.find("nearly white", dark_level=(NEARLY_WHITE, None))
    store.find(
        "one colour",
        contrast=(None, ONE_COLOUR),
        bright_level=(NEARLY_BLACK + 1, None),
        dark_level=(None, NEARLY_WHITE - 1),
    )
    store.find(
        "blurred",
        sharpness=(None, BLURRED),
        contrast=(FLAT, None),
        shorter_side=(BLURRED_SMALLEST_PIXELS, None),
    )
    _find_near_copies(project, progress)
    store.finish()


def findings(project: Project) -> list[Finding]:
    """What was found at the last scan, kind by kind; kinds of which nothing was found left out."""
    found = {one.kind: one for one in project.store.findings.kinds()}
    broken = project.store.images.problems()
    listed = []
    for name, kind in FINDINGS.items():
        if kind.scope == "file" and broken.get(name):
            listed.append(Finding(kind, broken[name], 0, True))
        elif name in found and (found[name].images or found[name].excluded):
            one = found[name]
            listed.append(Finding(kind, one.images, one.groups, one.excluded))
    return listed


@dataclass(frozen=True)
class FindingImage:
    """One image as a finding shows it; ``kept`` is the one that stays of a group."""

    image: ImageRow
    group_id: int
    kept: bool


def finding_page(project: Project, name: str, offset: int, limit: int) -> list[FindingImage]:
    """One page of a finding's images; members of a group side by side, the kept one first."""
    if _kind(name).scope == "file":
        rows = project.store.images.with_problem(name, offset, limit)
        return [FindingImage(row, 0, False) for row in rows]
    page = project.store.findings.page(name, offset, limit)
    return [FindingImage(one.image, one.group_id, one.kept) for one in page]


def leave_out(project: Project, name: str, *, excluded: bool, by: str = "") -> None:
    """Leave a kind of finding out of the pool, or take it back; nothing is deleted or moved.

    Raises
    ------
    ColdstartError : there is no such kind, its files cannot be used anyway, or ``by`` may not.
    """
    check_may(project, by, "settings")
    if _kind(name).scope == "file":
        raise ColdstartError(
            f"Files found as {name!r} cannot be used: they are left out anyway.",
            "Mend them, then scan again.",
        )
    project.store.findings.leave_out(name, excluded, by)


def decide(project: Project, image_ids: Sequence[int], *, out: bool, by: str = "") -> None:
    """Leave single images out of the pool, or keep them whatever is found; nothing is deleted.

    Raises
    ------
    ColdstartError : ``by`` may not.
    """
    check_may(project, by, "settings")
    project.store.findings.decide(image_ids, "out" if out else "in")


def _kind(name: str) -> FindingKind:
    try:
        return FINDINGS[name]
    except KeyError:
        raise ColdstartError(
            f"There is no finding {name!r}.", f"Use one of {', '.join(FINDINGS)}."
        ) from None


def _find_near_copies(project: Project, progress: Progress) -> None:
    from coldstart.images.lookalikes import lookalikes

    ids, hashes, pixels, sharpness = project.store.findings.looks(FLAT)
    progress(0, None, "Looking for near copies")
    group = lookalikes(hashes)
    sizes = np.bincount(group, minlength=len(ids))
    rows = np.flatnonzero(sizes[group] > 1)
    if not len(rows):
        return
    # Of each group the largest picture is kept, of equally large ones the sharpest.
    order = rows[np.lexsort((ids[rows], -sharpness[rows], -pixels[rows], group[rows]))]
    starts = np.concatenate(([True], group[order][1:] != group[order][:-1]))
    kept = ids[order][np.flatnonzero(starts)][np.cumsum(starts) - 1]
    project.store.findings.note_groups("near copies", ids[order], kept)
