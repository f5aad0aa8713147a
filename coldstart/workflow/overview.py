"""The strip on top of every page: where the project stands, in six facts."""

from __future__ import annotations

from dataclasses import dataclass

from coldstart.project import Project
from coldstart.store import JobRow
from coldstart.workflow.audit import audit_standing


@dataclass(frozen=True)
class Overview:
    """Where a project stands; None for what has not been measured."""

    images: int
    labelled: int  # images that stand at a class
    waiting: int  # queued and not answered
    coverage: float | None  # share of the pool within delta of a labelled image
    coverage_words: str  # on how many images that was estimated; empty where on all of them
    accuracy: float | None  # measured by the audit: on images drawn at random
    interval: tuple[float, float] | None
    accuracy_words: str
    running: list[JobRow]


def overview(project: Project) -> Overview:
    """The facts of the strip; cheap enough for every page."""
    from coldstart.workflow.diagnose import current_coverage

    store = project.store
    standing = audit_standing(project)
    covered = current_coverage(project)
    return Overview(
        images=store.images.count("usable"),
        labelled=store.labels.counts().get("class", 0),
        waiting=store.images.count("queue"),
        coverage=covered.share if covered else None,
        coverage_words=covered.measured_on if covered else "",
        accuracy=standing.look.accuracy if standing.look else None,
        interval=standing.look.interval if standing.look else None,
        accuracy_words=standing.words,
        running=[job for job in store.jobs.recent(10) if job.state == "running"],
    )
