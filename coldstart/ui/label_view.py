"""The labeller on its page: which images are shown, and a queue that stands still meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from coldstart.labels.keys import KEYBOARD_SHORTCUTS
from coldstart.labels.states import LABEL_KINDS
from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key, make_token, project_key
from coldstart.ui import session
from coldstart.ui.classes import labeller_classes
from coldstart.ui.head import empty
from coldstart.ui.labeller import LabellerBatch, grid_labeller
from coldstart.workflow.label import PAGE_SIZE, LabelPage, images_by_id, label_page
from coldstart.workflow.team import hand_out

_QUEUE = "label_queue"
_PAGE = "label_page"
_VIEW = "label_view"


@dataclass(frozen=True)
class Queue:
    """The images to label in this visit, answered ones included, in the order of the picks."""

    image_ids: list[int]
    waiting: int  # how many of them have no answer yet

    @property
    def images(self) -> int:
        return len(self.image_ids)


def queue(project: Project) -> Queue:
    """The queue as it was when the page was opened, with what has been queued since.

    Answered images stay where they are until the person leaves the page or queues again: a grid
    whose cells move while one labels cannot be labelled by hand.
    """
    waiting = project.store.batches.waiting(session.annotator())
    kept: tuple[str, list[int]] | None = st.session_state.get(_QUEUE)
    here = str(project.directory)
    if session.just_arrived() or kept is None or kept[0] != here:
        image_ids = waiting
        st.session_state[_PAGE] = 0
    else:
        known = set(kept[1])
        image_ids = [*kept[1], *(one for one in waiting if one not in known)]
    st.session_state[_QUEUE] = (here, image_ids)
    return Queue(image_ids, len(waiting))


def new_queue() -> None:
    """Forget the answered images: the queue starts again with those that wait."""
    st.session_state.pop(_QUEUE, None)
    st.session_state[_PAGE] = 0


def view_picker(project: Project, shown: Queue) -> str:
    """Draw the choice of a list of images; the one chosen (a name of `store.images.FILTERS`)."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        chosen = _view_control()
        if chosen == "queue" and shown.images:
            _how_picked(project)
    return chosen


def _how_picked(project: Project) -> None:
    """What the strategy noted about the newest batch."""
    batches = project.store.batches.all()
    notes = " ".join(batches[-1].notes) if batches else ""
    if notes:
        st.caption(notes, width="content")


def _view_control() -> str:
    # No counts: the page does not run while somebody labels, and old ones would mislead.
    titles = {"queue": "Queue"} | {kind.name: kind.title for kind in LABEL_KINDS.values()}
    chosen = st.segmented_control(
        "Images shown",
        list(titles),
        format_func=titles.__getitem__,
        default="queue",
        required=True,
        key=_VIEW,
        label_visibility="collapsed",
        on_change=_first_page,
    )
    return str(chosen or "queue")


def labeller(project: Project, view: str, shown: Queue | None = None) -> None:
    """The grid labeller over one list of images, or over the queue."""
    page = _page(project, view, shown)
    if page.total == 0:
        words = LABEL_KINDS[view]
        empty(f"No image stands at **{words.title.lower()}**. {words.words}")
        return
    key = project_key(project.directory)
    grid_labeller(
        key="labeller",
        # With the id, so that a project made anew in the same place takes up nobody's old outbox.
        project_key=f"{key}.{project.id}",
        token=make_token(project.directory, session.annotator()),
        images=page.images,  # type: ignore[arg-type]
        classes=labeller_classes(project),
        batch=_batch(project, page) if view == "queue" else None,
        page=page.page,
        pages=page.pages,
        urls=route_urls(
            image_key(project.directory, session.annotator()),
            str(st.get_option("server.baseUrlPath") or ""),
        ),
        keys=KEYBOARD_SHORTCUTS,
        next_thumbnails=page.next_thumbnails,
        on_page=_turn,
    )


def _page(project: Project, view: str, shown: Queue | None) -> LabelPage:
    wanted = int(st.session_state.get(_PAGE, 0))
    if shown is None:
        return label_page(project, view, wanted)
    pages = max(1, -(-shown.images // PAGE_SIZE))
    number = min(max(wanted, 0), pages - 1)
    start, end = number * PAGE_SIZE, (number + 1) * PAGE_SIZE
    mine = hand_out(project, session.annotator(), shown.image_ids, start, PAGE_SIZE)
    if mine != shown.image_ids:
        st.session_state[_QUEUE] = (str(project.directory), mine)
        shown = Queue(mine, shown.waiting)
        pages = max(1, -(-shown.images // PAGE_SIZE))
    coming = project.store.images.get(shown.image_ids[end : end + PAGE_SIZE])
    return LabelPage(
        images=images_by_id(project, shown.image_ids[start:end], seen_by=session.annotator()),
        page=number,
        pages=pages,
        total=shown.images,
        next_thumbnails=[row.content_hash for row in coming.values() if row.content_hash],
    )


def _batch(project: Project, page: LabelPage) -> LabellerBatch | None:
    """The query batch of the first image on the page."""
    batch_id = page.images[0]["batch_id"] if page.images else None
    if batch_id is None:
        return None
    picks = [pick.image_id for pick in project.store.batches.picks(batch_id)]
    answered = len(project.store.labels.current(picks))
    return LabellerBatch(id=batch_id, size=len(picks), labelled=answered)


def _turn(page: int) -> None:
    st.session_state[_PAGE] = page


def _first_page() -> None:
    st.session_state[_PAGE] = 0
