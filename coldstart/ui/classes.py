"""The project's classes as the labeller and the map show them: key and colour, by position."""

from __future__ import annotations

from coldstart.labels.keys import assigned_keys
from coldstart.project import Project
from coldstart.ui.labeller import LabellerClass


def labeller_classes(project: Project) -> list[LabellerClass]:
    """Every class with the key that assigns it and its colour."""
    from coldstart.figures import PALETTE

    rows = project.store.labels.classes()
    keys = assigned_keys([row.key for row in rows])
    return [
        LabellerClass(
            id=row.class_id,
            name=row.name,
            key=key,
            color=row.color or PALETTE[row.position % len(PALETTE)],
        )
        for row, key in zip(rows, keys, strict=True)
    ]
