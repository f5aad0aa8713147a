"""How much each image counts, from a person's own table."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.pool import ProjectPool

_REMEDY = "Give a CSV file with the columns path,weight, the paths as the app shows them."


def read_weights(project: Project, pool: ProjectPool, file: Path) -> NDArray[np.float64]:
    """(n,) the weight of each row of the pool; 1 where the table does not name its image.

    Raises
    ------
    ColdstartError : the file cannot be read, lacks a column, or holds no weight at least 0.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ColdstartError(f"{file.name} cannot be read ({error}).", _REMEDY) from error
    if not rows or not {"path", "weight"} <= set(rows[0]):
        raise ColdstartError(f"{file.name} has no columns path,weight.", _REMEDY)
    said = {row["path"]: _weight(file, number, row) for number, row in enumerate(rows, 2)}
    images = project.store.images.get(pool.image_ids.tolist())
    paths = [images[one].path for one in pool.image_ids.tolist()]
    if not set(paths) & set(said):
        raise ColdstartError(f"{file.name} names no image of this pool.", _REMEDY)
    weights = np.array([said.get(path, 1.0) for path in paths])
    if not weights.any():
        raise ColdstartError(f"{file.name} gives every image the weight 0.", _REMEDY)
    return weights


def _weight(file: Path, line: int, row: dict[str, str]) -> float:
    try:
        weight = float(row["weight"])
    except (TypeError, ValueError):
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise ColdstartError(
            f"{file.name}, line {line}: the weight {row['weight']!r} is no number of at least 0.",
            "Mend the line and try again.",
        )
    return weight
