"""What the Train page shows: measured accuracy first, where it fails, and what to take away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart.labels.manifest import MANIFEST_FORMATS
from coldstart.project import Project, slug
from coldstart.training.probes import AUTOMATIC
from coldstart.ui import job_card, session
from coldstart.ui.facts import show_facts
from coldstart.ui.head import empty, question, step_link
from coldstart.ui.plots import plot
from coldstart.ui.words import NOT_MEASURED, ago, count, percent
from coldstart.workflow.train import TrainingState

if TYPE_CHECKING:
    from coldstart.training.class_measures import ClassMeasures
    from coldstart.training.evaluate import Evaluation

_PERCENT = "%.0f%%"
_PROBE = "probe_to_train"


def train_button(
    project: Project, action: DeltaGenerator, state: TrainingState, *, disabled: bool
) -> None:
    """The primary action, unless there is nothing to gain by it."""
    if state.up_to_date or not state.can_train:
        return
    words = "Train" if state.run is None else "Train again"
    if action.button(words, type="primary", icon=":material/play_arrow:", disabled=disabled):
        job_card.start(project, "train", probe_arguments())


def probe_arguments() -> list[str]:
    """The probe chosen on the page, as arguments of the command; none for the default."""
    chosen = str(st.session_state.get(_PROBE, AUTOMATIC))
    return [] if chosen == AUTOMATIC else ["--probe", chosen]


def probe(project: Project, state: TrainingState, *, disabled: bool) -> None:
    """Which kind of classifier, and another one to try."""
    from coldstart.training.probes import PROBES

    question("Would another classifier do better?")
    used = state.evaluation.probe if state.evaluation is not None else ""
    options = [AUTOMATIC, *PROBES]
    chosen = st.selectbox(
        "Classifier on the embeddings",
        options,
        key=_PROBE,
        format_func=lambda name: PROBES[name].title if name in PROBES else "Automatic",
    )
    words = (
        PROBES[chosen].words
        if chosen in PROBES
        else ("Takes the one that was best at this number of labels on three kinds of images.")
    )
    st.caption(f"{words} Trained now: {PROBES[used].title}." if used in PROBES else words)
    same = chosen == used or (chosen == AUTOMATIC and state.up_to_date)
    if st.button("Train this one", disabled=disabled or same or not state.can_train):
        job_card.start(project, "train", probe_arguments())
    st.caption(
        "Compare them by cross-validation on the labels. A model that was chosen by its accuracy "
        "on the audit is no longer measured by it."
    )


def calibration(measured: Evaluation) -> None:
    """Whether the probabilities can be taken at their word."""
    question("Is it as sure as it is right?")
    if not measured.calibration:
        st.caption("Too few labels to say: it takes 50.")
        return
    from coldstart.figures import calibration_figure
    from coldstart.training.calibration import calibration_error

    bins = measured.calibration
    figure = calibration_figure(
        [one.confidence for one in bins],
        [one.right for one in bins],
        [one.interval for one in bins],
        [one.images for one in bins],
    )
    error = calibration_error(bins) or 0.0
    plot(
        figure,
        "calibration",
        "How often it is right by how sure it is",
        "On labelled images that were left out, with exact 95% limits; below the dashed line it is "
        f"too sure. The two differ by {100 * error:.0f} points on average.",
    )


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


def accuracy(project: Project, state: TrainingState, classes: ClassMeasures | None) -> None:
    """The measured accuracy with its interval, and how it was measured: the audit's first.

    classes : the same model on the audit, class by class, where there are audit labels enough.
    """
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
    facts += _means(measured, classes)
    facts.append(("Labels it learned from", f"{run.label_count:,}"))
    show_facts(facts)
    if audit.look is not None:
        st.markdown(
            f"Measured on {audit.look.audit_labels:,} images drawn at random, which the model that "
            f"was measured had never seen; it had learned from {audit.look.training_labels:,} "
            "labels. **Diagnostics** says what that means for stopping."
        )
        st.caption(measured.how)
    else:
        if audit.audit_labels:
            st.markdown(f"{audit.words}.")
        st.markdown(measured.how)
    fresh = "It has seen every label." if state.up_to_date else _behind(state)
    if state.without_vector:
        st.caption(
            f"{count(state.without_vector, 'labelled image')} cannot be learned from: “"
            f"{state.embedding_set}” has no vector of them. Compute it again to include them."
        )
    st.caption(f"Trained {ago(run.created_at)} on the embedding set “{run.embedding_set}”. {fresh}")


def _means(measured: Evaluation, classes: ClassMeasures | None) -> list[tuple[str, str]]:
    """Balanced accuracy and macro-F1: of the audit, with limits, or else of the labels."""
    if classes is not None:
        both = (
            (
                "Balanced accuracy on the audit",
                classes.balanced_accuracy,
                classes.balanced_interval,
            ),
            ("Macro-F1 on the audit", classes.macro_f1, classes.macro_interval),
        )
        return [
            (name, f"{percent(value)} ({percent(low)} – {percent(high)})")
            for name, value, (low, high) in both
        ]
    pairs = (("Balanced accuracy", measured.balanced_accuracy), ("Macro-F1", measured.macro_f1))
    return [(name, percent(value)) for name, value in pairs if value is not None]


def _behind(state: TrainingState) -> str:
    if state.labels_since > 0:
        return f"{count(state.labels_since, 'label')} came since: train again to use them."
    if state.run is not None and state.embedding_set not in ("", state.run.embedding_set):
        return f"You have switched to “{state.embedding_set}” since: train again to use it."
    return "Labels, or the audit that measures it, have changed since: train again."


_AUDIT, _LABELS = "On the audit", "On the labels, left out in turn"


def per_class(measured: Evaluation, classes: ClassMeasures | None) -> None:
    """How well each class is found, and on how many images that rests."""
    question("Which classes need more labels?")
    results, counted = measured.per_class, "Labels"
    if classes is not None:
        chosen = st.segmented_control(
            "Measured", (_AUDIT, _LABELS), default=_AUDIT, required=True, key="classes_measured"
        )
        if chosen == _AUDIT:
            results, counted = classes.per_class, "Audit labels"
    rows = sorted(results, key=lambda one: (one.recall is not None, one.recall or 0))
    st.dataframe(
        {
            "Class": [one.class_name for one in rows],
            counted: [one.labels for one in rows],
            "Found": [_points(one.recall) for one in rows],
            "95% of found": [_between(one.recall_interval) for one in rows],
            "Right when said": [_points(one.precision) for one in rows],
            "95% of right": [_between(one.precision_interval) for one in rows],
            "F1": [_points(one.f1) for one in rows],
        },
        hide_index=True,
        placeholder="–",
        column_config={
            "Found": st.column_config.NumberColumn(
                format=_PERCENT, help="Recall: of the images of this class, the share predicted so."
            ),
            "95% of found": st.column_config.TextColumn(
                "95%", help="Exact 95% limits of the share found."
            ),
            "95% of right": st.column_config.TextColumn(
                "95%", help="Exact 95% limits of the share that is right when said."
            ),
            "F1": st.column_config.NumberColumn(format=_PERCENT),
            "Right when said": st.column_config.NumberColumn(
                format=_PERCENT, help="Precision: of the images predicted so, the share that are."
            ),
        },
        alt="Labels, recall and precision of each class",
    )
    if classes is not None:
        st.caption(
            "Each interval is exact for its class alone, and at one look. The accuracy above is "
            "the one that holds although you look after every batch."
        )


def _between(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    return f"{100 * interval[0]:.0f} – {100 * interval[1]:.0f}"


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share


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
                disabled=not session.may("export"),
                help=session.barred("export") or None,
            )
    _folders(project)


def _folders(project: Project) -> None:
    """The formats that are a folder, or name files on the server: written there, by a job."""
    from coldstart.workflow.export import EXPORT_FORMATS
    from coldstart.workflow.projects import check_export_place

    kinds = [name for name in EXPORT_FORMATS if name not in MANIFEST_FORMATS]
    with st.expander("As folders of images, or for COCO tools", type="compact"):
        format = st.selectbox(
            "Format", kinds, format_func=EXPORT_FORMATS.__getitem__, key="export_format", width=360
        )
        name = f"{slug(project.name)}-{format}" + (".json" if format == "coco" else "")
        place = st.text_input(
            "New folder or file in the project's exports", name, key=f"export_to_{format}"
        )
        links = format != "coco" and st.checkbox("Links instead of copies", key="export_links")
        if st.button(
            "Export",
            icon=":material/folder_zip:",
            disabled=not session.may("export"),
            help=session.barred("export") or None,
        ):
            to = check_export_place(project, place)
            to.parent.mkdir(parents=True, exist_ok=True)  # the command makes no folder around it
            arguments = ["--format", format, "--to", str(to)] + ["--links"] * links
            job_card.start(project, "export", arguments)
        if not job_card.job_card(project, "export"):
            done = project.store.jobs.latest("export")
            if done is not None and done.state == "done" and done.result:
                st.success(f"{count(int(done.result['images']), 'image')}: `{done.result['file']}`")


def code(project: Project) -> None:
    """The lines that hand the labels to a training loop of one's own."""
    from coldstart.training.code_example import code_example

    question("How do I train a network of my own on them?")
    file = f"{slug(project.name)}-manifest.csv"
    st.code(code_example(file, list(project.roots)), language="python")
