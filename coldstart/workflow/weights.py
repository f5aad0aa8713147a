"""How much each image counts, from a person's own table."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.labels.tables import read_table
from coldstart.project import Project
from coldstart.workflow.label import match_paths
from coldstart.workflow.pool import ProjectPool
from coldstart.workflow.team import check_may


@dataclass(frozen=True)
class Weights:
    """What a table says about a pool.

    Attributes
    ----------
    of_row : (n,) what each row of the pool counts: the weights of the image and its exact copies
        together. An image that is not named counts 1.
    named : how many images of the pool the table names.
    unknown, ambiguous : paths that name no image of the project, or several.
    """

    of_row: NDArray[np.float64]
    named: int
    unknown: list[str]
    ambiguous: list[str]


def read_weights(project: Project, pool: ProjectPool, file: Path) -> Weights:
    """The weights in a CSV file with the columns path,weight.

    Raises
    ------
    ColdstartError : the file cannot be read, lacks a column, names no image of the pool, has a
        weight that is no number of at least 0, or gives one image two; or every image counts 0.
    """
    said = _said(file)
    matched, unknown, ambiguous = match_paths(project, list(said))
    weight_of: dict[int, float] = {}
    for path, image_id in matched.items():
        if weight_of.setdefault(image_id, said[path]) != said[path]:
            raise ColdstartError(
                f"{file.name} gives the image {path} two weights.", "Keep one of the two lines."
            )
    row_of = pool.rows_of(weight_of)
    if not row_of:
        raise ColdstartError(
            f"{file.name} names no image of this pool (its first path: {next(iter(said), '')!r}).",
            "Write the paths as the app shows them, relative to the image folder.",
        )
    of_row = pool.copies.astype(np.float64)
    for image_id, row in row_of.items():
        of_row[row] += weight_of[image_id] - 1
    # Thirds do not add up to what is taken away again.
    of_row = np.maximum(0.0, np.round(of_row, 9))
    if not of_row.any():
        raise ColdstartError(
            f"{file.name} gives every image the weight 0.", "Give some a weight above 0."
        )
    return Weights(of_row, len(row_of), unknown, ambiguous)


def keep_weights(project: Project, content: bytes, *, by: str = "") -> Path:
    """The file kept in the project, under a name made of its content: what a job reads later is
    what was given.

    Raises ColdstartError when ``by`` may not queue.
    """
    check_may(project, by, "queue")
    folder = project.directory / "weights"
    folder.mkdir(exist_ok=True)
    file = folder / f"{hashlib.blake2b(content, digest_size=8).hexdigest()}.csv"
    beside = file.with_suffix(".tmp")
    beside.write_bytes(content)
    beside.replace(file)
    return file


def _said(file: Path) -> dict[str, float]:
    """path -> weight, as the table has it."""
    table = read_table(file, "weight")
    path_column, weight_column = table.header.index("path"), table.header.index("weight")
    said: dict[str, float] = {}
    for line, record in table.rows("weight"):
        try:
            weight = float(record[weight_column])
        except ValueError:
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise ColdstartError(
                f"Line {line} of {table.name}: the weight {record[weight_column]!r} is no number "
                "of at least 0.",
                "Mend the line and try again.",
            )
        path = record[path_column].strip()
        if said.setdefault(path, weight) != weight:
            raise ColdstartError(
                f"{table.name} gives {path} two weights: {said[path]:g}, and {weight:g} in line "
                f"{line}.",
                "Keep one of the two lines.",
            )
    return said
