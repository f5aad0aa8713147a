"""Long work in a process of its own: one CLI command, with progress, cancel and resume.

A job goes on when the tab is closed or the server restarts, because it is neither's child in any
way that matters: it has its own session, writes its progress to the project's database, and what
it has finished stays on disk. Resuming is running the same command again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from coldstart.errors import ColdstartError
from coldstart.progress import Cancelled
from coldstart.project import Project
from coldstart.store import JobRow
from coldstart.workflow.team import check_may

JOB_VARIABLE = "COLDSTART_JOB"
_ACTIONS = {"select": "queue", "export": "export", "export-model": "export"}  # others: "run"
_HEARTBEAT_S = 2.0
_REPORT_S = 0.4


_COMMANDS: dict[str, tuple[str, ...]] = {"finetune": ("train", "--model", "finetune")}
"""Kinds of jobs that are a command with an option, and not called like their command."""


def command_line(project: Project, kind: str, arguments: Sequence[str]) -> str:
    """The command a person can type to do what the job does."""
    return shlex.join(["coldstart", *_words(project, kind, arguments)])


def _words(project: Project, kind: str, arguments: Sequence[str]) -> list[str]:
    command, *options = _COMMANDS.get(kind, (kind,))
    return [command, str(project.directory), *options, *arguments]


def submit(project: Project, kind: str, arguments: Sequence[str] = (), *, by: str = "") -> int:
    """Start ``coldstart KIND PROJECT ARGUMENTS…`` in a process of its own; the job's number.

    Raises
    ------
    ColdstartError : a job of this kind is running in this project, or ``by`` may start none.
    """
    check_may(project, by, _ACTIONS.get(kind, "run"))
    job_id = project.store.jobs.start(kind, arguments, by)
    if job_id is None:
        raise ColdstartError(
            f"A job of this kind ({kind}) is running in this project already.",
            "Wait for it, or cancel it first.",
        )
    project.logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "coldstart", *_words(project, kind, arguments)]
    try:
        with log_file(project, job_id).open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {JOB_VARIABLE: str(job_id)},
            )
    except OSError as error:
        project.store.jobs.finish(job_id, "failed", error=str(error))
        raise ColdstartError(f"The job could not be started ({error}).", "Try again.") from error
    project.store.jobs.update(job_id, pid=process.pid)
    # Somebody must wait for the child, or it stays behind as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return job_id


def cancel(project: Project, job_id: int, *, by: str = "") -> None:
    """Ask a job to stop; it does at its next step and keeps what it has finished.

    Raises
    ------
    ColdstartError : ``by`` may not.
    """
    check_may(project, by, "run")
    project.store.jobs.request_cancel(job_id)


def resume(project: Project, job: JobRow, *, by: str = "") -> int:
    """Run a stopped job's command again; it goes on where it stopped."""
    return submit(project, job.kind, job.arguments, by=by)


def log_file(project: Project, job_id: int) -> Path:
    """What the job's process printed."""
    return project.logs / f"job-{job_id}.log"


class JobProgress:
    """A `Progress` that writes to the job's row and hears a request to cancel.

    As a context manager it beats while the work runs and closes the row with how it ended.
    """

    def __init__(self, project: Project, job_id: int) -> None:
        self._jobs = project.store.jobs
        self._job_id = job_id
        self._last_report = 0.0
        self._first_done: int | None = None
        self._stop = threading.Event()
        self.result: dict[str, object] | None = None

    def __call__(self, done: int, total: int | None, message: str = "") -> None:
        now = time.monotonic()
        first = self._first_done is None
        if not first and now - self._last_report < _REPORT_S and done != total:
            return
        self._last_report = now
        values: dict[str, object] = {"done": done, "total": total, "message": message}
        if first:
            self._first_done = done
            values["first_done"] = done
        self._jobs.update(self._job_id, **values)
        if self._jobs.cancel_requested(self._job_id):
            raise Cancelled

    def __enter__(self) -> JobProgress:
        self._jobs.update(self._job_id, pid=os.getpid())
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        if error is None:
            self._jobs.finish(self._job_id, "done", result=self.result)
        elif isinstance(error, Cancelled):
            self._jobs.finish(self._job_id, "cancelled")
        elif isinstance(error, ColdstartError):
            self._jobs.finish(self._job_id, "failed", error=str(error))
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            self._jobs.finish(self._job_id, "cancelled", error="The process was told to stop.")
        else:
            reason = f"An unexpected error: {type(error).__name__}: {error}"
            self._jobs.finish(self._job_id, "failed", error=reason)

    def _beat(self) -> None:
        while not self._stop.wait(_HEARTBEAT_S):
            self._jobs.update(self._job_id)
