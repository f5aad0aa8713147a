"""The Rehearse tab: what random would have given so far, and which strategy suits these images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.figures.rehearsal import Curve, accuracy_figure, classes_found_figure
from coldstart.project import Project
from coldstart.rehearsal import FEWEST_SPLITS
from coldstart.ui.diagnosis_view import pool_state
from coldstart.ui.head import empty
from coldstart.ui.job_card import job_card, running_job, start
from coldstart.ui.plots import plot
from coldstart.ui.words import count

if TYPE_CHECKING:
    from coldstart.rehearsal import CaseSummary, Hindsight
    from coldstart.workflow.rehearse import RehearsalReport, RehearsedCase

_NEARLY = 0.9


def show(project: Project) -> None:
    """Both questions, each with its figure, or with what is missing to answer it."""
    from coldstart.workflow.pool import active_set

    if active_set(project) is None:
        empty("A rehearsal compares pictures by their **embeddings**: compute them first.")
        return
    _hindsight(project)
    _strategies(project)


def _hindsight(project: Project) -> None:
    st.subheader("What would random have given me so far?", divider="gray")
    try:
        found = _cached_hindsight(project, pool_state(project))
    except ColdstartError as error:
        st.caption(str(error))
        return
    st.markdown(_hindsight_words(found))
    figure = accuracy_figure(
        found.budgets,
        [
            Curve(
                "images drawn at random", found.random, found.random_low, found.random_high, True
            ),
            Curve("your labels", found.chosen, found.chosen_low, found.chosen_high),
        ],
        height=340,
    )
    plot(
        figure,
        "hindsight",
        "Accuracy of your labels and of random ones",
        f"Told from {found.audit} audit images, drawn at random and labelled blind: some to learn "
        "from, the rest to judge both by, cut 60 times. Bands hold 95%, at one such look. Beyond "
        f"{found.budgets[-1]} labels nothing is shown, because nothing is measured there: with "
        "more audit labels it reaches further.",
    )


def _hindsight_words(found: Hindsight) -> str:
    labels, gain = found.budgets[-1], 100 * found.gain[-1]
    low, high = 100 * found.gain_low[-1], 100 * found.gain_high[-1]
    interval = f"{gain:+.0f} points ({low:+.0f} to {high:+.0f})"
    if low > 0:
        return (
            f"Your first {labels} labels teach more than {labels} random ones would have: "
            f"**{interval}** of accuracy."
        )
    if high < 0:
        return (
            f"{labels} random labels would have taught more than your first {labels}: "
            f"**{interval}** of accuracy."
        )
    return (
        f"Whether your first {labels} labels teach more than {labels} random ones would have "
        f"cannot be told yet: **{interval}** of accuracy."
    )


def _strategies(project: Project) -> None:
    st.subheader("Which strategy suits images like these?", divider="gray")
    running = running_job(project, "rehearse")
    try:
        known = len(_cached_known(project, pool_state(project)))
    except ColdstartError as error:
        st.caption(str(error))
        known = 0
    if known and running is None:
        _form(project, known)
    job_card(project, "rehearse")
    report = _cached_report(project, _runs_state(project))
    if report is not None:
        _report(report)


def _form(project: Project, known: int) -> None:
    from coldstart.selection import strategies
    from coldstart.workflow.rehearse import STRATEGIES

    offered = {name: one.title for name, one in strategies().items() if name != "random"}
    st.markdown(
        f"The class of {count(known, 'image')} is known. They are hidden, every strategy asks for "
        "them in batches, and what it reaches is measured on images that it never saw."
    )
    with st.form("rehearse", border=False):
        names = st.multiselect(
            "Strategies, beside random",
            list(offered),
            default=[one for one in STRATEGIES if one in offered],
            format_func=lambda name: offered[name],
        )
        left, middle, right = st.columns(3)
        repeats = left.number_input(
            "Repeats",
            3,
            100,
            20,
            help="How often pool and test set are drawn anew. Under 20 little can be told apart.",
        )
        batch = middle.selectbox(
            "Asked for at a time",
            ["", "0.5", "1", "2"],
            format_func=lambda one: f"{one} images a class" if one else "all up to the next budget",
        )
        imbalance = right.selectbox(
            "Classes",
            ["1", "10", "50"],
            format_func=lambda one: (
                "as they are" if one == "1" else f"the largest {one} times the smallest"
            ),
        )
        pressed = st.form_submit_button("Rehearse", icon=":material/theater_comedy:")
    if pressed and not names:
        st.caption("Choose at least one strategy.")
    elif pressed:
        arguments = ["--strategies", ",".join(names), "--repeats", str(int(repeats))]
        if batch:
            arguments += ["--batches", batch]
        if imbalance != "1":
            arguments += ["--imbalance", imbalance]
        start(project, "rehearse", arguments)


def _report(report: RehearsalReport) -> None:
    if not report.cases:
        st.caption("The first repeat is not finished yet.")
        return
    case = report.cases[0]
    if len(report.cases) > 1:
        case = st.selectbox("Shown", report.cases, format_func=_case_title)
    if report.runs_done < report.runs:
        st.caption(
            f"{report.runs_done:,} of {report.runs:,} runs so far; bands are drawn from "
            f"{FEWEST_SPLITS} splits on."
        )
    st.markdown(f"**{_titled(case.sentence)}**")
    for note in report.notes:
        st.caption(note)
    summary = case.summary
    curves = [
        Curve(
            _title(one.strategy),
            one.accuracy,
            one.low if one.runs >= FEWEST_SPLITS else None,
            one.high if one.runs >= FEWEST_SPLITS else None,
            one.strategy == "random",
        )
        for one in summary.strategies
        if one.runs
    ]
    figure = accuracy_figure(
        summary.budgets, curves, full=summary.full_accuracy, nearly=_NEARLY * summary.full_accuracy
    )
    plot(figure, "rehearsal", "Accuracy against labels by strategy")
    st.dataframe(_table(summary), hide_index=True, key="rehearsal_table")
    st.caption(
        "Beside random: points of accuracy on average over the labels (over their logarithm), on "
        f"the same {count(summary.splits, 'split')}{_interval_words(summary)}. "
        "Labels to 90%: of the accuracy that all labels give."
    )
    st.markdown("**How soon has every class turned up?**")
    found = [
        Curve(_title(one.strategy), one.classes_found, quiet=one.strategy == "random")
        for one in summary.strategies
        if one.runs
    ]
    plot(
        classes_found_figure(summary.budgets, found, summary.classes),
        "rehearsal_classes",
        "Share of the classes found by strategy",
    )


def _interval_words(summary: CaseSummary) -> str:
    if any(one.runs >= FEWEST_SPLITS and one.p_holm is not None for one in summary.strategies):
        return ", with a 95% interval; p after Holm's correction"
    return f"; intervals and p are given from {FEWEST_SPLITS} splits on"


def _table(summary: CaseSummary) -> list[dict[str, Any]]:
    rows = []
    for one in summary.strategies:
        if not one.runs:
            rows.append({"Strategy": _title(one.strategy), "Beside random": f"failed: {one.error}"})
            continue
        beside, p = "", ""
        enough = one.runs >= FEWEST_SPLITS
        if one.to_random is not None:
            beside = f"{100 * one.to_random.mean:+.1f}"
        if enough and one.to_random is not None and one.p_holm is not None:
            low, high = one.to_random.low, one.to_random.high
            beside += f" ({100 * low:+.1f} to {100 * high:+.1f})"
            p = "< 0.001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"
        saving = ""
        if one.saving is not None and one.saving > 0:
            least = "at least " if one.saving_at_least else ""
            saving = f"{least}{one.saving:.1f} ×"
            if enough:
                saving += f" ({one.saving_low:.1f} to {one.saving_high:.1f})"
        reached = one.needed < float("inf")
        rows.append(
            {
                "Strategy": _title(one.strategy),
                "Beside random": beside,
                "p": p,
                "Labels to 90%": f"{one.needed:.0f}" if reached else f"> {summary.budgets[-1]}",
                "Random needs": saving,
                "Classes in the first batch": f"{one.classes_found[0]:.1f} of {summary.classes}",
                "CPU s": f"{one.cpu_s:.1f}",
            }
        )
    return rows


def _title(strategy: str) -> str:
    """The strategy's title, with the settings it was given."""
    from coldstart.selection import strategies

    name, *settings = strategy.split("+")
    offered = strategies()
    title = offered[name].title if name in offered else name
    return f"{title} ({', '.join(settings)})" if settings else title


def _titled(sentence: str) -> str:
    """A sentence that begins with a strategy's name, with its title instead."""
    from coldstart.selection import strategies

    first, space, rest = sentence.partition(" ")
    offered = strategies()
    return f"{offered[first].title}{space}{rest}" if first in offered else sentence


def _case_title(case: RehearsedCase) -> str:
    parts = [case.encoder]
    if case.imbalance > 1:
        parts.append(f"largest class {case.imbalance:g} times the smallest")
    if case.batch:
        parts.append(f"{case.batch:g} images a class at a time")
    return " · ".join(parts)


def _runs_state(project: Project) -> tuple[Any, ...]:
    from coldstart.workflow.rehearse_project import rehearsal_directory

    files = sorted(rehearsal_directory(project).glob("*.json*"))
    return tuple((str(file), file.stat().st_mtime, file.stat().st_size) for file in files)


@st.cache_data(max_entries=8, show_spinner="Drawing at random, in hindsight")
def _cached_hindsight(_project: Project, state: tuple[Any, ...]) -> Hindsight:
    from coldstart.workflow.rehearse_project import hindsight

    return hindsight(_project)


@st.cache_data(max_entries=8, show_spinner=False)
def _cached_known(_project: Project, state: tuple[Any, ...]) -> list[str]:
    from coldstart.workflow.rehearse_project import known_classes

    return list(known_classes(_project).class_names)


@st.cache_data(max_entries=8, show_spinner=False)
def _cached_report(_project: Project, state: tuple[Any, ...]) -> RehearsalReport | None:
    from coldstart.workflow.rehearse_project import project_report

    return project_report(_project)
