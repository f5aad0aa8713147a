"""May I stop labelling now? Measured accuracy, stability, forecast, coverage, and the verdict.

Pure arrays and values. `advise` is the way in; docs/stopping.md says what replays found.
"""

from coldstart.stopping.audit import (
    AuditLook,
    MeasuredAccuracy,
    clopper_pearson,
    labels_until_a_look,
    look_is_due,
    measure_accuracy,
    unseen_classes,
)
from coldstart.stopping.audit_draw import (
    AUDIT_LABELS,
    AUDIT_SHARE,
    audit_images_due,
    audit_order,
    audit_places,
    audit_reserve,
    first_places,
    grown_reserve,
    hide_among,
    next_reserve,
    reserve_size,
    rows_of_same_picture,
)
from coldstart.stopping.coverage import CoverageSignal, measure_coverage
from coldstart.stopping.forecast import Forecast, default_next_labels, forecast_gain
from coldstart.stopping.stability import (
    Stability,
    cohen_kappa,
    draw_stop_set,
    f_change_bound,
    measure_stability,
    snapshot_sizes,
)
from coldstart.stopping.verdict import LABELS_A_POINT_IS_WORTH, Verdict, advise, weigh

__all__ = [
    "AUDIT_LABELS",
    "AUDIT_SHARE",
    "LABELS_A_POINT_IS_WORTH",
    "AuditLook",
    "CoverageSignal",
    "Forecast",
    "MeasuredAccuracy",
    "Stability",
    "Verdict",
    "advise",
    "audit_images_due",
    "audit_order",
    "audit_places",
    "audit_reserve",
    "clopper_pearson",
    "cohen_kappa",
    "default_next_labels",
    "draw_stop_set",
    "f_change_bound",
    "first_places",
    "forecast_gain",
    "grown_reserve",
    "hide_among",
    "labels_until_a_look",
    "look_is_due",
    "measure_accuracy",
    "measure_coverage",
    "measure_stability",
    "next_reserve",
    "reserve_size",
    "rows_of_same_picture",
    "snapshot_sizes",
    "unseen_classes",
    "weigh",
]
