"""How fast each encoder was on this machine the last time, for the promise on its card."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

_SECONDS_TO_TELL = 2.0
_IMAGES_TO_REMEMBER = 64


class Speed:
    """Images a second of a running extraction."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._images = 0

    def add(self, images: int) -> None:
        """So many more are done."""
        self._images += images

    @property
    def words(self) -> str:
        """`` · 41.5 images/s``, once there is enough to say so."""
        seconds = time.monotonic() - self._started
        if seconds < _SECONDS_TO_TELL or not self._images:
            return ""
        return f" · {self._images / seconds:,.1f} images/s"

    def remember(self, encoder: str) -> None:
        """Keep the speed for `images_per_second`, if enough images were computed."""
        seconds = time.monotonic() - self._started
        if self._images < _IMAGES_TO_REMEMBER or seconds <= 0:
            return
        file = _file()
        beside = file.with_suffix(f".{os.getpid()}.tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            known = _known() | {encoder: round(self._images / seconds, 3)}
            beside.write_text(json.dumps(known, indent=1), encoding="utf-8")
            os.replace(beside, file)
        except OSError:
            beside.unlink(missing_ok=True)  # it is only a help


def images_per_second(encoder: str) -> float | None:
    """How many images a second this encoder did here the last time; None if it never ran."""
    rate = _known().get(encoder)
    return rate if isinstance(rate, int | float) and rate > 0 else None


def _file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "coldstart/speed.json"


def _known() -> dict[str, float]:
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
