"""A job on the page: how far it is, how long it will take, cancel, resume, and the command line."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coldstart import jobs
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import JobRow
from coldstart.ui import session
from coldstart.ui.guard import guarded, refuse
from coldstart.ui.words import JOB_TITLES, ago, duration, percent, share_done

_POLL_S = 1
_CLOSED = "closed_job_{}"
# Before this much is done, preparation still weighs in the time and would mislead.
_SHARE_TO_TELL = 0.05
# Jobs whose steps are images from first to last; of others only the share means something.
_COUNTED = ("scan",)
# Jobs that begin with something whose length nobody knows, which would weigh in the time left.
_UNEVEN = ("map",)


def running_job(project: Project, kind: str) -> JobRow | None:
    """The job of this kind that runs now, if one does."""
    job = project.store.jobs.latest(kind)
    return job if job is not None and job.state == "running" else None


def start(project: Project, kind: str, arguments: Sequence[str] = ()) -> None:
    """Start a job and show its card; for use under a button."""
    jobs.submit(project, kind, list(arguments), by=session.annotator())
    st.rerun()


def job_card(project: Project, kind: str) -> bool:
    """Draw the newest job of this kind, if there is something to say; whether it runs.

    A running job's card looks again every second, by itself; when the job ends the page runs once.
    """
    job = project.store.jobs.latest(kind)
    if (
        job is None
        or job.state == "done"
        or st.session_state.get(_CLOSED.format(kind)) == job.job_id
    ):
        return False
    if job.state == "running":
        st.fragment(_running_card, run_every=_POLL_S)(project, job.job_id)
        return True
    _stopped_card(project, job)
    return False


@guarded
def _running_card(project: Project, job_id: int) -> None:
    project.store.jobs.mark_lost()
    job = project.store.jobs.get(job_id)
    if job is None or job.state != "running":
        st.rerun()
    title = JOB_TITLES.get(job.kind, job.kind)
    with st.container(border=True, gap="small", key=f"job_{job.kind}"):
        share = share_done(job)
        st.progress(share or 0.0, text=f"**{title}** · {_how_far(job)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if job.cancel_requested:
                st.caption("Stopping at the next step; what is finished is kept.")
            else:
                st.button(
                    "Cancel",
                    key=f"cancel_{job.kind}",
                    icon=":material/close:",
                    on_click=guarded(jobs.cancel),
                    args=(project, job_id),
                    kwargs={"by": session.annotator()},
                    disabled=not session.may("run"),
                )
                st.caption("You can close this page; the work goes on.")
        _command(project, job)


def _stopped_card(project: Project, job: JobRow) -> None:
    title = JOB_TITLES.get(job.kind, job.kind)
    with st.container(border=True, gap="small", key=f"job_{job.kind}"):
        when = ago(job.finished_at or job.heartbeat_at)
        if job.state == "cancelled":
            st.markdown(f"**{title}** · cancelled {when} · what was finished is kept.")
        else:
            st.markdown(f"**{title}** · stopped {when}")
            problem, _, remedy = (job.error or "The process stopped without a word.").partition(
                ". "
            )
            refuse(ColdstartError(f"{problem}." if remedy else problem, remedy))
        off = not session.may("run")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button(
                "Resume", key=f"resume_{job.kind}", icon=":material/play_arrow:", disabled=off
            ):
                jobs.resume(project, job, by=session.annotator())
                st.rerun()
            if st.button("Close", key=f"close_{job.kind}", type="tertiary"):
                st.session_state[_CLOSED.format(job.kind)] = job.job_id
                st.rerun()
        _command(project, job)


def _command(project: Project, job: JobRow) -> None:
    with st.expander("The same as a command", type="compact"):
        st.code(jobs.command_line(project, job.kind, job.arguments), language="bash")


def _how_far(job: JobRow) -> str:
    parts = [job.message] if job.message else []
    share = share_done(job)
    if job.total and job.kind in _COUNTED:
        parts.append(f"{job.done:,} of {job.total:,}")
    elif share is not None:
        parts.append(percent(share))
    left = None if job.kind in _UNEVEN else job.seconds_left()
    if left is not None and share is not None and share > _SHARE_TO_TELL:
        parts.append(f"about {duration(left)} left")
    return " · ".join(part.replace("*", "").replace("`", "") for part in parts)
