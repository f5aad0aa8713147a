"""The picks before they are queued: on the map, and as thumbnails with their reasons."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from coldstart import jobs
from coldstart.progress import Progress
from coldstart.project import Project
from coldstart.ui import job_card, map_view, session
from coldstart.ui.head import question
from coldstart.ui.thumbnails import thumbnail_base
from coldstart.ui.words import count
from coldstart.workflow.desk import Choice, Desk
from coldstart.workflow.label import shown_name
from coldstart.workflow.preview import Preview

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coldstart.selection import Selection

_SHOWN = 24
_PANEL_PIXELS = 460


def picks_view(
    project: Project, desk: Desk, choice: Choice, preview: Preview, budget: int, running: bool
) -> None:
    """Which images the budget would bring; beyond 20,000 images, where finding out takes long,
    the job that does."""
    question("Which images would these be?")
    waiting = st.empty()

    def progress(done: int, total: int | None, message: str = "") -> None:
        waiting.progress(min(1.0, done / total) if total else 0.0, text=message or "Choosing")

    picks = _picks(project, desk, choice, preview, budget, running, progress)
    waiting.empty()
    if picks is None:
        return
    if len(picks) == 0:
        st.caption("All of them would be drawn at random, to measure the accuracy.")
        return
    for note in picks.notes:
        st.caption(note)
    with st.container(key="picks"):
        left, right = st.columns([4, 5], gap="medium")
    with left:
        _map(project, desk, picks)
    with right:
        _thumbnails(project, desk, picks)


def arguments_of(choice: Choice, budget: int) -> list[str]:
    """The choice as `coldstart select` takes it."""
    said = ["--strategy", str(choice.strategy), "--budget", str(budget), "--seed", str(choice.seed)]
    for key, value in choice.settings.items():
        said += ["--set", f"{key}={value}"]
    for name, number in choice.wishes.items():
        said += ["--more", f"{name}={number}"]
    if choice.away:
        said += ["--away-from-labelled", str(choice.away)]
    if choice.weights is not None:
        said += ["--weights", str(choice.weights)]
    return said


def _picks(
    project: Project,
    desk: Desk,
    choice: Choice,
    preview: Preview,
    budget: int,
    running: bool,
    progress: Progress,
) -> Selection | None:
    """The picks of the budget; None while they are not known."""
    from dataclasses import replace

    from coldstart.workflow.desk import at_once, make, picks_in
    from coldstart.workflow.looks import kept_look, look

    wanted = picks_in(desk, desk.arrays(make(project, choice), choice), budget)
    if preview.picks is not None and len(preview.picks) >= wanted > 0:
        found = preview.picks
        saturated = found.saturated_at
        return replace(
            found,
            indices=found.indices[:wanted],
            gains=found.gains[:wanted],
            reasons=found.reasons[:wanted],
            # What a longer run met later is not true of these.
            notes=found.notes if saturated is None or saturated < wanted else [],
        )
    known = kept_look(desk, choice, wanted)
    if known is not None:
        return known
    if at_once(desk, choice, wanted):
        return look(desk, choice, wanted, progress=progress)
    st.caption(
        f"Choosing among {count(desk.every.n, 'image')} takes a while, so it is a job; what it "
        "finds is kept, and queueing these then takes no time."
    )
    if st.button(
        "Choose now, and show me",
        icon=":material/visibility:",
        disabled=running or not session.may("queue"),
    ):
        jobs.submit(
            project,
            "select",
            [*arguments_of(choice, budget), "--dry-run"],
            by=session.annotator(),
        )
        st.rerun()
    return None


def _map(project: Project, desk: Desk, picks: Selection) -> None:
    import numpy as np

    from coldstart.figures.picks import picks_figure

    if job_card.running_job(project, "map"):
        st.caption("The map is being computed; the picks are shown on it when it is ready.")
        return
    view = map_view.cached_view(project)
    order = np.argsort(view.image_ids)

    def on_map(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k,) the row of the map of each row of the pool; -1 for what is not on it."""
        ids = desk.pool.image_ids[rows]
        at = np.searchsorted(view.image_ids, ids, sorter=order)
        place = order[np.minimum(at, len(order) - 1)]
        return np.where(view.image_ids[place] == ids, place, -1)

    places = on_map(picks.indices)
    known = on_map(np.union1d(desk.pool.labelled, desk.pool.waiting).astype(np.int64))
    shown = np.flatnonzero(places >= 0)
    figure = picks_figure(
        view.layout,
        places[shown],
        [f"{rank + 1}: {picks.reasons[rank]}" for rank in shown.tolist()],
        known[known >= 0],
    )
    st.plotly_chart(
        figure,
        key="picks_map",
        config={"displaylogo": False, "displayModeBar": False, "scrollZoom": True},
        alt=f"The pool as a map, with {len(shown)} picks on it",
    )
    method = "UMAP" if view.method == "umap" else "its two main directions (PCA)"
    st.caption(f"The pool laid out by {method}; the number is the place in the order.")


def _thumbnails(project: Project, desk: Desk, picks: Selection) -> None:
    shown = picks.indices[:_SHOWN].tolist()
    everything = len(picks) > _SHOWN and st.toggle(
        f"Show all {len(picks):,}", key="all_picks", value=False
    )
    if everything:
        shown = picks.indices.tolist()
    image_ids = [int(desk.pool.image_ids[row]) for row in shown]
    rows = project.store.images.get(image_ids)
    base = thumbnail_base(project)
    figures = []
    for rank, (image_id, reason) in enumerate(zip(image_ids, picks.reasons, strict=False), 1):
        row = rows.get(image_id)
        if row is None:
            continue
        name, why = escape(shown_name(row.name), quote=True), escape(reason, quote=True)
        figures.append(
            f'<figure class="cs-thumb cs-pick" title="{name}: {why}">'
            f'<img src="{base}/{row.content_hash}.jpg" alt="{rank}: {name}" loading="lazy">'
            f"<figcaption><b>{rank}</b> {why}</figcaption></figure>"
        )
    with st.container(height=_PANEL_PIXELS, border=False):
        st.html(f'<div class="cs-grid cs-picks">{"".join(figures)}</div>')
    if not everything and len(picks) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(picks):,}, best first.")
