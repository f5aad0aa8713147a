"""The project's classes as the labeller and the map show them: key and colour, by position."""

from __future__ import annotations

from coldstart.labels.keys import class_keys
from coldstart.project import Project
from coldstart.ui.labeller import LabellerClass

# Twelve hues that stay apart in both appearances; after them the round starts again.
CLASS_COLORS = (
    "#2a93ac", "#d9822b", "#6a9f3f", "#c2557f", "#8266c9", "#b59a1d",
    "#3f7fd0", "#c25b4e", "#4aa583", "#a1703f", "#7d8b99", "#b457b8",
)  # fmt: skip


def labeller_classes(project: Project) -> list[LabellerClass]:
    """Every class with the key that assigns it and its colour."""
    rows = project.store.labels.classes()
    return [
        LabellerClass(
            id=row.class_id,
            name=row.name,
            key=key,
            color=CLASS_COLORS[position % len(CLASS_COLORS)],
        )
        for position, (row, key) in enumerate(zip(rows, class_keys(len(rows)), strict=True))
    ]
