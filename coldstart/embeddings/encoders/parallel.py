"""Use every core without wasting any: one batch a thread, one torch thread a batch.

Torch's own threads wait for each other by spinning; on a machine that does something else as well
two of them burn 4 to 8 times the CPU of one. Whole batches side by side need no waiting, and torch
and Pillow release Python's lock while they compute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def map_on_cores(
    function: Callable[[Argument], Result], arguments: Iterable[Argument]
) -> Generator[Result]:
    """Yield ``function(argument)`` in order, computed by one thread for each core.

    Arguments are taken only as results are, so memory stays bounded. Closing the iterator early
    stops the work after the calls now running.
    """
    import joblib
    import torch

    cores: int = joblib.cpu_count()
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(cores, "encoder", initializer=torch.set_num_threads, initargs=(1,))
    with single_threaded():
        try:
            for argument in arguments:
                waiting.append(pool.submit(function, argument))
                if len(waiting) > 2 * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Within, torch and numpy compute in the calling thread only."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
