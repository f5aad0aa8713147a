"""Where the product's rule, its rivals and the oracle stop the runs of `stopping_replay.py`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
from stopping_replay import Run

from coldstart.stopping import (
    AuditLook,
    Forecast,
    forecast_gain,
    measure_accuracy,
    measure_stability,
    weigh,
)

PRICES = (15, 75, 275)
FIXED_BUDGETS = (100, 200, 400, 800)
TARGETS_BELOW_PLATEAU = (0.05, 0.1, 0.15)


@dataclass(frozen=True)
class Stop:
    """Where a rule stopped a run, and what that cost.

    ``look`` is the one on the screen then, ``truth`` the accuracy of the model it judged and
    ``truth_now`` that of the newest model, which is what a person will take it for. ``premature``:
    more than 2 points under the plateau; ``too_early``: more than 2 points under where the best
    stop at this price lies, which for a low price is itself under the plateau.
    """

    data: str
    labels: int
    accuracy: float
    regret: float
    premature: bool
    too_early: bool
    never: bool
    look: AuditLook | None = None
    truth: float = float("nan")
    truth_now: float = float("nan")


@dataclass
class Findings:
    """What is noted of all runs: see `stopping_report.py` for what becomes of it.

    Attributes
    ----------
    looks : each with the accuracy it was to measure, and its run. rounds : whether the interval on
        the screen held the newest model's accuracy, and the run. bands : each forecast and what the
        labels really brought. stops : by rule and price. left_over : by strategy.
    """

    runs: int = 0
    looks: list[tuple[AuditLook, float, int]] = field(default_factory=list)
    rounds: list[tuple[bool, int]] = field(default_factory=list)
    bands: list[tuple[Forecast, float]] = field(default_factory=list)
    stops: dict[tuple[str, object], list[Stop]] = field(default_factory=lambda: defaultdict(list))
    left_over: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def judge(run: Run, noted: Findings) -> None:
    """Ask `coldstart.stopping` after every batch, as the product does, and note where it stops."""
    number = noted.runs
    noted.runs += 1
    labels = run.labels.tolist()
    # The step nearest to 400 labels, where a usual audit ends.
    near = int(np.argmin(abs(run.labels - 400)))
    misled = run.left_over_accuracy[near] - run.accuracy[near]
    noted.left_over[run.strategy].append(float(misled))
    looks: tuple[AuditLook, ...] = ()
    truth_of_look = float("nan")
    settled_at: int | None = None
    found: dict[tuple[str, object], Stop] = {}
    for place, now in enumerate(run.accuracy.tolist()):
        asked = run.audit[: run.audit_labels[place]]
        outside, stop_sets = run.said(place)
        answers = [str(one) for one in run.truth[asked]]
        taught = [str(one) for one in run.picked[: labels[place]]]
        measured = measure_accuracy(
            [str(one) for one in outside[-1][asked]], answers, taught, looks
        )
        looks = measured.looks
        if measured.new_look:
            truth_of_look = now
            noted.looks.append((looks[-1], now, number))
        if measured.look is not None:
            low, high = measured.look.interval
            noted.rounds.append((low <= now <= high, number))
        settled = measure_stability(labels[: place + 1], list(stop_sets))
        if settled.stable and settled_at is None:
            settled_at = place
        correct = outside[:, asked] == run.truth[asked]
        gain = forecast_gain(
            labels[: place + 1], correct, list(stop_sets), len(run.truth), draws=200, seed=number
        )
        ahead = labels[place] + gain.next_labels
        if gain.gain is not None and ahead <= labels[-1]:
            there = np.interp(ahead, labels, run.accuracy)
            noted.bands.append((gain, float(there - now)))
        for price in PRICES:
            asks = weigh(measured, settled, gain, taught, price=price)
            for rule, words in STOP_WORDS.items():
                if asks.verdict in words and (rule, price) not in found:
                    found[rule, price] = stop_at(run, place, price, True, looks, truth_of_look)
        for below in TARGETS_BELOW_PLATEAU:
            asks = weigh(measured, settled, gain, taught, target=run.plateau - below)
            if asks.verdict == "you may stop" and ("target", below) not in found:
                found["target", below] = stop_at(run, place, 0, True, looks, truth_of_look)
    last = len(labels) - 1
    for price in PRICES:
        found.update(rivals(run, price, settled_at))
        for rule in STOP_WORDS:
            found.setdefault((rule, price), stop_at(run, last, price, True, never=True))
    for below in TARGETS_BELOW_PLATEAU:
        found.setdefault(("target", below), stop_at(run, last, 0, True, never=True))
    for key, stop in found.items():
        noted.stops[key].append(stop)


def rivals(run: Run, price: int, settled_at: int | None) -> dict[tuple[str, object], Stop]:
    """Where those stop who know the truth, who go by kappa alone, and who fix a budget."""
    every = range(len(run.labels))
    plain, audited = (
        [stop_at(run, place, price, with_audit) for place in every] for with_audit in (False, True)
    )
    kappa_place = len(plain) - 1 if settled_at is None else settled_at
    found = {
        "oracle": min(plain, key=lambda stop: stop.regret),
        "oracle that pays for audits": min(audited, key=lambda stop: stop.regret),
        "kappa alone (0.99, window 3)": replace(plain[kappa_place], never=settled_at is None),
    }
    for budget in FIXED_BUDGETS:
        place = min(int(np.searchsorted(run.labels, budget)), len(plain) - 1)
        found[f"fixed budget {budget}"] = plain[place]
    return {(rule, price): stop for rule, stop in found.items()}


STOP_WORDS = {
    "coldstart: you may stop": ("you may stop",),
    "coldstart: flattening": ("flattening", "you may stop"),
}


def stop_at(
    run: Run,
    place: int,
    price: int,
    audited: bool,
    looks: tuple[AuditLook, ...] = (),
    truth: float = float("nan"),
    never: bool = False,
) -> Stop:
    """Who audits pays for the audit labels, and may train on them when all is over."""
    labels = int(run.labels[place] + (run.audit_labels[place] if audited else 0))
    accuracy = float((run.final_accuracy if audited else run.accuracy)[place])
    costs = run.labels + price * 100 * (1 - run.accuracy)
    best = int(np.argmin(costs))
    return Stop(
        data=run.data,
        labels=labels,
        accuracy=accuracy,
        regret=labels + price * 100 * (1 - accuracy) - float(costs[best]),
        premature=accuracy < run.plateau - 0.02,
        too_early=accuracy < run.accuracy[best] - 0.02,
        never=never,
        look=looks[-1] if looks else None,
        truth=truth,
        truth_now=float(run.accuracy[place]),
    )
