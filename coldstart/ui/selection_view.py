"""Choosing a budget: what each would cover and bring, before anybody commits to one."""

from __future__ import annotations

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart import jobs
from coldstart.project import Project
from coldstart.ui import coverage_view, job_card, label_view, session
from coldstart.ui.desk_cache import desk_of, preview_of
from coldstart.ui.guard import guard
from coldstart.ui.head import empty, question, step_link
from coldstart.ui.label_view import Queue
from coldstart.ui.own_labels import own_labels
from coldstart.ui.picks_view import arguments_of, picks_view
from coldstart.ui.places import page_file
from coldstart.ui.strategy_picker import strategy_picker
from coldstart.ui.words import count, percent
from coldstart.workflow.desk import AT_ONCE, Choice, at_once, make, picks_in
from coldstart.workflow.queue import empty_queue
from coldstart.workflow.team import change_settings

_OPEN = "selection_open"
_DEFAULT_BUDGET = 50
_LARGEST = (200, 1_000, 5_000)
# Kept free while the curve is computed, so that the slider below stays where it is.
_CURVE_PIXELS = 380
_DRAW_EVERY_S = 0.1


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
    if st.button(
        "Queue more",
        icon=":material/playlist_add:",
        disabled=not session.may("queue"),
        help=session.barred("queue") or None,
    ):
        st.session_state[_OPEN] = True
        if queue.waiting == 0:
            label_view.new_queue()
        st.rerun()


def panel(project: Project, action: DeltaGenerator, queue: Queue) -> None:
    """Strategy and settings beside the coverage each budget would reach; the button queues."""
    running = job_card.job_card(project, "select")
    if not session.may("queue"):
        st.info(
            "Nothing is queued for you now. A reviewer or an owner of the project queues images; "
            "here you can look at what a choice would bring."
        )
    left, right = st.columns([3, 7], gap="large")
    with left:
        choice = strategy_picker(project)
        _audit_switch(project)
        largest = st.selectbox("Show budgets up to", _LARGEST, format_func="{:,}".format)
        own_labels(project)
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
            disabled=running or not session.may("queue"),
            help=session.barred("queue") or None,
        ):
            _queue(project, choice, budget)
        # Last, for it takes longest: nobody has to wait for it to queue.
        with guard():
            _seen(project, choice, int(largest), budget, curve, running)


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
        disabled=not session.may("settings"),
    )
    if on != (share > 0):
        change_settings(project, by=session.annotator(), audit_share=None if on else 0.0)
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


def _seen(
    project: Project,
    choice: Choice,
    largest: int,
    budget: int,
    place: DeltaGenerator,
    running: bool,
) -> None:
    """The curve, its words, and the picks: what a person sees before committing."""
    with place:
        waiting = st.empty()

        drawn_at = 0.0

        def progress(done: int, total: int | None, message: str = "") -> None:
            # Every drawing is also a chance for Streamlit to end this run and start a newer one.
            nonlocal drawn_at
            if time.monotonic() < drawn_at + _DRAW_EVERY_S:
                return
            drawn_at = time.monotonic()
            waiting.progress(min(1.0, done / total) if total else 0.0, text=message or "Measuring")

        progress(0, None, "Measuring what each budget would cover")
        desk = desk_of(project, choice, progress)
        preview = preview_of(project, desk, choice, budget, largest, progress)
        waiting.empty()
        coverage_view.curve(preview, budget)
    coverage_view.in_words(preview, budget)
    if budget:
        picks_view(project, desk, choice, preview, budget, running)


def _queue(project: Project, choice: Choice, budget: int) -> None:
    st.session_state[_OPEN] = False
    if not _quick(project, choice, budget):
        jobs.submit(project, "select", arguments_of(choice, budget), by=session.annotator())
    else:
        from coldstart.workflow.select import select

        with st.spinner(f"Choosing {count(budget, 'image')}"):
            select(
                project,
                choice.strategy,
                budget,
                seed=choice.seed,
                settings=choice.settings,
                wishes=choice.wishes,
                away_from_labelled=choice.away,
                weights=choice.weights,
                by=session.annotator(),
            )
    label_view.new_queue()
    st.rerun()


def _quick(project: Project, choice: Choice, budget: int) -> bool:
    """Whether choosing is a matter of seconds: a small pool, or picks that have been looked at."""
    if project.store.images.count("usable") <= AT_ONCE:
        return True
    from coldstart.progress import silent
    from coldstart.workflow.looks import kept_look

    desk = desk_of(project, choice, silent)
    wanted = picks_in(desk, desk.arrays(make(project, choice), choice), budget)
    return kept_look(desk, choice, wanted) is not None or at_once(desk, choice, wanted)


def _queue_buttons(project: Project, queue: Queue) -> None:
    st.markdown(f"**{count(queue.waiting, 'image')} still in the queue**")
    with st.container(horizontal=True):
        if st.button("Back to the queue", icon=":material/arrow_back:"):
            st.session_state[_OPEN] = False
            st.rerun()
        if st.button(
            "Empty the queue",
            icon=":material/playlist_remove:",
            disabled=not session.may("queue"),
            help=session.barred("queue")
            or "Takes the unanswered images out of the queue. Labels are not touched.",
        ):
            empty_queue(project, by=session.annotator())
            label_view.new_queue()
            st.rerun()
