"""Above the labeller: search and filter, the classes, and the pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from coldstart.labels.states import LABEL_KINDS
from coldstart.project import Project
from coldstart.ui import classes_dialog, session
from coldstart.ui.guard import guard, plain
from coldstart.ui.words import count
from coldstart.workflow.find import Search, find
from coldstart.workflow.label import LabelPage, images_by_id
from coldstart.workflow.pace import Pace, paces
from coldstart.workflow.queue import queue_images
from coldstart.workflow.to_target import ToTarget, to_target

Option = TypeVar("Option")

_SEARCH, _NUMBER = "label_search", "label_search_number"
_OPEN, _DONE = "search_open", "search_done"
_QUEUE_AT_ONCE = 5_000
_STATES = {"": "Any", "unlabelled": "Unlabelled"} | {
    kind.name: kind.title for kind in LABEL_KINDS.values()
}


def current(project: Project) -> Search:
    """What is looked for in this project now."""
    kept: tuple[str, Search] | None = st.session_state.get(_SEARCH)
    return kept[1] if kept and kept[0] == str(project.directory) else Search()


def look_for_like(project: Project, image_id: int, on_change: Callable[[], None]) -> None:
    """Show the images that are like this one."""
    _set(project, Search(like=image_id))
    on_change()


def clear(project: Project) -> None:
    """Look for nothing any more."""
    _set(project, Search())
    st.session_state[_DONE] = True


def number() -> int:
    """Which search of this session it is."""
    return int(st.session_state.get(_NUMBER, 0))


def _set(project: Project, search: Search) -> None:
    st.session_state[_NUMBER] = number() + 1
    st.session_state[_SEARCH] = (str(project.directory), search)


def search_popover(project: Project, on_change: Callable[[], None]) -> None:
    """Draw the search; what is found is shown in the labeller and can become the queue."""
    _popover(project, on_change)
    search = current(project)
    if not search.is_empty:
        _found_bar(project, search, on_change)


@st.fragment
def _popover(project: Project, on_change: Callable[[], None]) -> None:
    search = current(project)
    label = "Search" if search.is_empty else "Search (on)"
    if st.session_state.pop(_DONE, False):
        st.session_state[_OPEN] = False  # it would lie over what it has found
    with st.popover(label, icon=":material/search:", key=_OPEN, on_change="rerun"), guard():
        new = _fields(project, search)
        with st.container(horizontal=True):
            shows = st.button("Show", disabled=new.is_empty, key="search_show")
            clears = st.button("Clear", disabled=search.is_empty, key="search_clear")
        if shows or clears:
            _set(project, new if shows else Search())
            st.session_state[_DONE] = True
            on_change()
            st.rerun()


def _fields(project: Project, search: Search) -> Search:
    from coldstart.workflow.text import why_no_text

    words = st.text_input(
        "Words",
        search.words,
        placeholder="a crushed tin can",
        disabled=bool(why_no_text(project)),
        help=why_no_text(project) or "Finds the images that the words describe best.",
    )
    path = st.text_input("Path contains", search.path)
    classes = {row.class_id: row.name for row in project.store.classes.all()}
    left, right = st.columns(2)
    states = list(_STATES)
    state = left.selectbox(
        "State", states, index=states.index(search.state), format_func=_STATES.__getitem__
    )
    of_class = _class_field(right, "Class", classes, search.class_id)
    suggested = _class_field(left, "Suggested class", classes, search.suggested)
    names = ["", *project.store.labels.annotators()]
    annotator = right.selectbox(
        "Annotator",
        names,
        index=_place(names, search.annotator),
        format_func=lambda name: name or "Anybody",
    )
    unsure = st.toggle("Least sure first", search.doubt is not None)
    doubt = None
    if unsure:
        doubt = st.slider("The suggestion is at most this sure", 0.1, 1.0, search.doubt or 0.6)
    like = search.like
    if like is not None:
        name = project.store.images.get([like])[like].name
        like = like if st.toggle(f"Like {name}", True) else None
    return Search(
        state=state,
        class_id=of_class,
        annotator=annotator,
        path=path.strip(),
        suggested=suggested,
        doubt=doubt,
        like=like,
        words=words.strip(),
    )


def _class_field(
    place: DeltaGenerator, label: str, classes: dict[int, str], chosen: int | None
) -> int | None:
    options = [None, *classes]
    return place.selectbox(
        label,
        options,
        index=_place(options, chosen),
        format_func=lambda one: "Any" if one is None else classes[one],
    )


def _place(options: Sequence[Option], chosen: Option) -> int:
    """Where the choice stands, so that a cleared search clears its field; 0 if it is gone."""
    return options.index(chosen) if chosen in options else 0


def _found_bar(project: Project, search: Search, on_change: Callable[[], None]) -> None:
    if st.button("Queue what is found", icon=":material/playlist_add:", key="search_queue"):
        with guard():
            ids, _ = find(project, replace(search, state="unlabelled"), limit=_QUEUE_AT_ONCE)
            done = queue_images(project, ids, in_words(project, search), by=session.annotator())
            clear(project)
            on_change()
            st.session_state.pop("label_queue", None)
            st.toast(plain(done.words))
            st.rerun()


def in_words(project: Project, search: Search) -> str:
    """What is looked for, as the reason that stands with each image."""
    names = {row.class_id: row.name for row in project.store.classes.all()}
    parts = []
    if search.words:
        parts.append(f"found by the words “{search.words}”")
    if search.like is not None:
        rows = project.store.images.get([search.like])
        parts.append(f"like {rows[search.like].name}" if rows else "like an image")
    if search.suggested is not None:
        parts.append(f"suggested as {names.get(search.suggested, 'a class')}")
    if search.doubt is not None:
        parts.append(f"at most {search.doubt:.0%} sure")
    if search.path:
        parts.append(f"path contains “{search.path}”")
    if search.class_id is not None:
        parts.append(f"labelled {names.get(search.class_id, 'a class')}")
    if search.annotator:
        parts.append(f"answered by {search.annotator}")
    return f"Searched: {', '.join(parts) or _STATES.get(search.state, search.state).lower()}."


def found_page(project: Project, page: int, size: int) -> LabelPage | None:
    """One page of what is found; None where the search was refused, which has been said."""
    search = current(project)
    seen_by = None if session.may("review") else session.annotator()
    with guard():
        start = max(page, 0) * size
        with st.spinner("Searching…"):
            ids, total = find(project, search, limit=2 * size, offset=start)
        pages = max(1, -(-total // size))
        if start and not ids:
            return found_page(project, pages - 1, size)
        if total:
            st.caption(f"{count(total, 'image')} found, {search.order_words}.")
        return LabelPage(
            images=images_by_id(project, ids[:size], seen_by=seen_by),
            page=max(page, 0),
            pages=pages,
            total=total,
            next_images=images_by_id(project, ids[size:], seen_by=seen_by),
        )
    return None


def classes_button(project: Project) -> None:
    """The button that opens the classes."""
    if st.button("Classes", icon=":material/palette:", key="open_classes"):
        classes_dialog.classes_dialog(project)


@st.fragment
def pace_popover(project: Project, waiting: int) -> None:
    """Seconds a label, labels a minute, and the hours that are left, per annotator and together."""
    # Counted only while it is open.
    popover = st.popover("Pace", icon=":material/timer:", key="pace", on_change="rerun")
    if not popover.open:
        return
    with popover, guard():
        everybody, *each = paces(project)
        if everybody.per_minute is None:
            st.markdown("Your pace is told after five labels.")
            return
        ahead = to_target(project)
        st.dataframe(
            [_pace_row(pace, waiting, ahead) for pace in [*each, everybody]],
            hide_index=True,
        )
        st.markdown(plain(ahead.words))
        st.caption(
            "Seconds: the median of the newest answers. Pauses of more than two minutes do not "
            "count. Hours: for one person at that pace; in brackets, where the band of the "
            "learning curve reaches the target."
        )


def _pace_row(pace: Pace, waiting: int, ahead: ToTarget) -> dict[str, str]:
    target = "Target" if ahead.target is None else f"Target {ahead.target:.0%}"
    return {
        "Annotator": pace.annotator or "Everybody",
        "Answers": f"{pace.answers:,}",
        "Seconds each": "–" if pace.seconds is None else f"{pace.seconds:.1f}",
        "A minute": "–" if pace.per_minute is None else f"{pace.per_minute:.0f}",
        f"Queue ({count(waiting, 'image')})": _time(pace.hours_to(waiting)),
        target: _time_to(pace, ahead),
    }


def _time_to(pace: Pace, ahead: ToTarget) -> str:
    if ahead.answers is None or not pace.per_minute:
        return "not known yet"
    low = "?" if ahead.low is None else _time(pace.hours_to(ahead.low))
    high = "?" if ahead.high is None else _time(pace.hours_to(ahead.high))
    if low == high:
        return _time(pace.hours_to(ahead.answers))
    return f"{_time(pace.hours_to(ahead.answers))} ({low} to {high})"


def _time(hours: float | None) -> str:
    if hours is None:
        return "–"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} h"
