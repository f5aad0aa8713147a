"""From labels to a classifier: the probe, how good it is, and the manifest as a torch Dataset.

For the person's own code: ``from coldstart.training import load_labelled, make_dataloader``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coldstart.training.data import LabelledImages as LabelledImages
    from coldstart.training.data import load_labelled as load_labelled
    from coldstart.training.data import make_dataloader as make_dataloader
    from coldstart.training.evaluate import Evaluation as Evaluation
    from coldstart.training.evaluate import cross_validate as cross_validate
    from coldstart.training.probe import Probe as Probe
    from coldstart.training.probe import fit_probe as fit_probe
    from coldstart.training.probes import PROBES as PROBES

_HOMES = {
    "LabelledImages": "data",
    "load_labelled": "data",
    "make_dataloader": "data",
    "Evaluation": "evaluate",
    "cross_validate": "evaluate",
    "PROBES": "probes",
    "Probe": "probe",
    "fit_probe": "probe",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    # Imported when asked for: `data` needs torch, which a page that only fits a probe does not.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
