"""What a look at the picks needs, kept between two movements of a slider."""

from __future__ import annotations

import threading
from collections import OrderedDict

import streamlit as st

from coldstart.progress import Progress
from coldstart.project import Project
from coldstart.workflow.desk import AT_ONCE, Choice, Desk, make, open_desk
from coldstart.workflow.preview import Preview, preview_at

# Pools in memory, of all sessions together: each is as large as its vectors and its graph.
_KEPT_DESKS = 2
_PREVIEWS = "selection_previews"
_KEPT_PREVIEWS = 12

_desks: OrderedDict[str, Desk] = OrderedDict()
_lock = threading.Lock()


def desk_of(project: Project, choice: Choice, progress: Progress) -> Desk:
    """The project's pool, loaded once for the same set, labels and queue; with the graph of its
    neighbours where ProbCover reads one and it is there, or can be made at once."""
    from coldstart.selection import ProbCover

    state = _state(project)
    desk = _kept(state) or open_desk(project, progress=progress)
    if isinstance(make(project, choice), ProbCover) and desk.every.n <= AT_ONCE:
        desk = desk.with_graph(progress=progress)
    _keep(state, desk)
    if choice.weights is not None:
        # Vectors and graph are those of the desk above.
        state += str(choice.weights)
        weighted = _kept(state) or desk.weighted(choice.weights)
        if weighted.every.graph is not desk.every.graph:
            weighted = desk.weighted(choice.weights)
        _keep(state, weighted)
        return weighted
    return desk


def _kept(state: str) -> Desk | None:
    with _lock:
        return _desks.get(state)


def _keep(state: str, desk: Desk) -> None:
    with _lock:
        _desks[state] = desk
        _desks.move_to_end(state)
        while len(_desks) > _KEPT_DESKS:
            _desks.popitem(last=False)


def preview_of(
    project: Project, desk: Desk, choice: Choice, budget: int, largest: int, progress: Progress
) -> Preview:
    """`preview_at`, once a session for the same pool and choice."""
    # Only ProbCover's automatic radius depends on the budget.
    of_budget = budget if choice.strategy == "probcover" else 0
    graph = desk.every.graph is not None
    state = repr((_state(project), choice, largest, of_budget, graph))
    kept: dict[str, Preview] = st.session_state.setdefault(_PREVIEWS, {})
    if state not in kept:
        while len(kept) >= _KEPT_PREVIEWS:
            kept.pop(next(iter(kept)))
        kept[state] = preview_at(desk, choice, budget, largest, progress=progress)
    return kept[state]


def _state(project: Project) -> str:
    from coldstart.workflow.graphs import graph_folder
    from coldstart.workflow.pool import active_set

    embedding_set = active_set(project)
    name = embedding_set.name if embedding_set else ""
    return repr(
        (
            str(project.directory),
            name,
            embedding_set and embedding_set.meta.get("created_at"),
            graph_folder(project, name).exists(),
            project.store.labels.last_event_id(),
            project.store.classes.last_change_id(),
            project.store.images.count("queue"),
            project.store.images.count("usable"),
            project.settings.get("audit_share"),
        )
    )
