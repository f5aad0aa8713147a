"""Settings as they are typed: ``--set key=value``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coldstart.errors import ColdstartError


def pairs(texts: Sequence[str]) -> dict[str, Any]:
    """``["a=1", "b=true"]`` as ``{"a": 1, "b": True}``; what is no value of a kind stays text.

    Raises
    ------
    ColdstartError : one of them is not key=value.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ColdstartError(
                f"--set {text!r} is not key=value.", "Write, say, --set delta=0.5."
            )
        found[key.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    named = {"true": True, "false": False, "none": None}
    if text.lower() in named:
        return named[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
