"""What the Train page shows: measured accuracy first, where it fails, and what to take away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart.labels.manifest import MANIFEST_FORMATS
from coldstart.project import Project, slug
from coldstart.ui import job_card
from coldstart.ui.facts import show_facts
from coldstart.ui.head import empty, question, step_link
from coldstart.ui.words import NOT_MEASURED, ago, count, percent
from coldstart.workflow.train import TrainingState

if TYPE_CHECKING:
    from coldstart.training.evaluate import Evaluation

_NO_BAR = {"displayModeBar": False}
_PERCENT = "%.0f%%"


def train_button(
    project: Project, action: DeltaGenerator, state: TrainingState, *, disabled: bool
) -> None:
    """The primary action, unless there is nothing to gain by it."""
    if state.up_to_date or not state.can_train:
        return
    words = "Train" if state.run is None else "Train again"
    if action.button(words, type="primary", icon=":material/play_arrow:", disabled=disabled):
        job_card.start(project, "train")


def nothing_trained(state: TrainingState, action: DeltaGenerator) -> None:
    """No model yet: say what is missing."""
    if state.can_train:
        empty(
            f"{count(state.labels_since, 'image')} labelled. **Train** fits a classifier on them, "
            "measures it by cross-validation, and predicts the rest of the pool; it takes seconds."
        )
    else:
        step_link(action, "label", "Go to Select & Label")
        empty(state.why_not)


def accuracy(project: Project, state: TrainingState) -> None:
    """The measured accuracy with its interval, and how it was measured: the audit's first."""
    from coldstart.workflow.audit import audit_standing

    measured, run, audit = state.evaluation, state.run, audit_standing(project)
    assert measured is not None
    assert run is not None
    facts = []
    name = "Accuracy and its 95% interval"
    if audit.look is not None:
        low, high = audit.look.interval
        between = f"{percent(audit.look.accuracy)} ({percent(low)} – {percent(high)})"
        facts.append(("Accuracy on the rest of the pool and its 95% interval", between))
        name = "In cross-validation on the labels"
    if measured.accuracy is None or measured.interval is None:
        if audit.look is None:
            facts.append(("Accuracy", NOT_MEASURED))
    else:
        low, high = measured.interval
        between = f"{percent(measured.accuracy)} ({percent(low)} – {percent(high)})"
        facts.append((name, between))
    if measured.balanced_accuracy is not None:
        facts.append(("Mean over the classes", percent(measured.balanced_accuracy)))
    facts.append(("Labels it learned from", f"{run.label_count:,}"))
    show_facts(facts)
    if audit.look is not None:
        st.markdown(
            f"Measured on {audit.look.audit_labels:,} images drawn at random, which the model that "
            f"was measured had never seen; it had learned from {audit.look.training_labels:,} "
            "labels. **Diagnostics** says what that means for stopping."
        )
    elif audit.audit_labels:
        st.markdown(f"{audit.words}.")
    st.markdown(measured.how)
    fresh = "It has seen every label." if state.up_to_date else _behind(state)
    st.caption(f"Trained {ago(run.created_at)} on the embedding set “{run.embedding_set}”. {fresh}")


def _behind(state: TrainingState) -> str:
    if state.labels_since > 0:
        return f"{count(state.labels_since, 'label')} came since: train again to use them."
    if state.run is not None and state.embedding_set not in ("", state.run.embedding_set):
        return f"You have switched to “{state.embedding_set}” since: train again to use it."
    return "Labels, or the audit that measures it, have changed since: train again."


def confusion(measured: Evaluation) -> None:
    """Which classes are taken for which."""
    question("Which classes are taken for which?")
    if measured.confusion is None:
        st.caption("Too few labels to say.")
        return
    from coldstart.figures import confusion_figure

    figure = confusion_figure(measured.confusion, list(measured.class_names))
    st.plotly_chart(
        figure, key="confusion", config=_NO_BAR, alt="Labels against predictions, class by class"
    )
    st.caption(
        "Images by label and by what was predicted when they were left out, as the mean over the "
        "repeats; the colour is the share of the row."
    )


def per_class(measured: Evaluation) -> None:
    """How well each class is found, and on how many labels that rests."""
    question("Which classes need more labels?")
    rows = sorted(measured.per_class, key=lambda one: (one.recall is not None, one.recall or 0))
    st.dataframe(
        {
            "Class": [one.class_name for one in rows],
            "Labels": [one.labels for one in rows],
            "Found": [_points(one.recall) for one in rows],
            "Right when said": [_points(one.precision) for one in rows],
        },
        hide_index=True,
        column_config={
            "Found": st.column_config.NumberColumn(
                format=_PERCENT, help="Of the images of this class, the share predicted so."
            ),
            "Right when said": st.column_config.NumberColumn(
                format=_PERCENT, help="Of the images predicted so, the share that are."
            ),
        },
        alt="Labels, recall and precision of each class",
    )


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share


def predictions(project: Project) -> None:
    """What the model says of the whole pool."""
    from coldstart.workflow.train import predictions as read_predictions

    table = read_predictions(project)
    if table is None or table.empty:
        return
    question("What does it say about the whole pool?")
    totals = table.groupby("predicted_class", sort=True)["confidence"].agg(["size", "mean"])
    st.dataframe(
        {
            "Class": list(totals.index),
            "Predicted images": totals["size"].tolist(),
            "Mean confidence": [_points(one) for one in totals["mean"].tolist()],
        },
        hide_index=True,
        column_config={"Mean confidence": st.column_config.NumberColumn(format=_PERCENT)},
        alt="Predicted images of each class",
    )
    st.caption(
        "Confidence is the model's own word and has not been checked against the truth: do not "
        "read it as the chance of being right."
    )
    st.download_button(
        "Predictions (csv)",
        data=lambda: table.to_csv(index=False).encode(),
        file_name=f"{slug(project.name)}-predictions.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def manifest(project: Project) -> None:
    """The labels as a table for other programs."""
    from coldstart.workflow.export import manifest_bytes

    question("Where are my labels?")
    st.markdown(
        "The **data manifest**: one row for each image that has an answer, in the format you use."
    )
    with st.container(horizontal=True):
        for name in MANIFEST_FORMATS:
            st.download_button(
                f"Manifest ({name})",
                data=partial(manifest_bytes, project, name),  # written when it is asked for
                file_name=f"{slug(project.name)}-manifest{MANIFEST_FORMATS[name].suffix}",
                mime=MANIFEST_FORMATS[name].media_type,
                key=f"manifest_{name}",
                icon=":material/download:",
                on_click="ignore",
            )


def code(project: Project) -> None:
    """The lines that hand the labels to a training loop of one's own."""
    from coldstart.training.code_example import code_example

    question("How do I train a network of my own on them?")
    file = f"{slug(project.name)}-manifest.csv"
    st.code(code_example(file, list(project.roots)), language="python")
