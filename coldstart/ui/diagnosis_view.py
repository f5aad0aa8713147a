"""What the Diagnostics page shows of the pool: coverage, labels by class, balls and purity."""

from __future__ import annotations

from typing import Any

import streamlit as st

from coldstart.project import Project
from coldstart.ui.head import question
from coldstart.ui.plots import plot
from coldstart.workflow.balls import BatchGrowth, PurityReport, RadiusCurves
from coldstart.workflow.diagnose import CoverageHistory
from coldstart.workflow.diagnostic_plots import (
    DiagnosticPlot,
    batches_plot,
    classes_plot,
    coverage_plot,
    purity_plot,
    radius_plot,
)


def show_plot(one: DiagnosticPlot) -> None:
    """A question, the plot that answers it if there is one, and what it says."""
    question(one.question)
    if one.figure is not None:
        plot(one.figure, one.name, one.alt, one.words)
    elif one.words:
        st.caption(one.words)


def has_embeddings(project: Project) -> bool:
    """Whether there is an embedding set to tell coverage from."""
    from coldstart.workflow.pool import active_set

    return active_set(project) is not None


def coverage(project: Project) -> None:
    """Labels spent against the share of the pool covered, and what the next would add."""
    show_plot(coverage_plot(cached_history(project)))


def labels_by_class(project: Project) -> None:
    """How many labels each class has."""
    show_plot(classes_plot(project))


def balls(project: Project) -> None:
    """Coverage by radius, what each batch brought, and how pure the balls are."""
    left, right = st.columns(2, gap="large")
    state = pool_state(project)
    history = cached_history(project)
    with left:
        show_plot(batches_plot(_batches(project, state), history))
    with right:
        show_plot(radius_plot(_curves(project, state), history))
    show_plot(purity_plot(cached_purity(project)))


def cached_history(project: Project) -> CoverageHistory:
    """`workflow.diagnose.coverage_history`, computed once for the same labels and vectors."""
    return _history(project, pool_state(project))


def cached_purity(project: Project) -> PurityReport:
    """`workflow.balls.purity`, computed once for the same labels and vectors."""
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


@st.cache_data(max_entries=16, show_spinner="Measuring balls")
def _curves(_project: Project, state: tuple[Any, ...]) -> RadiusCurves:
    from coldstart.workflow.balls import coverage_by_radius

    return coverage_by_radius(_project)


@st.cache_data(max_entries=16, show_spinner="Measuring balls")
def _batches(_project: Project, state: tuple[Any, ...]) -> list[BatchGrowth]:
    from coldstart.workflow.balls import batch_growth

    return batch_growth(_project)


@st.cache_data(max_entries=16, show_spinner="Measuring purity")
def _purity(_project: Project, state: tuple[Any, ...]) -> PurityReport:
    from coldstart.workflow.balls import purity as measure

    return measure(_project)
