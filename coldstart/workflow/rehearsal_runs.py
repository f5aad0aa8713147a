"""The runs of a rehearsal on disk: one JSON line each, so that a stopped rehearsal goes on.

Every line has the picks, the seed and the versions, so that any point of any curve can be run
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.rehearsal import Run

_RUN_FIELDS = {one.name for one in fields(Run)}
_PACKAGES = ("numpy", "scipy", "scikit-learn", "scikit-activeml")


@dataclass(frozen=True)
class Bench:
    """What strategies are rehearsed on.

    data, encoder : what to call them. vectors : (n, d) float32 unit rows. classes : (n,) int64 from
    0. class_names : of each number. groups : (n,) copies of a picture have the same number.
    """

    data: str
    encoder: str
    vectors: NDArray[np.float32]
    classes: NDArray[np.int64]
    class_names: list[str]
    groups: NDArray[np.int64] | None = None

    def fingerprint(self) -> str:
        """Names the vectors and the classes: runs of other ones are not mixed with these."""
        digest = hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes())
        digest.update(np.ascontiguousarray(self.classes).tobytes())
        return digest.hexdigest()[:16]


class RunFile:
    """Runs in ``directory``, in the file of this writer; read from the files of all writers."""

    def __init__(self, directory: Path, writer: str = "runs") -> None:
        self.directory = directory
        self._file = directory / f"{writer}.jsonl"

    def add(self, bench: Bench, fingerprint: str, run: Run) -> None:
        """Write one run down, for good."""
        self.directory.mkdir(parents=True, exist_ok=True)
        line = json.dumps(
            {"data": bench.data, "encoder": bench.encoder, "of": fingerprint}
            | run.as_dict()
            | {"versions": versions()}
        )
        with self._file.open("ab") as file:
            # A line cut by a crash must not swallow the next one.
            file.write(f"\n{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def read(self, fingerprint: str | None = None) -> list[dict[str, Any]]:
        """All lines, or those of one fingerprint, as they were written; what a crash cut off is
        left out."""
        found = []
        for file in sorted(self.directory.glob("*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    one = json.loads(line)
                except ValueError:
                    continue
                if fingerprint is None or one.get("of") == fingerprint:
                    found.append(one)
        return found

    def runs(self, fingerprint: str) -> list[Run]:
        """The runs on one bench."""
        return [run_of(one) for one in self.read(fingerprint)]


def run_of(line: dict[str, Any]) -> Run:
    """The run in one line."""
    return Run(**{key: value for key, value in line.items() if key in _RUN_FIELDS})


def key_of(run: Run, budgets: Sequence[int]) -> tuple[Any, ...]:
    """What makes a run the same as another one."""
    return run.strategy, run.split, run.imbalance, run.batch, tuple(budgets)


_versions: dict[str, str] = {}


def versions() -> dict[str, str]:
    """What ran: packages, Python, and a digest of the code that chooses."""
    if not _versions:
        import coldstart.selection as selection

        for name in _PACKAGES:
            try:
                _versions[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        _versions["python"] = platform.python_version()
        code = hashlib.sha256()
        for file in sorted(Path(selection.__file__).parent.glob("*.py")):
            code.update(file.read_bytes())
        _versions["selection"] = code.hexdigest()[:12]
    return dict(_versions)
