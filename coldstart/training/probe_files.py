"""A probe on disk: ``probe.npz`` (the weights) and ``probe.json`` (everything else), no pickle."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.training.probe import Probe
from coldstart.training.scorers import scorer_of
from coldstart.training.trained_on import TrainedOn

_WEIGHTS = "probe.npz"
_DESCRIPTION = "probe.json"
_VERSION = 1


def save_probe(probe: Probe, directory: Path) -> None:
    """Write both files, each beside its place and then renamed, the description last."""
    weights = io.BytesIO()
    arrays: dict[str, Any] = dict(probe.scorer.arrays())
    np.savez(weights, **arrays)
    description = {
        "version": _VERSION,
        "model": probe.model,
        "class_names": list(probe.class_names),
        "strength": probe.strength,
        "temperature": probe.temperature,
        "tuned": probe.tuned,
        "trained_on": asdict(probe.trained_on),
        "weights_sha256": hashlib.sha256(weights.getvalue()).hexdigest(),
    }
    text = json.dumps(description, indent=2, ensure_ascii=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(directory / _WEIGHTS, weights.getvalue())
        _replace(directory / _DESCRIPTION, text.encode())
    except OSError as error:
        raise ColdstartError(
            f"The model cannot be saved in {directory}: {error.strerror or error}.",
            "Check that the disk has room and that you may write there.",
        ) from error


def load_probe(directory: Path) -> Probe:
    """Read a probe back; raises ColdstartError when there is none or its two files do not match."""
    try:
        description = json.loads((directory / _DESCRIPTION).read_bytes())
        weights = (directory / _WEIGHTS).read_bytes()
    except FileNotFoundError as error:
        raise ColdstartError(f"There is no trained model in {directory}.", "Train one.") from error
    except (OSError, ValueError) as error:
        raise _damaged(directory) from error
    try:
        if description["version"] != _VERSION:
            raise ColdstartError(
                f"The model in {directory} was written by another version of coldstart.",
                "Train again.",
            )
        if hashlib.sha256(weights).hexdigest() != description["weights_sha256"]:
            raise _damaged(directory)
        with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
            scorer = scorer_of(arrays)
        return Probe(
            model=description["model"],
            class_names=tuple(description["class_names"]),
            scorer=scorer,
            strength=float(description["strength"]),
            temperature=float(description["temperature"]),
            tuned=bool(description["tuned"]),
            trained_on=TrainedOn(**description["trained_on"]),
        )
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(directory) from error


def _replace(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f".{file.name}.{uuid4().hex}.unfinished")
    try:
        with open(unfinished, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _damaged(directory: Path) -> ColdstartError:
    return ColdstartError(f"The model in {directory} is damaged.", "Train again.")
