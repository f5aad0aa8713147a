"""Probes are fitted in one thread: their matrices are small, and BLAS threads wait by spinning.

On a machine of two busy cores, two threads took some ten times the CPU of one for the same numbers
(`benchmarks/probe_threads.py`), and several trainings of an app at once made it worse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def in_one_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """``function`` with BLAS and OpenMP held to the calling thread while it runs."""

    @wraps(function)
    def limited(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        import scipy.linalg  # noqa: F401  a library that is loaded later would not be held
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return function(*args, **kwargs)

    return limited
