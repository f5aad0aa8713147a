"""The contract of every strategy: a frozen dataclass whose documented fields are its settings.

The page's controls, the command line's ``--set key=value`` and the docs are made from the fields.
"""

from __future__ import annotations

import math
import types
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from coldstart.progress import Progress, silent
from coldstart.selection.pool import Pool, Selection, check_budget
from coldstart.selection.requests import select_wishes, without_near_duplicates

REFINE_HELP = (
    "'swaps' exchanges picks one by one as long as that serves the pool better: a better first "
    "batch, for a few times the work."
)

ONE_MACHINE = ("local", "gpu")
ENGINE_HELP = (
    "Who multiplies: 'local' is this machine, 'gpu' its graphics processor (an NVIDIA card); the "
    "picks are the same."
)


def option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Any, ...] | None = None,
) -> Any:
    """A documented setting of a strategy; its range is checked when the strategy is made."""
    return field(
        default=default,
        metadata={"help": help, "minimum": minimum, "maximum": maximum, "choices": choices},
    )


@dataclass(frozen=True)
class Setting:
    """One field of a strategy, as the page's controls and the docs need it.

    ``kinds`` are the Python types a value may have; ``choices`` the words allowed where str is
    among them (or all values allowed where it is the only kind).
    """

    name: str
    kinds: tuple[type, ...]
    default: Any
    help: str
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...] | None


@dataclass(frozen=True, kw_only=True)
class Strategy(ABC):
    """Orders the pool. Subclasses add fields made by `option` and fill in `_pick`.

    Class attributes: ``name`` (registry key), ``title`` and ``summary`` (what the page shows, one
    sentence), ``paper``, ``needs_labels`` (without labels it has nothing to go by), ``covers`` (it
    maximises some form of coverage).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs_labels: ClassVar[bool] = False
    covers: ClassVar[bool] = False

    seed: int = option(0, "Where chance decides, the same seed gives the same picks.", minimum=0)

    def __post_init__(self) -> None:
        for setting in settings_of(type(self)):
            _check_setting(self.name, setting, getattr(self, setting.name))

    def select(
        self,
        pool: Pool,
        budget: int,
        *,
        wishes: Mapping[Any, int] | None = None,
        away_from_labelled: float = 0.0,
        progress: Progress = silent,
    ) -> Selection:
        """``budget`` rows of ``pool``, best first, each with a gain and a reason.

        ``wishes`` says how many picks should be of some class (by the model's probabilities);
        ``away_from_labelled`` leaves out images closer than this to a labelled one.

        Raises ValueError when the budget is below 1 or beyond the images that can be picked.
        """
        pool = without_near_duplicates(pool, away_from_labelled)
        if wishes:
            return select_wishes(self, pool, budget, wishes, progress)
        return self._pick(pool, check_budget(budget, pool), progress)

    @property
    def nested(self) -> bool:
        """Whether the first k picks of a larger budget are the picks of budget k."""
        return True

    def quick(self, pool: Pool) -> Strategy:
        """A cheaper strategy whose picks cover about as much, for previews."""
        return self

    @abstractmethod
    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection: ...

    def _selection(
        self, indices: ArrayLike, gains: ArrayLike, reasons: list[str], **more: Any
    ) -> Selection:
        return Selection(
            indices=np.asarray(indices, dtype=np.int64),
            gains=np.asarray(gains, dtype=np.float64),
            reasons=reasons,
            strategy=self.name,
            settings=asdict(self),
            **more,
        )


def settings_of(strategy: type[Strategy]) -> list[Setting]:
    """The strategy's settings, its own first and the seed last."""
    hints = get_type_hints(strategy)
    found = [
        Setting(
            name=one.name,
            kinds=_kinds(hints[one.name]),
            default=None if one.default is MISSING else one.default,
            help=one.metadata.get("help", ""),
            minimum=one.metadata.get("minimum"),
            maximum=one.metadata.get("maximum"),
            choices=one.metadata.get("choices"),
        )
        for one in fields(strategy)
    ]
    return sorted(found, key=lambda setting: setting.name == "seed")


def _kinds(hint: Any) -> tuple[type, ...]:
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(get_args(hint))
    return (hint,)


def _check_setting(strategy: str, setting: Setting, value: Any) -> None:
    where = f"{strategy}: {setting.name}"
    if value is None and type(None) in setting.kinds:
        return
    if isinstance(value, str):
        if str not in setting.kinds or (setting.choices and value not in setting.choices):
            raise ValueError(f"{where} must be {_allowed(setting)}; got {value!r}")
        return
    if bool in setting.kinds and isinstance(value, (bool, np.bool_)):
        return
    number = (int, np.integer) if float not in setting.kinds else (int, float, np.number)
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, number)
        or not {int, float} & set(setting.kinds)
        or not math.isfinite(value)
        or (setting.minimum is not None and value < setting.minimum)
        or (setting.maximum is not None and value > setting.maximum)
    ):
        raise ValueError(f"{where} must be {_allowed(setting)}; got {value!r}")


def _allowed(setting: Setting) -> str:
    parts = [repr(choice) for choice in setting.choices or ()]
    for kind, words in ((int, "a whole number"), (float, "a number")):
        if kind in setting.kinds:
            low, high = setting.minimum, setting.maximum
            words += f" from {low:g}" if low is not None else ""
            words += f" to {high:g}" if high is not None else ""
            parts.append(words)
    if bool in setting.kinds:
        parts.append("true or false")
    if str in setting.kinds and not setting.choices:
        parts.append("text")
    return " or ".join(parts)


def from_text(strategy: str, setting: Setting, text: str) -> Any:
    if type(None) in setting.kinds and text.lower() in ("none", ""):
        return None
    if bool in setting.kinds and text.lower() in ("true", "yes", "1", "false", "no", "0"):
        return text.lower() in ("true", "yes", "1")
    for kind in (int, float):
        if kind in setting.kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    if str in setting.kinds:
        return text
    raise ValueError(f"{strategy}: {setting.name} must be {_allowed(setting)}; got {text!r}")
