"""The labeller on its page: which images are shown, and a queue that stands still meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from coldstart.labels.keys import KEYBOARD_SHORTCUTS
from coldstart.labels.states import LABEL_KINDS
from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key, make_token, project_key
from coldstart.ui import queue_order, search_view, session
from coldstart.ui.classes import labeller_classes
from coldstart.ui.head import empty
from coldstart.ui.labeller import LabellerBatch, grid_labeller
from coldstart.workflow.label import PAGE_SIZE, LabelPage, images_by_id, label_page
from coldstart.workflow.team import hand_out

_QUEUE = "label_queue"
_PAGE = "label_page"
_VIEW = "label_view"
_PER_PAGE = "label_per_page"
_REORDERED = "label_reordered"
PER_PAGE_CHOICES = (24, 48, 60, 96, 120)
FOUND = "found"


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

    Answered images stay where they are until the person leaves the page, queues again or chooses
    another order: a grid whose cells move while one labels cannot be labelled by hand.
    """
    waiting = project.store.batches.waiting(session.annotator())
    kept: tuple[str, list[int]] | None = st.session_state.get(_QUEUE)
    here = str(project.directory)
    moves = st.session_state.pop(_REORDERED, False) and bool(waiting)
    if session.just_arrived() or moves or kept is None or kept[0] != here:
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
    queue_order.forget()


def view_picker(project: Project, shown: Queue) -> str:
    """Draw the choice of a list of images; the one chosen: "queue", a state, or `FOUND`."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = _view_control(project)
        if chosen == "queue" and shown.images:
            queue_order.order_picker(project, on_change=_reordered)
        search_view.search_popover(project, on_change=_first_page)
        search_view.classes_button(project)
        search_view.pace_popover(project, shown.waiting)
    if chosen == "queue" and shown.images:
        _how_picked(project)
    return chosen


def _how_picked(project: Project) -> None:
    """What the strategy noted about the newest batch."""
    batches = project.store.batches.all()
    notes = " ".join(batches[-1].notes) if batches else ""
    if notes:
        st.caption(notes)


def _view_control(project: Project) -> str:
    # No counts: the page does not run while somebody labels, and old ones would mislead.
    titles = {"queue": "Queue"} | {kind.name: kind.title for kind in LABEL_KINDS.values()}
    if session.may("review"):
        titles["disagreement"] = "Disagreements"
    key, first = _control_key(project), "queue"
    if key != _VIEW:
        titles[FOUND], first = "Found", FOUND
    st.session_state.setdefault(key, first)
    chosen = st.segmented_control(
        "Images shown",
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        key=key,
        label_visibility="collapsed",
        on_change=_chosen,
        args=(project, key),
    )
    return str(chosen or first)


def labeller(project: Project, view: str, shown: Queue | None = None) -> None:
    """The grid labeller over one list of images, over what was found, or over the queue."""
    if view == FOUND:
        page = search_view.found_page(project, int(st.session_state.get(_PAGE, 0)), _per_page())
    else:
        page = _page(project, view, shown)
    if page is None:
        return
    if page.total == 0:
        if view == FOUND:
            empty("No image fits. Change or clear the search.")
            return
        if view == "queue":
            empty(
                "Other people have all that is left of the queue before them. Come back in some "
                "minutes: what they leave is yours."
            )
            return
        if view == "disagreement":
            empty("There is no image on which people disagree. What you say about one decides.")
            return
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
        next_images=page.next_images,  # type: ignore[arg-type]
        grouped=queue_order.grouped() if view == "queue" else "",
        per_page=_per_page(),
        per_page_choices=PER_PAGE_CHOICES,
        on_page=_turn,
        on_per_page=_set_per_page,
        on_like=lambda image_id: search_view.look_for_like(project, image_id, _first_page),
    )


def _page(project: Project, view: str, shown: Queue | None) -> LabelPage:
    wanted, size = int(st.session_state.get(_PAGE, 0)), _per_page()
    if shown is None:
        return label_page(project, view, wanted, size, seen_by=session.annotator())
    pages = max(1, -(-shown.images // size))
    number = min(max(wanted, 0), pages - 1)
    image_ids, groups = queue_order.arranged(project, shown.image_ids, number, size)
    start, end = number * size, (number + 1) * size
    # The next page is in the browser already, so it is leased with the one that is shown.
    mine = hand_out(project, session.annotator(), image_ids, start, 2 * size)
    session.hold(mine[start : start + 2 * size])
    if mine != image_ids:
        group_of = dict(zip(image_ids, groups, strict=True)) if groups else {}
        image_ids, groups = mine, [group_of[one] for one in mine] if groups else []
        queue_order.keep(image_ids, groups)
        left = set(mine)
        here = [one for one in shown.image_ids if one in left] if groups else mine
        st.session_state[_QUEUE] = (str(project.directory), here)
        shown = Queue(mine, shown.waiting)
        pages = max(1, -(-shown.images // size))

    def cells(first: int, last: int) -> list[dict[str, Any]]:
        some = image_ids[first:last]
        images = images_by_id(project, some, seen_by=session.annotator())
        group = dict(zip(some, groups[first:last], strict=True)) if groups else {}
        return [image | {"group": group.get(image["id"])} for image in images]

    return LabelPage(
        images=cells(start, end),
        page=number,
        pages=pages,
        total=shown.images,
        next_images=cells(end, end + size),
    )


def _batch(project: Project, page: LabelPage) -> LabellerBatch | None:
    """The query batch of the first image on the page."""
    batch_id = page.images[0]["batch_id"] if page.images else None
    if batch_id is None:
        return None
    size = len(project.store.batches.picks(batch_id))
    left = project.store.batches.unanswered(batch_id)
    return LabellerBatch(id=batch_id, size=size, labelled=size - left)


def _per_page() -> int:
    return int(st.session_state.get(_PER_PAGE, PAGE_SIZE))


def _set_per_page(count: int) -> None:
    """Other pages; the first image of the one shown stays on it."""
    count = count if count in PER_PAGE_CHOICES else PAGE_SIZE
    first = int(st.session_state.get(_PAGE, 0)) * _per_page()
    st.session_state[_PER_PAGE] = count
    st.session_state[_PAGE] = first // count
    queue_order.forget()


def _turn(page: int) -> None:
    st.session_state[_PAGE] = page


def _reordered() -> None:
    """All cells move anyway, so those that are answered go."""
    st.session_state[_REORDERED] = True
    _first_page()


def _chosen(project: Project, key: str) -> None:
    """A list was chosen: it is shown from its first page, and no longer what was found."""
    if key != _control_key(project):
        return  # the browser has told once more of a control that is gone
    if key != _VIEW:
        st.session_state[_VIEW] = st.session_state[key]
        search_view.clear(project)
    _first_page()


def _control_key(project: Project) -> str:
    """The key of the control that is drawn: each search has its own, for the browser still knows
    what the one before stood at."""
    if search_view.current(project).is_empty:
        return _VIEW
    return f"{_VIEW}_{search_view.number()}"


def _first_page() -> None:
    st.session_state[_PAGE] = 0
    queue_order.forget()
