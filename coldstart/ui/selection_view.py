"""Choosing a budget: what each would cover, beside random, before anybody commits to one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart import jobs
from coldstart.errors import ColdstartError
from coldstart.progress import Progress
from coldstart.project import Project
from coldstart.ui import job_card, label_view, session
from coldstart.ui.guard import guard
from coldstart.ui.head import empty, question, step_link
from coldstart.ui.label_view import Queue
from coldstart.ui.places import page_file
from coldstart.ui.strategy_picker import Chosen, strategy_picker
from coldstart.ui.words import count, percent
from coldstart.workflow.select import Preview

_OPEN = "selection_open"
_DEFAULT_BUDGET = 50
_LARGEST = (200, 1_000, 5_000)
# Beyond this many images a selection takes long enough to be a job of its own.
_AT_ONCE = 20_000
# Kept free while the curve is computed, so that the slider below stays where it is.
_CURVE_PIXELS = 380
_PREVIEWS = "selection_previews"
_KEPT_PREVIEWS = 12


def embedded(project: Project, action: DeltaGenerator) -> bool:
    """Whether there are embeddings to select by; if not, show the way to them."""
    from coldstart.workflow.pool import active_set

    if active_set(project) is not None:
        return True
    if job_card.job_card(project, "embed"):
        empty("The embeddings are being computed; this page opens by itself when they are ready.")
    elif project.store.images.count("usable") == 0:
        step_link(action, "data", "Go to Data")
        empty("No image is known yet: scan the folder on the **Data** page first.")
    else:
        step_link(action, "embeddings", "Go to Embeddings")
        empty(
            "To say which images are worth labelling, they must be compared: **embed** them first."
        )
    return False


def is_open(queue_is_empty: bool) -> bool:
    """Whether the panel stands in for the labeller: nothing is queued, or more is asked for."""
    if session.just_arrived():
        st.session_state[_OPEN] = False
    return queue_is_empty or bool(st.session_state.get(_OPEN))


def more_button(queue: Queue) -> None:
    """Open the panel although something is queued."""
    if st.button("Queue more", icon=":material/playlist_add:"):
        st.session_state[_OPEN] = True
        if queue.waiting == 0:
            label_view.new_queue()
        st.rerun()


def panel(project: Project, action: DeltaGenerator, queue: Queue) -> None:
    """Strategy and settings beside the coverage each budget would reach; the button queues."""
    running = job_card.job_card(project, "select")
    left, right = st.columns([3, 7], gap="large")
    with left:
        chosen = strategy_picker(project)
        _audit_switch(project)
        largest = st.selectbox("Show budgets up to", _LARGEST, format_func="{:,}".format)
        _own_labels(project)
        if project.store.labels.counts().get("class", 0):
            st.page_link(page_file("train"), label="Train on what is labelled")
        if queue.waiting:
            _queue_buttons(project, queue)
    with right:
        question("How much of the pool would each budget cover?")
        curve = st.container(height=_CURVE_PIXELS, border=False)
        budget = _budget_slider(project, int(largest))
        if budget and action.button(
            f"Queue these {budget:,}",
            type="primary",
            icon=":material/playlist_add_check:",
            disabled=running,
        ):
            _queue(project, chosen, budget)
        # Last, for it takes longest: nobody has to wait for it to queue.
        with guard():
            _coverage(project, chosen, int(largest), budget, curve)


def _audit_switch(project: Project) -> None:
    """Whether random images are mixed in to measure the accuracy with."""
    from coldstart.stopping import AUDIT_LABELS, AUDIT_SHARE
    from coldstart.workflow.audit import WITHOUT_AUDIT, share_for_audit

    share = share_for_audit(project)
    on = st.toggle(
        "Measure the accuracy as you label",
        value=share > 0,
        help=f"{percent(share or AUDIT_SHARE)} of what is queued, until there are {AUDIT_LABELS}, "
        "is drawn at random from the whole pool and hidden among the picks. The model that is "
        "measured never learns from these images.",
        key="audit_switch",
    )
    if on != (share > 0):
        project.set(audit_share=None if on else 0.0)
        st.rerun()
    if not on:
        st.warning(WITHOUT_AUDIT, icon=":material/visibility_off:")


def _budget_slider(project: Project, largest: int) -> int:
    """How many images to label next; 0 when there is none left."""
    images = project.store.images
    left = images.count("unlabelled") - images.count("queue")
    if left < 2:
        return max(0, left)
    most = min(largest, left)
    step = 5 if most >= 50 else 1
    last = most // step * step
    if st.session_state.get("budget", 0) > last:
        st.session_state["budget"] = last
    return int(
        st.slider(
            "Budget: how many images to label next",
            min_value=step,
            max_value=last,
            value=min(_DEFAULT_BUDGET, most),
            step=step,
            key="budget",
        )
    )


def _coverage(
    project: Project, chosen: Chosen, largest: int, budget: int, place: DeltaGenerator
) -> None:
    with place:
        waiting = st.empty()

        def progress(done: int, total: int | None, message: str = "") -> None:
            # Every call is also a chance for Streamlit to end this run and start a newer one.
            waiting.progress(min(1.0, done / total) if total else 0.0, text=message or "Measuring")

        progress(0, None, "Measuring what each budget would cover")
        preview = _cached_preview(project, chosen, largest, progress)
        waiting.empty()
        _curve(preview, budget)
    st.markdown(_sentence(preview, budget))
    if preview.without_vector:
        st.caption(
            f"{count(preview.without_vector, 'image')} cannot be picked for want of a vector: "
            "compute the embeddings again to take in what is new or has changed."
        )
    st.caption(f"{preview.note} {preview.delta_words}")


def _curve(preview: Preview, budget: int) -> None:
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


def _cached_preview(project: Project, chosen: Chosen, largest: int, progress: Progress) -> Preview:
    """`workflow.select.preview`, once a session for the same pool, labels, queue and settings."""
    from coldstart.workflow.pool import active_set
    from coldstart.workflow.select import preview

    embedding_set = active_set(project)
    state = repr(
        (
            project.directory,
            embedding_set and (embedding_set.name, embedding_set.meta.get("created_at")),
            project.store.labels.last_event_id(),
            project.store.images.count("queue"),
            project.store.images.count("usable"),
            project.settings.get("audit_share"),
            chosen,
            largest,
        )
    )
    kept: dict[str, Preview] = st.session_state.setdefault(_PREVIEWS, {})
    if state not in kept:
        while len(kept) >= _KEPT_PREVIEWS:
            kept.pop(next(iter(kept)))
        kept[state] = preview(
            project,
            chosen.name,
            settings=chosen.settings,
            largest_budget=largest,
            seed=chosen.seed,
            progress=progress,
        )
    return kept[state]


def _queue(project: Project, chosen: Chosen, budget: int) -> None:
    st.session_state[_OPEN] = False
    if project.store.images.count("usable") > _AT_ONCE:
        arguments = ["--strategy", chosen.name, "--budget", str(budget), "--seed", str(chosen.seed)]
        for key, value in chosen.settings.items():
            arguments += ["--set", f"{key}={value}"]
        jobs.submit(project, "select", arguments, by=session.annotator())
    else:
        from coldstart.workflow.select import select

        with st.spinner(f"Choosing {count(budget, 'image')}"):
            select(
                project,
                chosen.name,
                budget,
                seed=chosen.seed,
                settings=chosen.settings,
                by=session.annotator(),
            )
    label_view.new_queue()
    st.rerun()


def _queue_buttons(project: Project, queue: Queue) -> None:
    st.markdown(f"**{count(queue.waiting, 'image')} still in the queue**")
    with st.container(horizontal=True):
        if st.button("Back to the queue", icon=":material/arrow_back:"):
            st.session_state[_OPEN] = False
            st.rerun()
        if st.button(
            "Empty the queue",
            icon=":material/playlist_remove:",
            help="Takes the unanswered images out of the queue. Labels are not touched.",
        ):
            project.store.batches.withdraw_waiting()
            label_view.new_queue()
            st.rerun()


def _own_labels(project: Project) -> None:
    """Labels a person has already, from a CSV file."""
    with st.expander("I have labels already", type="compact"):
        file = st.file_uploader(
            "A CSV file with the columns path,class_name", type="csv", key="own_labels"
        )
        if file is not None and st.button("Take these labels", key="take_labels"):
            with guard():
                _import(project, file.name, file.getvalue())


def _import(project: Project, name: str, content: bytes) -> None:
    from coldstart.workflow.label import import_labels

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.csv"
        file.write_bytes(content)
        try:
            report = import_labels(project, file, session.annotator())
        except ColdstartError as error:
            problem = error.problem.replace("labels.csv", name)
            raise ColdstartError(problem, error.remedy) from error
    st.success(
        f"{count(report.labelled, 'label')} taken, {len(report.unknown_paths):,} paths unknown, "
        f"{len(report.ambiguous_paths):,} ambiguous."
    )
