"""The order of the queue's pages: chosen once, and never changed under the hand that labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from coldstart.project import Project
from coldstart.workflow.arrange import ORDERS, arrange

_ORDER, _LAST = "queue_order", "queue_order_last"
_ARRANGED = "queue_arranged"
_HELP = (
    "**Rank**: the strategy's order. **Likeness**: look-alikes together, selected as you come to "
    "them, so that one key labels a group. **Suggested class**: what the labels so far suggest, "
    "the unsure first; `y` takes one, Shift+Y a row, Ctrl+Enter the page."
)


def order_picker(project: Project, on_change: Callable[[], None]) -> str:
    """Draw the choice of an order; the one chosen."""
    # While another list is shown the choice is not drawn, and Streamlit forgets it.
    st.session_state.setdefault(_ORDER, st.session_state.get(_LAST, "rank"))
    chosen = st.selectbox(
        "Order",
        list(ORDERS),
        format_func=lambda name: f"By {ORDERS[name].lower()}",
        key=_ORDER,
        label_visibility="collapsed",
        help=_HELP,
        width=170,
        on_change=on_change,
    )
    st.session_state[_LAST] = chosen
    return str(chosen)


def grouped() -> str:
    """How the groups of the pages came about; "" where there are none."""
    order = str(st.session_state.get(_ORDER, "rank"))
    return "" if order == "rank" else order


def forget() -> None:
    """Arrange all pages anew at the next run."""
    st.session_state.pop(_ARRANGED, None)


def keep(image_ids: Sequence[int], groups: Sequence[int]) -> None:
    """Go on with this order: some images turned out to be in other hands."""
    kept: tuple[list[int], list[int], int] | None = st.session_state.get(_ARRANGED)
    if kept is not None and groups:
        fixed = min(kept[2], len(image_ids))
        st.session_state[_ARRANGED] = (list(image_ids), list(groups), fixed)


def arranged(
    project: Project, image_ids: Sequence[int], page: int, size: int
) -> tuple[list[int], list[int]]:
    """The queue in its order, and the group of each image; no groups in the order of the rank.

    Pages that were shown, and the next one, which the browser has already, stay as they are; what
    follows is arranged again with what has been learned meanwhile.
    """
    order = str(st.session_state.get(_ORDER, "rank"))
    if order == "rank":
        return list(image_ids), []
    kept: tuple[list[int], list[int], int] = st.session_state.get(_ARRANGED) or ([], [], 0)
    known, groups, fixed = kept
    here = set(image_ids)
    if any(one not in here for one in known[:fixed]):
        known, groups, fixed = [], [], 0
    end = min((page + 2) * size, len(image_ids))
    if order == "likeness" and known and set(known) == here and groups[end - 1] != groups[-1]:
        fixed = max(fixed, end)  # labels change nothing about what is alike
        st.session_state[_ARRANGED] = (known, groups, fixed)
    if fixed < end:
        done = set(known[:fixed])
        left = [one for one in image_ids if one not in done]
        with st.spinner("Putting look-alikes side by side…"):
            ordered, numbers = arrange(project, left, order, page_size=size)
        start = groups[fixed - 1] + 1 if fixed else 0
        # An order that cannot be had yet leaves the rest in one piece.
        fresh = [start + number for number in numbers] if numbers else [start] * len(ordered)
        known, groups = known[:fixed] + ordered, groups[:fixed] + fresh
        fixed = end
        st.session_state[_ARRANGED] = (known, groups, fixed)
    return known, groups
