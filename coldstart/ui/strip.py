"""The strip on top of every page: where the project stands, in six facts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from coldstart.project import Project
from coldstart.store import JobRow
from coldstart.ui import session
from coldstart.ui.guard import guarded
from coldstart.ui.words import JOB_TITLES, NOT_MEASURED, percent, share_done

if TYPE_CHECKING:
    from coldstart.workflow.overview import Overview

_POLL_S = 2
# On the page where the strip goes stale between runs; not for pools where coverage takes long.
_LABELLING_POLL_S = 5
_LABELLING_POLL_IMAGES = 20_000


def show(page: str) -> None:
    """Draw the strip; while a job runs, or somebody labels, it alone looks again by itself."""
    project = session.project()
    if project is None:
        return
    st.fragment(_strip, run_every=_every(project, page))(project)


def _every(project: Project, page: str) -> int | None:
    if any(job.state == "running" for job in project.store.jobs.recent(10)):
        return _POLL_S
    labelling = page == "label" and project.store.images.count("queue") > 0
    if labelling and project.store.images.count("usable") <= _LABELLING_POLL_IMAGES:
        return _LABELLING_POLL_S
    return None


@guarded
def _strip(project: Project) -> None:
    from coldstart.workflow.overview import overview

    st.html(strip_html(project.name, overview(project)))


def strip_html(name: str, facts: Overview) -> str:
    """The strip as HTML; everything a person named is escaped."""
    covered = f"share of the pool that lies close to a labelled image. {facts.coverage_words}"
    cells = [
        _cell("images", f"{facts.images:,}", "usable images in the pool"),
        _cell("labelled", f"{facts.labelled:,}", f"{facts.waiting:,} more wait in the queue"),
        _cell(
            "coverage",
            NOT_MEASURED if facts.coverage is None else percent(facts.coverage),
            covered.rstrip(),
            measured=facts.coverage is not None,
        ),
        _accuracy(facts),
        _jobs(facts.running),
    ]
    return (
        '<section class="cs-strip" aria-label="Project status">'
        f'<span class="cs-strip-name" title="project">{escape(name)}</span>'
        f"{''.join(cells)}</section>"
    )


def _accuracy(facts: Overview) -> str:
    if facts.accuracy is None:
        return _cell("accuracy", NOT_MEASURED, facts.accuracy_words, measured=False)
    value = percent(facts.accuracy)
    if facts.interval is not None:
        low, high = facts.interval
        value += f" <small>{percent(low)} – {percent(high)}</small>"
    return _cell("accuracy", value, facts.accuracy_words)


def _jobs(running: list[JobRow]) -> str:
    if not running:
        return _cell("jobs", "none running", "long work appears here while it runs", measured=False)
    parts = []
    for job in running:
        share = share_done(job)
        title = JOB_TITLES.get(job.kind, job.kind)
        parts.append(title if share is None else f"{title} {percent(share)}")
    return _cell("jobs", escape(" · ".join(parts)), "running now", busy=True)


def _cell(label: str, value: str, words: str, *, measured: bool = True, busy: bool = False) -> str:
    kind = "" if measured else " cs-unmeasured"
    kind += " cs-busy" if busy else ""
    return (
        f'<span class="cs-fact{kind}" title="{escape(words, quote=True)}">'
        f"<i>{escape(label)}</i><b>{value}</b></span>"
    )
