"""Jobs: a process of their own, with progress, cancel and resume, and honest endings."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from coldstart import jobs
from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled
from coldstart.project import Project
from coldstart.store import JobRow
from coldstart.store.jobs import LOST_AFTER_S


def wait_for(project: Project, job_id: int, timeout_s: float = 60) -> JobRow:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        job = project.store.jobs.get(job_id)
        assert job is not None
        if job.state != "running":
            return job
        time.sleep(0.1)
    raise AssertionError(f"the job did not end: {project.store.jobs.get(job_id)}")


def test_a_job_runs_the_command_and_leaves_its_result(project: Project) -> None:
    job = wait_for(project, jobs.submit(project, "scan", by="anna"))
    assert (job.state, job.created_by) == ("done", "anna")
    assert job.result is not None
    assert job.result["images"] == 6
    assert project.store.images.count("usable") == 6
    assert jobs.log_file(project, job.job_id).exists()


def test_a_job_that_is_refused_says_why_in_one_sentence(project: Project) -> None:
    job = wait_for(project, jobs.submit(project, "select", ["--budget", "5"]))
    assert job.state == "failed"
    assert job.error is not None
    assert "no embedding set yet" in job.error
    assert "Traceback" not in job.error


def test_the_same_job_is_not_started_twice(project: Project) -> None:
    first = project.store.jobs.start("scan", [], "anna")
    assert first is not None
    with pytest.raises(ColdstartError, match="running in this project already"):
        jobs.submit(project, "scan")
    project.store.jobs.finish(first, "done")
    wait_for(project, jobs.submit(project, "scan"))


def test_a_cancelled_job_keeps_what_it_did_and_is_resumed(
    project: Project, make_image: Callable[..., Path]
) -> None:
    for number in range(30):
        make_image(f"many/{number}.png")
    job_id = project.store.jobs.start("scan", [], "")
    assert job_id is not None
    from coldstart.workflow.scan import scan

    jobs.cancel(project, job_id)
    with pytest.raises(Cancelled), jobs.JobProgress(project, job_id) as progress:
        scan(project, progress=progress)
    job = project.store.jobs.get(job_id)
    assert job is not None
    assert job.state == "cancelled"
    resumed = wait_for(project, jobs.resume(project, job))
    assert resumed.state == "done"
    assert project.store.images.count("usable") == 36


def test_a_killed_process_is_noticed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = jobs.submit(project, "scan")
    deadline = time.monotonic() + 30
    while (job := project.store.jobs.get(job_id)) is not None and job.pid is None:
        assert time.monotonic() < deadline
    assert job is not None
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    # The heartbeat is as old as it would be half a minute later.
    monkeypatch.setattr("coldstart.store.jobs.LOST_AFTER_S", -1.0)
    assert LOST_AFTER_S > 5
    time.sleep(0.2)
    lost = project.store.jobs.latest("scan")
    assert lost is not None
    assert lost.state in ("lost", "done")  # done, if it was quicker than the signal


def test_an_unexpected_error_is_told_without_a_traceback(project: Project) -> None:
    job_id = project.store.jobs.start("scan", [], "")
    assert job_id is not None
    with pytest.raises(ZeroDivisionError), jobs.JobProgress(project, job_id):
        _ = 1 / 0
    job = project.store.jobs.get(job_id)
    assert job is not None
    assert (job.state, job.error) == (
        "failed",
        "An unexpected error: ZeroDivisionError: division by zero",
    )


def test_time_left_counts_from_where_this_process_started(project: Project) -> None:
    job = JobRow(
        job_id=1,
        kind="embed",
        arguments=[],
        state="running",
        first_done=500,
        done=750,
        total=1000,
        message="",
        error=None,
        result=None,
        pid=1,
        created_by="",
        created_at=100.0,
        heartbeat_at=110.0,
        finished_at=None,
        cancel_requested=False,
    )
    assert job.seconds_left() == pytest.approx(10.0)
