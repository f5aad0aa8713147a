"""What each budget would cover, beside random, and the radius it is told at."""

from __future__ import annotations

import streamlit as st

from coldstart.ui.words import count, percent
from coldstart.workflow.preview import Preview


def curve(preview: Preview, budget: int) -> None:
    """Coverage over budgets, beside images drawn at random."""
    from coldstart.figures import coverage_figure

    figure = coverage_figure(
        preview.budgets,
        preview.coverage,
        random_mean=preview.random_mean,
        random_low=preview.random_low,
        random_high=preview.random_high,
        budget=budget,
        labels_title="Images to label next",
    )
    figure.update_traces(mode="lines")  # at few budgets plotly would add dots to the band
    st.plotly_chart(
        figure,
        key="budget_curve",
        config={"displayModeBar": False},
        alt="Share of the pool covered for each budget, beside images drawn at random",
    )


def in_words(preview: Preview, budget: int) -> None:
    """What the budget would bring, and where the radius comes from."""
    st.markdown(_sentence(preview, budget))
    if preview.without_vector:
        st.caption(
            f"{count(preview.without_vector, 'image')} cannot be picked for want of a vector: "
            "compute the embeddings again to take in what is new or has changed."
        )
    st.caption(f"{preview.note} {radius_in_words(preview)}")


def radius_in_words(preview: Preview) -> str:
    """The radius and why; two where ProbCover picks with another than coverage is told at."""
    if preview.picks_delta is None:
        return f"Coverage is told at one radius throughout. {preview.delta_words}"
    if f"{preview.picks_delta:.4g}" == f"{preview.delta:.4g}":
        return f"ProbCover picks at the radius that coverage is told at. {preview.picks_words}"
    return (
        f"ProbCover picks with {_small(preview.picks_words)} Coverage is told at "
        f"{preview.delta:.4g} throughout, so that it can be compared."
    )


def _small(words: str) -> str:
    return words[:1].lower() + words[1:]


def _sentence(preview: Preview, budget: int) -> str:
    import numpy as np

    covered = float(np.interp(budget, preview.budgets, preview.coverage))
    by_chance = float(np.interp(budget, preview.budgets, preview.random_mean))
    audit = int(np.interp(budget, preview.budgets, preview.audit))
    drawn = f"{audit:,} of them drawn at random measure the accuracy. " if audit else ""
    return (
        f"**{count(budget, 'label')} more** would take coverage from "
        f"{percent(preview.start_coverage)} to **{percent(covered)}**; drawn at random, to "
        f"{percent(by_chance)}. {drawn}{count(preview.available, 'image')} can be picked."
    )
