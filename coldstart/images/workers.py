"""Run a function over chunks of work in processes of their own.

`multiprocessing` would import the caller's main script again in every worker and leave orphans when
the parent is killed. These workers import only what the function needs, end by themselves when the
parent is gone (their input closes), and when one dies the chunk it held is known.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

_START = (
    "import sys; sys.path[:] = sys.argv[1:]; from coldstart.images.workers import _serve; _serve()"
)


class WorkerDied(Exception):
    """A worker process ended in the middle of its chunk (a crash in C code, or out of memory)."""


def map_in_processes(
    function: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    processes: int,
    died: Callable[[Chunk], Result],
) -> Iterator[Result]:
    """Yield ``function(chunk)`` for each chunk, in order, computed by ``processes`` workers.

    ``function`` must be importable by name. For a chunk whose worker died ``died(chunk)`` is
    called in this process instead. Closing the iterator early ends the workers.
    """
    workers = _Workers(function)
    waiting: deque[Future[Result]] = deque()
    threads = ThreadPoolExecutor(processes, thread_name_prefix="image-worker")

    def one(chunk: Chunk) -> Result:
        try:
            return workers.call(chunk)
        except WorkerDied:
            if workers.ended:  # the caller has had enough: nobody waits for this answer
                raise
            return died(chunk)

    try:
        for chunk in chunks:
            waiting.append(threads.submit(one, chunk))
            # Enough in hand to keep every worker busy, little enough to keep memory bounded.
            if len(waiting) > 3 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        workers.end()
        threads.shutdown()


def call_in_process(function: Callable[[Chunk], Result], chunk: Chunk) -> Result:
    """``function(chunk)`` in a process made for it alone; raises `WorkerDied` if that dies."""
    workers = _Workers(function)
    try:
        return workers.call(chunk)
    finally:
        workers.end()


class _Workers:
    """One process for each thread that calls; the thread waits while its process works."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._mine = threading.local()
        self._all: list[subprocess.Popen[bytes]] = []
        self.ended = False

    def call(self, chunk: Any) -> Any:
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is None:
            process = self._mine.process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((self._function, chunk), process.stdin, protocol=5)
            process.stdin.flush()
            succeeded, answer = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
            self._mine.process = None
            process.kill()
            process.wait()
            raise WorkerDied from error
        if not succeeded:
            raise answer
        return answer

    def end(self) -> None:
        """End every process, also those still at work; their threads then see `WorkerDied`."""
        self.ended = True
        for process in self._all:
            process.kill()
        for process in self._all:
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        if self.ended:
            raise WorkerDied
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._all.append(process)
        return process


def _serve() -> None:
    """A worker's whole life: read a call, answer it, until the input closes."""
    calls = sys.stdin.buffer
    # Answers go through a private copy of stdout, so that nothing printed can spoil them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            function, chunk = pickle.load(calls)
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer = (True, function(chunk))
        except Exception as error:
            answer = (False, error)
        try:
            pickle.dump(answer, answers, protocol=5)
            answers.flush()
        except BrokenPipeError:
            return
