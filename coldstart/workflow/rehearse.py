"""Rehearse: what each strategy would have been worth, on images whose classes are known.

The labels are hidden, every strategy asks for them in batches, and what it reaches is measured on
images it never saw. A rehearsal that was stopped goes on where it stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.workflow.rehearsal_runs import Bench, RunFile, key_of

if TYPE_CHECKING:
    from coldstart.rehearsal import CaseSummary

STRATEGIES = ("random", "auto", "kmeans", "probcover", "maxherding", "uherding", "margin")
"""Those rehearsed when none are named."""

PER_CLASS = (1, 2, 5, 10, 20, 50)
FEWEST_OF_A_CLASS = 4
_ABOUT = "about.json"


@dataclass(frozen=True)
class Plan:
    """What is rehearsed.

    strategies : names as in ``probcover+delta=paper``; random is always added. per_class : labels
    at which they are measured, in images a class. repeats : splits. imbalances : 1 for the classes
    as they are, 10 for pools whose largest class has ten times the images of the smallest.
    batches : images a class asked for at a time; None for all up to the next budget.
    most_pool : how many images at most may be asked about in a split.
    """

    strategies: tuple[str, ...] = STRATEGIES
    per_class: tuple[int, ...] = PER_CLASS
    repeats: int = 20
    imbalances: tuple[float, ...] = (1.0,)
    batches: tuple[float | None, ...] = (None,)
    most_pool: int = 2_000


@dataclass(frozen=True)
class RehearsedCase:
    """One embedding under one condition: its summary, and the result in a sentence."""

    encoder: str
    imbalance: float
    batch: float | None
    summary: CaseSummary
    sentence: str


@dataclass(frozen=True)
class RehearsalReport:
    """What is known so far; ``runs_done`` of ``runs`` are finished."""

    name: str
    images: int
    classes: list[str]
    plan: Plan
    runs_done: int
    runs: int
    cases: list[RehearsedCase]
    notes: list[str]
    directory: Path

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "name": self.name,
            "images": self.images,
            "classes": self.classes,
            "plan": asdict(self.plan),
            "runs_done": self.runs_done,
            "runs": self.runs,
            "cases": [
                {
                    "encoder": case.encoder,
                    "imbalance": case.imbalance,
                    "batch": case.batch,
                    "sentence": case.sentence,
                    **case.summary.as_dict(),
                }
                for case in self.cases
            ],
            "notes": self.notes,
            "directory": str(self.directory),
        }


@dataclass(frozen=True)
class Known:
    """Vectors by encoder and the class of each row, with what a person should know about them."""

    name: str
    vectors: Mapping[str, np.ndarray]
    class_names: Sequence[str]
    pictures: Sequence[str] | None = None
    notes: list[str] = field(default_factory=list)


def rehearse(
    known: Known, plan: Plan, directory: Path, *, progress: Progress = silent
) -> RehearsalReport:
    """Run what is still missing of ``plan`` and report; runs are kept in ``directory``.

    Classes with fewer than four different pictures are left out, and the notes say so.

    Raises
    ------
    ColdstartError : a strategy or setting is unknown, or fewer than two classes can be rehearsed.
    """
    from coldstart.rehearsal import EVERYTHING, draw_split, run_everything, run_once

    plan = _checked(plan)
    benches, notes = _benches(known)
    prints = [bench.fingerprint() for bench in benches]
    store = RunFile(directory)
    _write_about(directory, known, plan, benches, prints, notes)
    done: dict[str, set[tuple[Any, ...]]] = {
        of: {key_of(r, r.budgets) for r in store.runs(of)} for of in set(prints)
    }
    steps = [
        (number, imbalance, which)
        for number in range(plan.repeats)
        for imbalance in plan.imbalances
        for which in range(len(benches))
    ]
    steps_in_all = len(steps) * (1 + len(plan.strategies) * len(plan.batches))
    finished = 0

    def tell(done: int, total: int | None, message: str = "") -> None:
        progress(finished, steps_in_all, message)

    for number, imbalance, which in steps:
        bench, of = benches[which], prints[which]
        split = draw_split(
            bench.classes,
            number,
            groups=bench.groups,
            most_pool=plan.most_pool,
            imbalance=imbalance,
        )
        budgets = budgets_of(plan, len(bench.class_names), len(split.pool))
        finished_before = done[of]
        if (EVERYTHING, number, imbalance, None, (len(split.pool),)) not in finished_before:
            tell(0, None, f"repeat {number + 1}: all labels")
            store.add(bench, of, run_everything(bench.vectors, bench.classes, split))
        finished += 1
        for strategy, times in ((s, t) for t in plan.batches for s in plan.strategies):
            batch = batch_of(times, len(bench.class_names))
            tell(0, None, f"repeat {number + 1}: {strategy}")
            if (strategy, number, imbalance, batch, budgets) not in finished_before:
                run = run_once(
                    bench.vectors,
                    bench.classes,
                    split,
                    strategy,
                    budgets,
                    batch=batch,
                    progress=tell,
                )
                store.add(bench, of, run)
            finished += 1
    progress(steps_in_all, steps_in_all, "rehearsed")
    report = read_report(directory)
    assert report is not None
    return report


def read_report(directory: Path) -> RehearsalReport | None:
    """What a rehearsal in ``directory`` has found so far; None where there is none."""
    from coldstart.rehearsal import EVERYTHING, summarise

    try:
        about = json.loads((directory / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    kept: dict[str, Any] = about["plan"]
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()}
    plan = Plan(**values)
    store = RunFile(directory)
    cases, count, runs_done = [], len(about["classes"]), 0
    for encoder, of in about["encoders"].items():
        runs = store.runs(of)
        for imbalance in plan.imbalances:
            whole = [one for one in runs if one.imbalance == imbalance]
            whole = [one for one in whole if one.split < plan.repeats]
            everything = {one.split: one for one in whole if one.strategy == EVERYTHING}
            runs_done += len(everything)
            for times in plan.batches:
                wanted = [
                    one
                    for one in whole
                    if one.batch == batch_of(times, count)
                    and one.strategy in plan.strategies
                    and one.split in everything
                    and tuple(one.budgets)
                    == budgets_of(plan, count, everything[one.split].budgets[0])
                ]
                runs_done += len(wanted)
                summary = summarise([*everything.values(), *_same_budgets(wanted)], count)
                if summary is not None:
                    sentence = result_in_words(summary)
                    cases.append(RehearsedCase(encoder, imbalance, times, summary, sentence))
    steps = plan.repeats * len(plan.imbalances) * len(about["encoders"])
    return RehearsalReport(
        name=about["name"],
        images=about["images"],
        classes=about["classes"],
        plan=plan,
        runs_done=runs_done,
        runs=steps * (1 + len(plan.strategies) * len(plan.batches)),
        cases=cases,
        notes=about["notes"],
        directory=directory,
    )


def rehearse_vectors(
    file: Path,
    labels: Path | None,
    directory: Path,
    plan: Plan,
    *,
    progress: Progress = silent,
) -> RehearsalReport:
    """Rehearse on an embedding file: its classes are in it, or in a file beside it.

    Raises
    ------
    ColdstartError : the vectors or the classes cannot be read, or do not fit each other.
    """
    from coldstart.embeddings.matrix import unit_rows
    from coldstart.embeddings.vector_files import read_matrix
    from coldstart.workflow.rehearsal_labels import read_classes

    vectors = unit_rows(read_matrix(file).vectors)
    classes = read_classes(file, labels, len(vectors))
    known = Known(file.stem, {file.stem: vectors}, classes)
    return rehearse(known, plan, directory, progress=progress)


def result_in_words(summary: CaseSummary) -> str:
    """The best finding of a case in a sentence, with its interval."""
    from coldstart.rehearsal import FEWEST_SPLITS, RANDOM

    others = [one for one in summary.strategies if one.strategy != RANDOM and one.runs]
    random = summary.get(RANDOM)
    if not others or random is None:
        return f"So far random only, on {summary.splits} splits."
    best = max(others, key=lambda one: one.area)
    assert best.to_random is not None
    if best.runs < FEWEST_SPLITS:
        return (
            f"{best.strategy} is {100 * best.to_random.mean:+.1f} points of accuracy beside random "
            f"so far, but {best.runs} splits are too few to say that this is more than chance: it "
            f"takes {FEWEST_SPLITS} at least."
        )
    points = (
        f"{100 * best.to_random.mean:+.1f} points of accuracy on average over the labels "
        f"({100 * best.to_random.low:+.1f} to {100 * best.to_random.high:+.1f}, "
        f"{best.runs} splits)"
    )
    if not best.to_random.better:
        return f"No strategy is surely better than random; the best, {best.strategy}, has {points}."
    words = f"{best.strategy} came out best: {points} beside random."
    if np.isfinite(best.needed) and best.saving is not None:
        least = "at least " if best.saving_at_least else ""
        words += (
            f" It reaches 90% of the accuracy of all labels with {best.needed:.0f} of them; "
            f"random needs {least}{best.saving:.1f} times as many "
            f"({best.saving_low:.1f} to {best.saving_high:.1f})."
        )
    return words


def budgets_of(plan: Plan, class_count: int, pool_size: int) -> tuple[int, ...]:
    """The numbers of labels at which a split with so large a pool is measured."""
    from coldstart.rehearsal import label_budgets

    return label_budgets(plan.per_class, class_count, pool_size)


def batch_of(times: float | None, class_count: int) -> int | None:
    """So many images a class, as a number of images."""
    return None if times is None else max(1, round(times * class_count))


def _checked(plan: Plan) -> Plan:
    """The plan with random first and no strategy twice; raises for what cannot be run."""
    from coldstart.rehearsal import RANDOM, parse_strategy

    names = tuple(dict.fromkeys([RANDOM, *(one.strip() for one in plan.strategies if one.strip())]))
    for name in names:
        try:
            parse_strategy(name, 0)
        except ValueError as error:
            raise ColdstartError(f"{error}.", "Write, say, --strategies auto,kmeans.") from None
    if plan.repeats < 1 or not plan.per_class or min(plan.per_class) < 1:
        raise ColdstartError(
            "A rehearsal needs at least one repeat and one budget of at least 1 label a class.",
            "Write, say, --repeats 20 --budgets 1,2,5,10.",
        )
    if min(plan.imbalances) < 1:
        raise ColdstartError("An imbalance is at least 1.", "Write, say, --imbalance 1,10.")
    if any(one is not None and one <= 0 for one in plan.batches):
        raise ColdstartError("A batch has more than no image.", "Write, say, --batches 1,2.")
    return Plan(**vars(plan) | {"strategies": names})


def _benches(known: Known) -> tuple[list[Bench], list[str]]:
    """A bench for each encoder, without classes that are too small, and the notes."""
    from coldstart.training.folds import group_numbers

    names = np.asarray(known.class_names, dtype=object)
    groups = group_numbers(known.pictures, len(names))
    small = []
    kept = np.ones(len(names), dtype=bool)
    for name in sorted(set(names.tolist())):
        of_it = names == name
        if len(np.unique(groups[of_it])) < FEWEST_OF_A_CLASS:
            small.append(f"{name} ({int(of_it.sum())})")
            kept &= ~of_it
    notes = list(known.notes)
    if small:
        notes.append(
            f"Left out, because a rehearsal needs {FEWEST_OF_A_CLASS} different pictures of a "
            f"class: {', '.join(small)}."
        )
    class_names, classes = np.unique(names[kept].astype(str), return_inverse=True)
    if len(class_names) < 2:
        raise ColdstartError(
            f"A rehearsal needs two classes with {FEWEST_OF_A_CLASS} labelled images each, and "
            f"there {'is one' if len(class_names) else 'is none'}.",
            "Label more images first, or import the classes that are known.",
        )
    benches = [
        Bench(
            known.name,
            encoder,
            np.ascontiguousarray(vectors[kept]),
            classes.astype(np.int64),
            class_names.tolist(),
            groups[kept],
        )
        for encoder, vectors in known.vectors.items()
    ]
    return benches, notes


def _write_about(
    directory: Path,
    known: Known,
    plan: Plan,
    benches: list[Bench],
    prints: list[str],
    notes: list[str],
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    about = {
        "name": known.name,
        "images": len(benches[0].classes),
        "classes": benches[0].class_names,
        "encoders": {one.encoder: of for one, of in zip(benches, prints, strict=True)},
        "plan": asdict(plan),
        "notes": notes,
    }
    beside = directory / "about.tmp"
    beside.write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(beside, directory / _ABOUT)


def _same_budgets(runs: list[Any]) -> list[Any]:
    """Pools of different sizes (classes cut by chance) may allow different budgets: what all
    splits have in common, and every run cut to it."""
    if not runs:
        return runs
    least = min(len(run.budgets) for run in runs)
    return [run.cut(least) for run in runs]
