"""The points of a map as a table, to be drawn elsewhere."""

from __future__ import annotations

import csv
import io
from typing import Any

from numpy.typing import NDArray

from coldstart.project import Project
from coldstart.workflow.label import shown_name
from coldstart.workflow.map import MapView

_ROWS_A_BLOCK = 20_000


def map_csv(project: Project, view: MapView, values: NDArray[Any], title: str) -> str:
    """CSV with one row for each image: image_id, path, x, y, and what it is coloured by.

    values : (n,) text or number of each image; a number that is not known is left empty. title :
    the name of their column.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["image_id", "path", "x", "y", title])
    for start in range(0, len(view.image_ids), _ROWS_A_BLOCK):
        part = slice(start, start + _ROWS_A_BLOCK)
        ids = view.image_ids[part].tolist()
        rows = project.store.images.get(ids)
        for one, (x, y), value in zip(ids, view.layout[part].tolist(), values[part].tolist()):
            path = shown_name(rows[one].path) if one in rows else ""
            # Only NaN differs from itself.
            writer.writerow([one, path, f"{x:.6g}", f"{y:.6g}", "" if value != value else value])
    return out.getvalue()
