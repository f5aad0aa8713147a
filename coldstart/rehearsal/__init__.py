"""Rehearsals: strategies ask for labels that are known but hidden, and are compared.

Arrays and values in, values out. The method is what Munjal et al. (CVPR 2022) and CDALBench (2024)
call for: the same splits for everybody, random always among them, one head tuned by one rule, a
test set that no choice sees, and intervals of paired differences.
"""

from coldstart.rehearsal.compare import FEWEST_SPLITS, Comparison, compare_paired, holm
from coldstart.rehearsal.curves import area_under_curve, labels_needed
from coldstart.rehearsal.hindsight import Hindsight, random_in_hindsight
from coldstart.rehearsal.run import (
    EVERYTHING,
    RANDOM,
    Run,
    measure_again,
    parse_strategy,
    run_everything,
    run_once,
)
from coldstart.rehearsal.splits import Split, draw_split, label_budgets
from coldstart.rehearsal.summary import CaseSummary, StrategySummary, summarise

__all__ = [
    "EVERYTHING",
    "FEWEST_SPLITS",
    "RANDOM",
    "CaseSummary",
    "Comparison",
    "Hindsight",
    "Run",
    "Split",
    "StrategySummary",
    "area_under_curve",
    "compare_paired",
    "draw_split",
    "holm",
    "label_budgets",
    "labels_needed",
    "measure_again",
    "parse_strategy",
    "random_in_hindsight",
    "run_everything",
    "run_once",
    "summarise",
]
