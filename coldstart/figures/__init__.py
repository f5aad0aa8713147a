"""Arrays in, plotly figures out: each answers one question, which the page prints above it.

Nothing is told by colour alone: classes differ in symbol too, and hovering says it in words.
"""

from coldstart.figures.balls import batches_figure, radius_figure
from coldstart.figures.calibration import calibration_figure
from coldstart.figures.classes import confusion_figure, labels_by_class_figure
from coldstart.figures.coverage import coverage_figure, purity_figure
from coldstart.figures.embeddings import sets_purity_figure, simclr_figure
from coldstart.figures.map import MAP_LIMIT, map_figure, thin_out
from coldstart.figures.map_groups import MapGroup, group_points
from coldstart.figures.picks import picks_figure
from coldstart.figures.stopping import accuracy_figure, kappa_figure, learning_curve_figure
from coldstart.figures.style import PALETTE, QUIET, SCALE, SYMBOLS
from coldstart.figures.table import figure_csv
from coldstart.figures.training import finetune_figure

__all__ = [
    "MAP_LIMIT",
    "PALETTE",
    "QUIET",
    "SCALE",
    "SYMBOLS",
    "MapGroup",
    "accuracy_figure",
    "batches_figure",
    "calibration_figure",
    "confusion_figure",
    "coverage_figure",
    "figure_csv",
    "finetune_figure",
    "group_points",
    "kappa_figure",
    "labels_by_class_figure",
    "learning_curve_figure",
    "map_figure",
    "picks_figure",
    "purity_figure",
    "radius_figure",
    "sets_purity_figure",
    "simclr_figure",
    "thin_out",
]
