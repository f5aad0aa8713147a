"""No traceback reaches a person: a refusal is a sentence and a remedy, a bug names the log."""

from __future__ import annotations

import functools
import logging
import logging.handlers
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.workflow.projects import projects_folder

_P = ParamSpec("_P")
_R = TypeVar("_R")

_CODE = re.compile(r"`([^`]+)`")
_MAX_LOG_BYTES = 2_000_000


@contextmanager
def guard() -> Iterator[None]:
    """Show what goes wrong inside as one sentence instead of a traceback.

    Streamlit's own signals (stop, rerun, another page) are no `Exception` and pass through.
    """
    try:
        yield
    except Exception as error:
        explain(error)


def guarded(function: Callable[_P, _R]) -> Callable[_P, _R | None]:
    """`guard` as a decorator, for fragments and callbacks: they run without the entry script."""

    @functools.wraps(function)
    def inner(*args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        with guard():
            return function(*args, **kwargs)
        return None

    return inner


def explain(error: Exception) -> bool:
    """Show one sentence for ``error``; True, so that Streamlit adds nothing to it."""
    if isinstance(error, ColdstartError):
        refuse(error)
        return True
    file = write_log(error)
    st.error(
        f"Something went wrong that should not have ({type(error).__name__}). Nothing you saved "
        f"is lost; reload the page to go on. The details are in `{file}`.",
        icon=":material/bug_report:",
    )
    return True


def refuse(error: ColdstartError) -> None:
    """Show a refusal: what is wrong, and what to do."""
    problem = f"**{_with_code(error.problem)}**"
    st.error(f"{problem} {_with_code(error.remedy)}".strip(), icon=":material/error:")


def write_log(error: Exception) -> Path:
    """Write the traceback of ``error`` to the app's log; the log's file."""
    file = projects_folder() / "app.log"
    try:
        _logger(file).error("Unexpected error in a page", exc_info=error)
    except OSError:
        logging.getLogger("coldstart").error("Unexpected error in a page", exc_info=error)
    return file


@functools.lru_cache(maxsize=4)
def _logger(file: Path) -> logging.Logger:
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        file, maxBytes=_MAX_LOG_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger(f"coldstart.app.{file}")
    logger.propagate = False
    logger.addHandler(handler)
    return logger


def plain(text: str) -> str:
    """``text`` with nothing in it that Markdown would take for markup."""
    escaped = "".join(f"\\{letter}" if letter in r"\`*_{}[]<>#~$|:" else letter for letter in text)
    return escaped.replace("\n", " ")


def _with_code(text: str) -> str:
    """`plain`, but what stands between backticks (a command) is code, which can be copied."""
    parts = _CODE.split(text.replace("\n", " "))
    return "".join(f"`{part}`" if i % 2 else plain(part) for i, part in enumerate(parts))
