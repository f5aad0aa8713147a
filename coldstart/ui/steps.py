"""The five steps, which are the five pages: the one list of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A page: ``name`` is its script and its address, ``words`` what a person does on it."""

    name: str
    title: str
    icon: str
    words: str


STEPS = (
    Step(
        "data",
        "Data",
        ":material/photo_library:",
        "Find every image of a folder, and check that it can be read.",
    ),
    Step(
        "embeddings",
        "Embeddings",
        ":material/scatter_plot:",
        "Turn each image into a vector, so that images can be compared.",
    ),
    Step(
        "label",
        "Select & Label",
        ":material/label:",
        "Pick the images worth your time, and label them by keyboard.",
    ),
    Step(
        "train",
        "Train",
        ":material/model_training:",
        "Fit a classifier on the labels, and measure it honestly.",
    ),
    Step(
        "diagnostics",
        "Diagnostics",
        ":material/monitoring:",
        "See what the labels cover, and what the next ones would add.",
    ),
)
