"""Tables and plots of `docs/evidence.md`, from the runs that `rehearse.py --full` has stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from probcover_protocol import RESULT, markdown
from rehearse_data import ENCODERS

from coldstart.rehearsal import (
    EVERYTHING,
    RANDOM,
    CaseSummary,
    Run,
    area_under_curve,
    compare_paired,
    summarise,
)
from coldstart.workflow.rehearsal_runs import RunFile, run_of

ROOT = Path(__file__).resolve().parents[1]
STORED = Path(__file__).parent / "results" / "rehearse.parquet"
MEASURES = Path(__file__).parent / "results" / "rehearse_encoders.json"
PAGE = ROOT / "docs" / "evidence.md"
PLOTS = ROOT / "docs" / "evidence"
WORDS = Path(__file__).parent / "results" / "rehearse_words.md"
RARE_CLASS = Path(__file__).parent / "results" / "rare_class.md"
POLICY = "auto"
EARLY = (1, 2, 5, 10)
FEWEST_PAIRS = 5
TITLES = {"digits": "Digits", "trashnet": "TrashNet", "cifar10": "CIFAR-10"}


@dataclass(frozen=True)
class Case:
    """One data set and encoder under one condition, with its runs."""

    data: str
    encoder: str
    imbalance: float
    batch: int | None
    classes: int
    runs: list[Run]
    summary: CaseSummary

    @property
    def title(self) -> str:
        return f"{TITLES.get(self.data, self.data)}, {self.encoder}"


def stored_lines() -> list[dict[str, Any]]:
    """The runs of the repository, as `RunFile.read` gives those of a folder."""
    import pandas as pd

    if not STORED.exists():
        return []
    rows = pd.read_parquet(STORED).to_dict("records")
    return [_plain(row) | {"versions": json.loads(row["versions"])} for row in rows]


def pack(home: Path) -> int:
    """Store every run of ``home`` in the file of the repository; how many there are.

    A run of ``home`` takes the place of a stored one. Vectors computed on another machine differ in
    their last digits, so runs of both may stand beside each other: each says which it was of.
    """
    import pandas as pd

    unique: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in [*RunFile(home / "runs").read(), *stored_lines()]:
        names = ("data", "encoder", "strategy", "split", "imbalance", "batch")
        unique.setdefault(tuple(line[one] for one in names), line)
    table = pd.DataFrame(unique.values())
    table["batch"] = table["batch"].astype("Int64")
    table["versions"] = [json.dumps(one, sort_keys=True) for one in table["versions"]]
    for name in ("budgets", "classes_found", "picks"):
        table[name] = [np.asarray(one, dtype=np.int16) for one in table[name]]
    for name in ("accuracy", "balanced_accuracy", "pool_accuracy", "nearest"):
        # A run stored before it was measured has none.
        kept = [line.get(name, []) for line in unique.values()]
        table[name] = [np.asarray(one, dtype=np.float32) for one in kept]
    table = table.sort_values(["data", "encoder", "imbalance", "strategy", "split"])
    STORED.parent.mkdir(exist_ok=True)
    table.to_parquet(STORED, index=False, compression="zstd")
    return len(table)


def cases() -> list[Case]:
    """What is stored, case by case."""
    import pandas as pd

    table = pd.read_parquet(STORED)
    found = []
    for (data, encoder, imbalance), group in table.groupby(["data", "encoder", "imbalance"]):
        runs = [run_of(_plain(row)) for row in group.to_dict("records")]
        everything = [run for run in runs if run.strategy == EVERYTHING]
        classes = max(run.classes_found[0] for run in everything)
        for batch in dict.fromkeys(run.batch for run in runs if run.strategy != EVERYTHING):
            mine = [run for run in runs if run.strategy != EVERYTHING and run.batch == batch]
            mine = _trimmed([*mine, *everything])
            summary = summarise(mine, classes)
            if summary is not None:
                found.append(Case(data, encoder, imbalance, batch, classes, mine, summary))
    order = {name: place for place, name in enumerate(TITLES)}
    return sorted(found, key=lambda c: (c.imbalance, c.batch or 0, order.get(c.data, 9), c.encoder))


def measure_encoders(cache: Path) -> None:
    """Store the label-free measures of every set of vectors in ``cache``."""
    from coldstart.embeddings.measures import measure

    found = {}
    for file in sorted(cache.glob("*.npz")):
        one = measure(np.load(file)["vectors"])
        found[file.stem] = {
            "purity area": one.purity_area,
            "neighbour stability": one.neighbour_stability,
            "intrinsic dimension": one.intrinsic_dimension,
            "hubness": one.hubness,
        }
    if found and MEASURES.exists():
        found = json.loads(MEASURES.read_text(encoding="utf-8")) | found
    if found:
        MEASURES.parent.mkdir(exist_ok=True)
        MEASURES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def write_report(home: Path, cache: Path) -> int:
    """Pack the runs of ``home``, where there are any, and write the page and its plots."""
    measure_encoders(cache)
    if (home / "runs").is_dir():
        print(f"{pack(home):,} runs packed into {STORED.name}")
    if not STORED.exists():
        print(f"there are no runs in {home}, and none are stored")
        return 1
    found = cases()
    PLOTS.mkdir(exist_ok=True)
    main = [one for one in found if one.encoder in ENCODERS[one.data]]
    plain = [one for one in main if _as_is(one)]
    for case in plain:
        _plot(case)
    compared = [one for one in found if _as_is(one)]
    PAGE.write_text("\n".join(_page(main, plain, compared)) + "\n", encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


def _as_is(case: Case) -> bool:
    return case.imbalance == 1 and case.batch is None


def _page(found: list[Case], plain: list[Case], compared: list[Case]) -> Iterable[str]:
    repeats = sorted({case.summary.splits for case in plain})
    yield "# Evidence"
    yield ""
    yield "What each strategy was worth on images whose classes are known, measured as"
    yield "[rehearse.md](rehearse.md) says. Made by `benchmarks/rehearse.py --report` from the runs"
    yield "in `benchmarks/results/`, each with its picks, seed and versions; do not edit."
    yield ""
    yield f"Splits a case: {', '.join(map(str, repeats))}. Pools of at most 1,200 images, a quarter"
    yield "of every class to judge by. MobileNetV2: its first 256 principal directions."
    yield ""
    yield WORDS.read_text(encoding="utf-8").strip()
    yield ""
    yield "## What must come out, and whether it does"
    yield ""
    yield from _claims(plain)
    yield "## Strategies, case by case"
    yield ""
    for case in plain:
        yield f"### {case.title}"
        yield ""
        yield f"![Accuracy against labels](evidence/{_slug(case)}.svg)"
        yield ""
        yield from _table(case)
    for title, some in (
        ("Imbalanced pools", [c for c in found if c.imbalance > 1]),
        ("Other batch sizes", [c for c in found if c.imbalance == 1 and c.batch is not None]),
    ):
        if some:
            yield f"## {title}"
            yield ""
            for about, group in _conditions(some):
                yield f"{about}: area minus that of the default, in points; then splits."
                yield ""
                yield from _beside_default(group)
                if group[0].imbalance > 1:
                    yield f"{about}, every class counted as often as the pool has it: the same."
                    yield ""
                    yield from _beside_default(group, "pool_accuracy")
            for case in some:
                more = _uneven(case) if case.batch is None else f"{case.batch} images at a time"
                yield f"### {case.title}, {more}"
                yield ""
                yield from _table(case)
    if RARE_CLASS.exists():
        yield "## One image in fifty is of the other class"
        yield ""
        yield "Two classes, made of those of the data set: one against the rest, in each"
        yield "repeat another. Labels until the first rare image was found (median), how many rare"
        yield "ones were among the first 50 and 200 labels, and the accuracy in % at 200: both"
        yield "classes alike, and with the pool's own shares. 20 repeats of"
        yield "`benchmarks/rare_class.py`."
        yield ""
        yield RARE_CLASS.read_text(encoding="utf-8")
    yield from _encoders(compared)
    if RESULT.exists():
        yield from markdown(json.loads(RESULT.read_text(encoding="utf-8")))


def _conditions(some: list[Case]) -> Iterable[tuple[str, list[Case]]]:
    """The cases of one imbalance, or of one batch size in images a class, under its name."""
    groups: dict[str, list[Case]] = {}
    for case in some:
        about = _uneven(case)
        if case.batch is not None:
            about = f"{case.batch / case.classes:g} images a class at a time"
        groups.setdefault(about[0].upper() + about[1:], []).append(case)
    return groups.items()


def _uneven(case: Case) -> str:
    return f"largest class {case.imbalance:g} times the smallest"


def _claims(plain: list[Case]) -> Iterable[str]:
    """Each claim about the default policy, case by case."""
    tests = len(plain) * len(EARLY)
    yield "1. **The default beats random at 1, 2, 5 and 10 labels a class**: difference in points,"
    yield f"   with an interval corrected for all {tests} comparisons (Bonferroni; bootstrap)."
    yield ""
    yield "| | splits | " + " | ".join(f"{one} a class" for one in EARLY) + " |"
    yield "| --- | --- | " + " | ".join("---" for _ in EARLY) + " |"
    for case in plain:
        cells = []
        pairs = _pairs(case, POLICY, RANDOM)
        for per_class in EARLY:
            at = per_class * case.classes
            one = compare_paired(
                *([run.accuracy[run.budgets.index(at)] for run in runs] for runs in zip(*pairs)),
                level=1 - 0.05 / tests,
            )
            mark = "" if one.better else " (not above 0)"
            cells.append(f"{_points(one.mean)} ({_points(one.low)} to {_points(one.high)}){mark}")
        yield f"| {case.title} | {len(pairs)} | " + " | ".join(cells) + " |"
    yield ""
    yield "2. **It is never more than a point below random**, up to 50 labels a class: the least"
    yield "   favourable budget of each case."
    yield ""
    yield "| | at | difference, points (95%) | |"
    yield "| --- | --- | --- | --- |"
    for case in plain:
        pairs = _pairs(case, POLICY, RANDOM)
        budgets = pairs[0][0].budgets
        each = [
            compare_paired([a.accuracy[i] for a, _ in pairs], [b.accuracy[i] for _, b in pairs])
            for i in range(len(budgets))
        ]
        worst = int(np.argmin([one.mean for one in each]))
        one = each[worst]
        yield (
            f"| {case.title} | {budgets[worst]} labels | {_points(one.mean)} "
            f"({_points(one.low)} to {_points(one.high)}) | "
            f"{'holds' if one.mean >= -0.01 else '**falls short**'} |"
        )
    yield ""
    yield "3. **It needs at most half of random's labels for 90% of the accuracy that all labels"
    yield "   give** (digits and CIFAR-10 are balanced)."
    yield ""
    yield "| | all labels | default | random | saving (95%) | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for case in plain:
        mine, random = case.summary.get(POLICY), case.summary.get(RANDOM)
        if mine is None or random is None or mine.saving is None:
            continue
        least = "at least " if mine.saving_at_least else ""
        balanced = case.data != "trashnet"
        verdict = "" if not balanced else "holds" if mine.saving >= 2 else "**falls short**"
        yield (
            f"| {case.title} | {100 * case.summary.full_accuracy:.1f}% | {_needed(mine, case)} | "
            f"{_needed(random, case)} | {least}{mine.saving:.1f} ({mine.saving_low:.1f} to "
            f"{mine.saving_high:.1f}) | {verdict} |"
        )
    yield ""
    yield "4. **No peer has a larger area on more than one data set**, with an interval that"
    yield "   excludes zero: area of the peer minus that of the default, in points; then splits."
    yield ""
    yield from _beside_default(plain)


def _beside_default(some: list[Case], measure: str = "accuracy") -> Iterable[str]:
    """Area of every strategy minus that of the default, case by case, on the splits of both."""
    known = {run.strategy for case in some for run in case.runs}
    yield "| | " + " | ".join(case.title for case in some) + " | better on |"
    yield "| --- | " + " | ".join("---" for _ in some) + " | --- |"
    for peer in sorted(known - {POLICY, RANDOM, EVERYTHING}):
        cells, better = [], set()
        for case in some:
            pairs = _pairs(case, peer, POLICY)
            pairs = [pair for pair in pairs if all(getattr(run, measure) for run in pair)]
            if len(pairs) < FEWEST_PAIRS:
                cells.append("")
                continue
            one = compare_paired(*_areas(pairs, measure))
            if one.better:
                better.add(case.data)
            cells.append(
                f"{_points(one.mean)} ({_points(one.low)} to {_points(one.high)}), {len(pairs)}"
            )
        yield f"| {peer} | " + " | ".join(cells) + f" | {', '.join(sorted(better)) or 'none'} |"
    yield ""


def _table(case: Case) -> Iterable[str]:
    summary = case.summary
    yield (
        f"All labels: {100 * summary.full_accuracy:.1f}%. Accuracy in %, standard deviation over "
        "splits in brackets. Areas are over the budgets shown in a row: table 4 compares rows."
    )
    yield ""
    head = " | ".join(f"{one}" for one in summary.budgets)
    columns = "area beside random (95%) | p | to 90% | saving | classes at first | splits | CPU s"
    yield f"| labels | {head} | {columns} |"
    yield "| --- |" + " --- |" * (len(summary.budgets) + 7)
    for one in sorted(summary.strategies, key=lambda s: -s.area if s.runs else 1):
        if not one.runs:
            blank = " |" * (len(summary.budgets) + 6)
            yield f"| {one.strategy}: failed, {one.error.replace('|', '/')[:120]} |{blank} 0 |"
            continue
        each = [f"{100 * a:.1f} ({100 * d:.1f})" for a, d in zip(one.accuracy, one.deviation)]
        cells = " | ".join(each + [""] * (len(summary.budgets) - len(each)))
        beside, p, saving = "", "", ""
        if one.to_random is not None and one.p_holm is not None:
            c = one.to_random
            beside = f"{_points(c.mean)} ({_points(c.low)} to {_points(c.high)})"
            p = "<0.001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"
        if one.saving:
            saving = f"{'≥ ' if one.saving_at_least else ''}{one.saving:.1f}"
        yield (
            f"| {one.strategy} | {cells} | {beside} | {p} | {_needed(one, case)} | {saving} | "
            f"{one.classes_found[0]:.1f} | {one.runs} | {one.cpu_s:.2f} |"
        )
    yield ""


def _encoders(plain: list[Case]) -> Iterable[str]:
    if not MEASURES.exists():
        return
    measured = json.loads(MEASURES.read_text(encoding="utf-8"))
    yield "## Encoders, and what can be said of them without labels"
    yield ""
    yield "The same splits and strategies for every encoder. Do the label-free measures of the"
    yield "Embeddings page tell which one will be more accurate?"
    yield ""
    names = list(next(iter(measured.values())))
    yield "| | all labels | default, 5 a class | random, 5 a class | " + " | ".join(names) + " |"
    yield "| --- | --- | --- | --- | " + " | ".join("---" for _ in names) + " |"
    accuracy: dict[tuple[str, str], float] = {}
    for case in plain:
        mine, random = case.summary.get(POLICY), case.summary.get(RANDOM)
        key = f"{case.data}-{case.encoder}"
        if mine is None or random is None or key not in measured:
            continue
        at = case.summary.budgets.index(5 * case.classes)
        accuracy[case.data, case.encoder] = mine.accuracy[at]
        cells = " | ".join(f"{measured[key][name]:.3f}" for name in names)
        yield (
            f"| {case.title} | {100 * case.summary.full_accuracy:.1f}% | "
            f"{100 * mine.accuracy[at]:.1f}% | {100 * random.accuracy[at]:.1f}% | {cells} |"
        )
    yield ""
    yield from _agreement(accuracy, measured, names)


def _agreement(
    accuracy: dict[tuple[str, str], float], measured: dict[str, Any], names: Sequence[str]
) -> Iterable[str]:
    from scipy.stats import spearmanr

    pairs = [
        (one, other)
        for one in accuracy
        for other in accuracy
        if one[0] == other[0] and one[1] < other[1]
    ]
    sets = sorted({data for data, _ in accuracy}, key=list(TITLES).index)
    yield "How often the encoder with the larger value was the more accurate one on the same data"
    yield "set (default, 5 labels a class), and Spearman's correlation with accuracy over encoders:"
    yield ""
    yield "| measure | larger is more accurate | " + " | ".join(TITLES[one] for one in sets) + " |"
    yield "| --- | --- |" + " --- |" * len(sets)
    for name in names:
        agree = sum(
            (measured["-".join(a)][name] > measured["-".join(b)][name])
            == (accuracy[a] > accuracy[b])
            for a, b in pairs
        )
        cells = []
        for data in sets:
            mine = [key for key in accuracy if key[0] == data]
            values = [measured["-".join(key)][name] for key in mine]
            found = spearmanr(values, [accuracy[key] for key in mine]).statistic
            cells.append(f"{found:+.2f} ({len(mine)})")
        yield f"| {name} | {agree} of {len(pairs)} pairs | " + " | ".join(cells) + " |"
    yield ""


def _plot(case: Case) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "coldstart"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2))
    shown = sorted((s for s in case.summary.strategies if s.runs), key=lambda s: -s.area)
    for one in shown:
        x = case.summary.budgets[: len(one.accuracy)]
        loud = one.strategy in (RANDOM, POLICY)
        style = {"color": "#1b7d96", "linewidth": 2.4} if one.strategy == POLICY else {}
        if one.strategy == RANDOM:
            style = {"color": "#84898f", "linestyle": ":", "linewidth": 2.4}
        (line,) = axes.plot(x, one.accuracy, label=one.strategy, alpha=1 if loud else 0.6, **style)
        if loud:
            axes.fill_between(x, one.low, one.high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.axhline(0.9 * case.summary.full_accuracy, color="#84898f", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(case.summary.budgets, [str(one) for one in case.summary.budgets])
    axes.minorticks_off()
    axes.set_xlabel("Images labelled")
    axes.set_ylabel("Accuracy")
    axes.set_title(f"{case.title}: the line is 90% of what all labels give", fontsize=10)
    axes.legend(fontsize=6.5, ncols=2, frameon=False)
    figure.tight_layout()
    figure.savefig(PLOTS / f"{_slug(case)}.svg", metadata={"Date": None})
    plt.close(figure)


def _pairs(case: Case, one: str, other: str) -> list[tuple[Run, Run]]:
    """Runs of two strategies on the splits they share, cut to the budgets both have."""
    whole = [run for run in case.runs if not run.error and run.accuracy]
    first = {run.split: run for run in whole if run.strategy == one}
    second = {run.split: run for run in whole if run.strategy == other}
    return [(first[s], second[s]) for s in sorted(set(first) & set(second))]


def _areas(pairs: list[tuple[Run, Run]], measure: str) -> tuple[list[float], list[float]]:
    count = min(len(run.budgets) for pair in pairs for run in pair)
    return tuple(  # type: ignore[return-value]
        [float(area_under_curve(r.budgets[:count], getattr(r, measure)[:count])) for r in runs]
        for runs in zip(*pairs)
    )


def _trimmed(runs: list[Run]) -> list[Run]:
    """Runs of one strategy cut to the budgets that all its splits have in common."""
    least: dict[str, int] = {}
    for run in runs:
        if not run.error:
            count = len(run.accuracy)
            least[run.strategy] = min(count, least.get(run.strategy, count))
    return [run.cut(least.get(run.strategy)) for run in runs]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    row = {key: one.tolist() if hasattr(one, "tolist") else one for key, one in row.items()}
    return row | {"batch": None if pd.isna(row["batch"]) else int(row["batch"])}


def _needed(one: Any, case: Case) -> str:
    last = case.summary.budgets[len(one.accuracy) - 1]
    return f"{one.needed:.0f}" if np.isfinite(one.needed) else f"> {last}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _slug(case: Case) -> str:
    return f"{case.data}-{case.encoder}"
