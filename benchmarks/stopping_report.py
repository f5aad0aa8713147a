"""The tables of `stopping.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from stopping_judge import FIXED_BUDGETS, PRICES, STOP_WORDS, TARGETS_BELOW_PLATEAU, Findings, Stop

from coldstart.stopping import AuditLook, Forecast, clopper_pearson


def report(noted: Findings) -> None:
    """Everything."""
    report_looks(noted.looks, noted.runs)
    report_rounds(noted.rounds, noted.runs)
    report_left_over(noted.left_over)
    report_bands(noted.bands)
    report_stops(noted.stops)


def report_looks(looks: list[tuple[AuditLook, float, int]], runs: int) -> None:
    """Whether the intervals hold the truth, beside those that a single look would have allowed."""
    print("Interval of the measured accuracy, look by look (nominal: 95% at all looks together)")
    print(
        f"{'look':>5}{'runs':>6}{'audit labels':>14}{'holds':>8}{'one-look holds':>16}{'width':>7}"
    )
    missed: dict[str, set[int]] = {"ours": set(), "one look": set()}
    by_number: dict[int, list[tuple[AuditLook, float, int]]] = defaultdict(list)
    for one in looks:
        by_number[one[0].number].append(one)
    for number, here in sorted(by_number.items()):
        holds, single, ratio = [], [], []
        for look, truth, run in here:
            low, high = clopper_pearson(look.right, look.audit_labels)
            holds.append(look.interval[0] <= truth <= look.interval[1])
            single.append(low <= truth <= high)
            ratio.append((look.interval[1] - look.interval[0]) / (high - low))
            missed["ours"] |= set() if holds[-1] else {run}
            missed["one look"] |= set() if single[-1] else {run}
        labels = np.mean([look.audit_labels for look, _, _ in here])
        print(
            f"{number:>5}{len(here):>6}{labels:>14.0f}{np.mean(holds):>8.1%}{np.mean(single):>16.1%}"
            f"{np.mean(ratio):>7.2f}"
        )
    error = np.array([look.accuracy - truth for look, truth, _ in looks])
    print(
        f"At every look of a run: {1 - len(missed['ours']) / runs:.1%} of runs (with the interval "
        f"of one look: {1 - len(missed['one look']) / runs:.1%}); Monte-Carlo error: "
        f"±{196 * np.sqrt(0.95 * 0.05 / runs):.1f} points"
    )
    absolute = 100 * abs(error).mean()
    print(f"Bias {100 * error.mean():+.2f} points, mean absolute error {absolute:.1f}\n")


def report_rounds(rounds: list[tuple[bool, int]], runs: int) -> None:
    """Whether what stood on the screen after each batch held the accuracy of the newest model."""
    missed = {run for held, run in rounds if not held}
    print(
        f"After every batch, the interval on the screen held the accuracy of the newest model "
        f"(though the look may be older): {np.mean([held for held, _ in rounds]):.1%} of "
        f"{len(rounds)} rounds, all rounds of {1 - len(missed) / runs:.1%} of runs\n"
    )


def report_left_over(left_over: dict[str, list[float]]) -> None:
    """How wrong an audit would be that asks about what the strategy has left over."""
    found = (f"{name} {100 * np.mean(error):+.1f}" for name, error in left_over.items())
    print(
        "Without a reserve, audit images drawn from what is left over after 400 training labels "
        f"would mislead by (points): {', '.join(found)}\n"
    )


def report_bands(bands: list[tuple[Forecast, float]]) -> None:
    """Whether the forecast gain and its band were right."""
    error = np.array([forecast.gain - truth for forecast, truth in bands])
    low = np.mean([truth < forecast.low for forecast, truth in bands])
    high = np.mean([truth > forecast.high for forecast, truth in bands])
    width = np.mean([forecast.high - forecast.low for forecast, _ in bands])
    real = np.mean([truth for _, truth in bands])
    print(
        f"Forecast of the next labels, {len(bands)} times: real gain {100 * real:.2f} points on "
        f"average, bias {100 * error.mean():+.2f}, mean absolute error "
        f"{100 * abs(error).mean():.2f}; 95% band {100 * width:.1f} wide, real gain below it "
        f"{low:.1%}, above it {high:.1%}\n"
    )


def report_stops(stops: dict[tuple[str, object], list[Stop]]) -> None:
    """Cost at the stop, above the best stop in hindsight that pays for no audit."""
    columns = ("regret", "p90", "labels", "accuracy", "premature", "too early", "never", "holds")
    for price in PRICES:
        print(f"A point is worth {price} labels")
        print(f"{'':32}" + "".join(f"{column:>10}" for column in columns))
        for rule, at in stops:
            if at == price:
                print(row(rule, stops[rule, at]))
        ours, budgets = next(iter(STOP_WORDS)), [f"fixed budget {one}" for one in FIXED_BUDGETS]
        shown = [stop for stop in stops[ours, price] if stop.look is not None]
        error = np.array([stop.look.accuracy - stop.truth_now for stop in shown])
        held = [s.look.interval[0] <= s.truth_now <= s.look.interval[1] for s in shown]
        print(
            f"  At “you may stop” the accuracy on the screen was off that of the newest model by "
            f"{100 * error.mean():+.1f} points on average, {100 * abs(error).mean():.1f} either "
            f"way; the interval held it in {np.mean(held):.1%}"
        )
        for data in dict.fromkeys(stop.data for stop in stops[ours, price]):
            regret = {
                rule: mean([s for s in stops[rule, price] if s.data == data], lambda s: s.regret)
                for rule in (ours, *budgets)
            }
            best = min(budgets, key=regret.__getitem__)
            print(f"  {data}: regret {regret[ours]:.0f}; {best}, its best, {regret[best]:.0f}")
        print()
    for below in TARGETS_BELOW_PLATEAU:
        target = stops["target", below]
        reached = [stop for stop in target if not stop.never]
        print(
            f"Target {100 * below:.0f} points under the plateau: shown to be reached in "
            f"{len(reached)} of {len(target)} runs, at {mean(reached, lambda s: s.labels):.0f} "
            f"labels; interval holds at that stop {holds(reached)}"
        )


def row(rule: str, found: list[Stop]) -> str:
    regrets = np.array([stop.regret for stop in found])
    return (
        f"{rule:32}{regrets.mean():>10.0f}{np.quantile(regrets, 0.9):>10.0f}"
        f"{mean(found, lambda s: s.labels):>10.0f}{mean(found, lambda s: s.accuracy):>10.1%}"
        f"{mean(found, lambda s: s.premature):>10.1%}{mean(found, lambda s: s.too_early):>10.1%}"
        f"{mean(found, lambda s: s.never):>10.1%}{holds(found):>10}"
    )


def mean(found: list[Stop], value: Callable[[Stop], float]) -> float:
    return float(np.mean([value(stop) for stop in found])) if found else float("nan")


def holds(found: list[Stop]) -> str:
    """Share of stops at which the interval on the screen held the accuracy of its model."""
    looks = [(stop.look, stop.truth) for stop in found if stop.look is not None]
    if not looks:
        return "–"
    right = [look.interval[0] <= truth <= look.interval[1] for look, truth in looks]
    return f"{np.mean(right):.1%}"
