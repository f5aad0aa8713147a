"""What the Diagnostics page shows of the pool: coverage, labels by class, purity."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from coldstart.labels.states import CLASS, LABEL_KINDS
from coldstart.project import Project
from coldstart.ui.head import question
from coldstart.ui.words import count, percent
from coldstart.workflow.diagnose import CoverageHistory, PurityReport

_NO_BAR = {"displayModeBar": False}


def has_embeddings(project: Project) -> bool:
    """Whether there is an embedding set to tell coverage from."""
    from coldstart.workflow.pool import active_set

    return active_set(project) is not None


def coverage(project: Project) -> None:
    """Labels spent against the share of the pool covered, and what the next would add."""
    from coldstart.figures import coverage_figure

    history = cached_history(project)
    question("How much of the pool do the labels cover?")
    figure = coverage_figure(
        history.labels,
        history.coverage,
        random_mean=history.random_mean,
        random_low=history.random_low,
        random_high=history.random_high,
        next_labels=history.next_labels,
        next_coverage=history.next_coverage,
        labels_now=int(history.labels[-1]),
        chosen_name="labelled",
    )
    st.plotly_chart(
        figure,
        key="coverage_history",
        config=_NO_BAR,
        alt="Share of the pool covered, label by label, beside images drawn at random",
    )
    st.markdown(_worth(history))
    st.caption(history.delta_words)


def _worth(history: CoverageHistory) -> str:
    steps = history.next_labels - history.next_labels[0]
    if len(steps) < 2:
        return "No image is left that could be queued."
    ten = min(10, int(steps[-1]))
    gain = float(np.interp(ten, steps, history.next_coverage) - history.next_coverage[0])
    return (
        f"The next **{count(ten, 'label')}**, well chosen, would bring **{percent(gain)}** more of "
        "the pool close to a label."
    )


def labels_by_class(project: Project) -> None:
    """How many labels each class has."""
    from coldstart.figures import labels_by_class_figure

    question("Are the labels balanced?")
    names = {row.class_id: row.name for row in project.store.labels.classes()}
    counts = project.store.labels.class_counts()
    if not counts:
        st.caption("Nothing is labelled yet: label some images on **Select & Label**.")
        return
    states = {
        kind.title: number
        for name, number in project.store.labels.counts().items()
        if (kind := LABEL_KINDS[name]).name != CLASS
    }
    figure = labels_by_class_figure(
        {names[class_id]: number for class_id, number in counts.items()}, states
    )
    st.plotly_chart(figure, key="labels_by_class", config=_NO_BAR, alt="Labels of each class")


def purity(project: Project) -> None:
    """How the share of pure balls falls with the radius: is the radius a sensible one?"""
    from coldstart.figures import purity_figure

    question("Do images that lie close together belong together?")
    report = cached_purity(project)
    figure = purity_figure(report.deltas, report.purity, report.chosen_delta)
    st.plotly_chart(figure, key="purity", config=_NO_BAR, alt="Share of pure balls by radius")
    st.caption(report.words)


def cached_history(project: Project) -> CoverageHistory:
    """`workflow.diagnose.coverage_history`, computed once for the same labels and vectors."""
    return _history(project, pool_state(project))


def cached_purity(project: Project) -> PurityReport:
    """`workflow.diagnose.purity`, computed once for the same labels and vectors."""
    return _purity(project, pool_state(project))


def pool_state(project: Project) -> tuple[Any, ...]:
    """What anything told of the labels, the queue and the vectors depends on."""
    from coldstart.workflow.pool import active_set

    embedding_set = active_set(project)
    return (
        str(project.directory),
        embedding_set and (embedding_set.name, str(embedding_set.meta.get("created_at"))),
        project.store.labels.last_event_id(),
        project.store.images.count("queue"),
        project.store.images.count("usable"),
    )


@st.cache_data(max_entries=16, show_spinner="Measuring coverage")
def _history(_project: Project, state: tuple[Any, ...]) -> CoverageHistory:
    from coldstart.workflow.diagnose import coverage_history

    return coverage_history(_project)


@st.cache_data(max_entries=16, show_spinner="Measuring purity")
def _purity(_project: Project, state: tuple[Any, ...]) -> PurityReport:
    from coldstart.workflow.diagnose import purity as measure

    return measure(_project)
