"""Every plot of Diagnostics, for the page and the report alike: question, figure, words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from coldstart.labels.states import CLASS, LABEL_KINDS
from coldstart.project import Project
from coldstart.stopping import Verdict
from coldstart.workflow.balls import BatchGrowth, PurityReport, RadiusCurves
from coldstart.workflow.diagnose import CoverageHistory


@dataclass(frozen=True)
class DiagnosticPlot:
    """A question, the figure that answers it (None: nobody can say yet), and what it says.

    ``name`` is a file's name; ``alt`` says in words what is drawn.
    """

    name: str
    question: str
    figure: go.Figure | None
    alt: str
    words: str


def accuracy_plot(said: Verdict) -> DiagnosticPlot:
    """Every look at the audit with its interval."""
    from coldstart.figures import accuracy_figure

    looks = said.measured.looks
    figure, words = None, said.measured.words[0]
    if said.measured.look is not None:
        figure = accuracy_figure(
            [look.training_labels for look in looks],
            [look.accuracy for look in looks],
            [look.interval[0] for look in looks],
            [look.interval[1] for look in looks],
            [look.audit_labels for look in looks],
            said.target,
        )
        words = "All intervals hold together with 95% confidence, however often you look."
    return DiagnosticPlot(
        "audit_looks",
        "How good is the model on the rest of the pool?",
        figure,
        "Measured accuracy with its interval at each look",
        words,
    )


def stability_plot(said: Verdict) -> DiagnosticPlot:
    """How much successive models agree."""
    from coldstart.figures import kappa_figure
    from coldstart.stopping.stability import STABLE_KAPPA

    settled, figure = said.stability, None
    if any(kappa is not None for kappa in settled.kappas):
        figure = kappa_figure(settled.training_labels, settled.kappas, STABLE_KAPPA)
    return DiagnosticPlot(
        "kappas",
        "Do more labels still change what it says?",
        figure,
        "Agreement of successive models, kappa",
        settled.bounds or settled.words,
    )


def forecast_plot(said: Verdict) -> DiagnosticPlot:
    """The learning curve, and what the next labels are expected to bring."""
    from coldstart.figures import learning_curve_figure

    gain, figure = said.forecast, None
    if gain.gain is not None and gain.low is not None and gain.high is not None:
        figure = learning_curve_figure(
            gain.labels,
            gain.curve,
            gain.curve_low,
            gain.curve_high,
            model_labels=said.stability.training_labels,
            model_accuracy=gain.points,
            next_labels=gain.next_labels,
            words=f"next {gain.next_labels:,} labels: {100 * gain.low:+.1f} to "
            f"{100 * gain.high:+.1f} points",
        )
    return DiagnosticPlot(
        "learning_curve",
        "Is another label still worth it?",
        figure,
        "Accuracy against labels, with a band",
        gain.words,
    )


def coverage_plot(history: CoverageHistory) -> DiagnosticPlot:
    """Labels spent against the share of the pool covered, and what the next would add."""
    from coldstart.figures import coverage_figure

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
    return DiagnosticPlot(
        "coverage_history",
        "How much of the pool do the labels cover?",
        figure,
        "Share of the pool covered, label by label, beside images drawn at random",
        _and_where(_worth(history), history),
    )


def _and_where(words: str, history: CoverageHistory) -> str:
    """The words, and on how many images the figures were estimated if not on all."""
    return f"{words} {history.measured_on}".rstrip()


def _worth(history: CoverageHistory) -> str:
    steps = history.next_labels - history.next_labels[0]
    if len(steps) < 2:
        return "No image is left that could be queued."
    ten = min(10, int(steps[-1]))
    gain = float(np.interp(ten, steps, history.next_coverage) - history.next_coverage[0])
    labels = "label" if ten == 1 else f"{ten} labels"
    return (
        f"The next {labels}, well chosen, would bring another {100 * gain:.1f}% of the pool close "
        "to a label. It says what was looked at, not how well it is predicted."
    )


def classes_plot(project: Project) -> DiagnosticPlot:
    """How many labels each class has."""
    from coldstart.figures import labels_by_class_figure

    names = {row.class_id: row.name for row in project.store.labels.classes()}
    counts = project.store.labels.class_counts()
    figure = None
    if counts:
        states = {
            kind.title: number
            for name, number in project.store.labels.counts().items()
            if (kind := LABEL_KINDS[name]).name != CLASS
        }
        figure = labels_by_class_figure(
            {names[class_id]: number for class_id, number in counts.items()}, states
        )
    return DiagnosticPlot(
        "labels_by_class",
        "Are the labels balanced?",
        figure,
        "Labels of each class",
        "" if counts else "Nothing is labelled yet: label some images on Select & Label.",
    )


def radius_plot(curves: RadiusCurves, history: CoverageHistory) -> DiagnosticPlot:
    """Coverage for the chosen radius and for radii around it.

    history : says where the radius comes from, and on how many images coverage was estimated.
    """
    from coldstart.figures import radius_figure

    figure = None
    if len(curves.labels) > 1:
        figure = radius_figure(curves.labels, curves.deltas, curves.coverage, curves.chosen)
    words = "An image counts as covered when a labelled one is nearer than the radius. "
    words += history.delta_words
    words += "" if figure is not None else " Nothing is labelled yet."
    return DiagnosticPlot(
        "radii",
        "How much would count as covered if the radius were another?",
        figure,
        "Share of the pool covered, label by label, for five radii",
        _and_where(words, history),
    )


def batches_plot(batches: list[BatchGrowth], history: CoverageHistory) -> DiagnosticPlot:
    """What each batch brought, beside random. history : as for `radius_plot`."""
    from coldstart.figures import batches_figure

    figure, words = None, "No batch has been labelled yet."
    if batches:
        figure = batches_figure(
            [one.batch for one in batches],
            [one.labels for one in batches],
            [one.coverage for one in batches],
            [one.random for one in batches],
            [one.random_low for one in batches],
            [one.random_high for one in batches],
        )
        last = batches[-1]
        words = (
            f"{last.labels:,} labels cover {last.coverage:.0%} of the pool; as many images at "
            f"random would cover {last.random_low:.0%} to {last.random_high:.0%}."
        )
        words = _and_where(words, history)
    return DiagnosticPlot(
        "batches",
        "What did each batch bring, and would random have brought it too?",
        figure,
        "Share of the pool covered after each batch, beside random",
        words,
    )


def purity_plot(report: PurityReport) -> DiagnosticPlot:
    """How the share of pure balls falls with the radius."""
    from coldstart.figures import purity_figure

    return DiagnosticPlot(
        "purity",
        "Do images that lie close together belong together?",
        purity_figure(report.deltas, report.purity, report.chosen_delta),
        "Share of pure balls by radius",
        report.words,
    )
