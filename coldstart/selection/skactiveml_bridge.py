"""Any classification query strategy of scikit-activeml, as a strategy of this package.

Needs the package ``scikit-activeml``; `make_strategy("skactiveml:TypiClust")` is the way in.
"""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.progress import Progress
from coldstart.selection.pool import Pool, Selection
from coldstart.selection.strategy import Strategy, option

# What we hand to a query, by the name of its argument: they all take the same classifier.
_CLASSIFIERS = ("clf", "estimator", "discriminator")
_OURS = {"X", "y", "candidates", "batch_size", "return_utilities", "ensemble", *_CLASSIFIERS}


@dataclass(frozen=True, kw_only=True)
class ScikitActiveML(Strategy):
    """Runs ``skactiveml.pool.<peer>`` on the unit vectors, with a class-balanced logistic
    regression where it wants a classifier and five of them where it wants an ensemble.

    Gain: the utility the peer gives a pick at its turn (0 where it gives none).
    """

    name = "skactiveml"
    title = "scikit-activeml"
    summary = "Asks a query strategy of the scikit-activeml package."
    paper = "Kottke et al., scikit-activeml, 2021"

    peer: str = option("RandomSampling", "The class in skactiveml.pool.")
    arguments: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Arguments of the peer's constructor."}
    )

    def __post_init__(self) -> None:
        _peer_class(self.peer)

    @property
    def nested(self) -> bool:
        return False

    def _pick(self, pool: Pool, budget: int, progress: Progress) -> Selection:
        from skactiveml.utils import MISSING_LABEL

        classes, y = _labels_as_numbers(pool, MISSING_LABEL)
        kind = _peer_class(self.peer)
        arguments = dict(self.arguments)
        needed = inspect.signature(kind).parameters
        if "classes" in needed:
            arguments.setdefault("classes", np.arange(max(2, len(classes))))
        peer = kind(random_state=self.seed, missing_label=MISSING_LABEL, **arguments)
        found = peer.query(
            X=pool.unit,
            y=y,
            candidates=np.flatnonzero(pool.candidates),
            batch_size=budget,
            return_utilities=True,
            **self._models(kind, len(classes), MISSING_LABEL),
        )
        rows, utilities = np.asarray(found[0], dtype=np.int64), np.asarray(found[1])
        if len(np.unique(rows)) < budget or not pool.candidates[rows].all():
            raise ValueError(f"skactiveml:{self.peer} picked an image twice, or a labelled one")
        gains = np.zeros(budget)
        if utilities.ndim == 2 and len(utilities) == budget:
            gains = np.nan_to_num(utilities[np.arange(budget), rows], posinf=0.0, neginf=0.0)
        return self._selection(
            rows, gains, [f"asked for by scikit-activeml's {self.peer}"] * budget
        )

    def _models(self, kind: Any, classes: int, missing: float) -> dict[str, Any]:
        """The classifier or ensemble that the peer's query asks for."""
        from skactiveml.classifier import SklearnClassifier
        from sklearn.linear_model import LogisticRegression

        def classifier(seed: int) -> Any:
            model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
            return SklearnClassifier(
                model, classes=np.arange(max(2, classes)), missing_label=missing, random_state=seed
            )

        parameters = inspect.signature(kind.query).parameters
        unknown = [
            name
            for name, one in parameters.items()
            if name not in {"self", *_OURS} and one.default is inspect.Parameter.empty
        ]
        if unknown:
            raise ValueError(
                f"skactiveml:{self.peer} wants {', '.join(unknown)}, which an image pool "
                "without regression targets does not have"
            )
        given: dict[str, Any] = {
            name: classifier(self.seed) for name in _CLASSIFIERS if name in parameters
        }
        if "ensemble" in parameters:
            given["ensemble"] = [classifier(self.seed + one) for one in range(5)]
        return given


def make_bridge(peer: str, settings: dict[str, Any]) -> ScikitActiveML:
    """The strategy for ``skactiveml:<peer>``; its settings but the seed go to the peer."""
    arguments = {key: value for key, value in settings.items() if key != "seed"}
    return ScikitActiveML(peer=peer, seed=int(settings.get("seed", 0)), arguments=arguments)


def is_installed() -> bool:
    """Whether scikit-activeml is there, without the second that importing it takes."""
    return importlib.util.find_spec("skactiveml") is not None


def peer_names() -> list[str]:
    """The query strategies that can be asked; empty when scikit-activeml is not installed."""
    try:
        import skactiveml.pool as peers
    except ImportError:
        return []
    named = ((name, getattr(peers, name)) for name in peers.__all__)
    return [
        name
        for name, one in named
        if inspect.isclass(one) and hasattr(one, "query") and "Wrapper" not in name
        if "reg" not in inspect.signature(one.query).parameters
    ]


def _peer_class(peer: str) -> Any:
    try:
        import skactiveml.pool as peers
    except ImportError:
        raise ValueError(
            f"skactiveml:{peer} needs the package scikit-activeml, which is not installed"
        ) from None
    kind = getattr(peers, peer, None)
    if not inspect.isclass(kind) or not hasattr(kind, "query"):
        raise ValueError(
            f"scikit-activeml has no strategy {peer!r}; choose one of {', '.join(peer_names())}"
        )
    return kind


def _labels_as_numbers(pool: Pool, missing: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
    y = np.full(pool.n, missing, dtype=float)
    if pool.labels is None:
        # Labelled, but nobody said what: they still count as labelled.
        y[pool.labelled] = 0
        return np.empty(0), y
    classes, numbers = np.unique(pool.labels, return_inverse=True)
    y[pool.labelled] = numbers
    return classes, y
