"""History: who labelled what and when; any moment exported, a batch taken back, agreement."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import streamlit as st

from coldstart.labels.agreement import Kappa, PairAgreement
from coldstart.labels.manifest import MANIFEST_FORMATS
from coldstart.labels.roles import ROLES
from coldstart.project import Project
from coldstart.store import Heap
from coldstart.ui import session, sign_in
from coldstart.ui.guard import guarded
from coldstart.ui.head import empty, question
from coldstart.ui.words import count
from coldstart.workflow.export import export
from coldstart.workflow.history import agreement, history_rows, undo_batch
from coldstart.workflow.team import change_settings, overlap_share, set_role

_ROWS = 50
_EVERYBODY = "Everybody"


def show(project: Project) -> None:
    """Draw the tab."""
    if project.store.labels.last_event_id() == 0:
        empty("Nothing has been labelled yet. Every answer will be listed here, and none is lost.")
    else:
        question("Who labelled what, and when?")
        _events(project)
        left, right = st.columns(2, gap="large")
        with left:
            question("What were the labels then?")
            _as_of(project)
        with right:
            question("Was a batch labelled wrongly?")
            _undo(project)
    question("Do people agree?")
    _agreement(project)
    question("Who may do what?")
    _people(project)


def _events(project: Project) -> None:
    names = [_EVERYBODY, *project.store.events.annotators()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Annotator", names, key="history_annotator", width=240)
        annotator = None if name == _EVERYBODY else name
        total = project.store.events.count(annotator=annotator)
        pages = max(1, -(-total // _ROWS))
        page = st.number_input(
            f"Page of {pages:,}", 1, pages, key=f"history_page_{name}", width=140
        )
        st.caption(count(total, "event"))
    events = project.store.events.page((int(page) - 1) * _ROWS, _ROWS, annotator=annotator)
    rows = [
        {
            "when": row.at,
            "annotator": row.annotator,
            "image": row.image,
            "answer": row.answer + (" (decides)" if row.review else ""),
            "how": row.origin,
            "suggested": row.suggestion,
            "batch": row.batch,
            "done by": row.acted_by,
        }
        for row in history_rows(project, events, seen_by=session.annotator())
    ]
    for column in ("suggested", "done by"):
        if not any(row[column] for row in rows):
            rows = [{key: row[key] for key in row if key != column} for row in rows]
    st.dataframe(
        rows,
        hide_index=True,
        height=300,
        column_config={"when": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss")},
    )


def _as_of(project: Project) -> None:
    if not session.may("export"):
        st.caption("A reviewer or an owner can export the labels.")
        return
    now = datetime.datetime.now()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day = st.date_input("Day", now.date(), key="as_of_day", width=150)
        time = st.time_input("Time", datetime.time(23, 59), key="as_of_time", width=120)
        format = st.selectbox("Format", list(MANIFEST_FORMATS), key="as_of_format", width=120)
    if not isinstance(day, datetime.date):
        return
    moment = datetime.datetime.combine(day, time)
    st.download_button(
        f"Labels as of {moment:%Y-%m-%d %H:%M}",
        data=lambda: _manifest(project, format, moment.timestamp() + 60),
        file_name=f"labels-{moment:%Y%m%d-%H%M}{MANIFEST_FORMATS[format].suffix}",
        icon=":material/history:",
        on_click="ignore",
    )
    line = f'coldstart export PROJECT --format {format} --as-of "{moment:%Y-%m-%d %H:%M}" --to FILE'
    st.caption(f"The same by command: `{line}`")


def _manifest(project: Project, format: str, as_of: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"m{MANIFEST_FORMATS[format].suffix}"
        return export(project, format, file, as_of=as_of).file.read_bytes()


def _undo(project: Project) -> None:
    heaps = project.store.events.heaps()[:200]
    if not session.may("undo"):
        heaps = [one for one in heaps if one.annotator == session.annotator()]
    if not heaps:
        st.caption("There is no batch that you may take back.")
        return
    chosen = st.selectbox("Answers of", heaps, format_func=_heap_words, key="undo_heap")
    undone = undo_batch(project, by=session.annotator(), dry_run=True, **_which(chosen))
    returned = f" {count(undone.returned, 'image')} get the answer of before." * bool(
        undone.returned
    )
    st.caption(
        f"{count(undone.answers, 'answer')} will be taken back.{returned} Nothing is deleted: "
        "it is one more event for each, and it stands above."
    )
    st.button(
        "Take back",
        icon=":material/undo:",
        key="undo_now",
        on_click=guarded(_take_back),
        args=(project, chosen),
    )


def _take_back(project: Project, heap: Heap) -> None:
    undone = undo_batch(project, by=session.annotator(), **_which(heap))
    st.toast(f"{count(undone.answers, 'answer')} taken back.")


def _which(heap: Heap) -> dict:
    if heap.batch_id is not None:
        return {"annotator": heap.annotator, "batch_id": heap.batch_id}
    return {
        "annotator": heap.annotator,
        "since": heap.first_at,
        "until": heap.last_at + 1e-3,
    }


def _heap_words(heap: Heap) -> str:
    first = datetime.datetime.fromtimestamp(heap.first_at)
    where = f"query batch {heap.batch_id}" if heap.batch_id is not None else heap.origin
    return f"{heap.annotator}: {where}, {count(heap.answers, 'answer')}, {first:%Y-%m-%d %H:%M}"


def _agreement(project: Project) -> None:
    share = overlap_share(project)
    found = agreement(project)
    if session.may("settings"):
        chosen = st.slider(
            "Share of what is queued that goes to two people, blind",
            0, 50, round(share * 100), 5, format="%d%%", key="overlap_share", width=360,
        )  # fmt: skip
        if chosen != round(share * 100):
            change_settings(project, by=session.annotator(), overlap=chosen / 100)
            st.rerun()
    if found.fleiss.images == 0:
        st.caption(
            "Not measured: no image has been answered by two people blind. Images queued from now "
            f"on: {share:.0%} go to two."
        )
    else:
        st.markdown(f"Over everybody: **{_kappa_words(found.fleiss)}**")
        for pair in found.pairs[:10]:
            with st.expander(f"{pair.first} and {pair.second}: {_kappa_words(pair.kappa)}"):
                _confusion(pair)
    if found.disagreements or found.unsure:
        st.caption(
            f"{count(found.disagreements, 'image')} on which people disagree and "
            f"{found.unsure:,} unsure wait for a reviewer: *Select & Label*, views *Disagreements* "
            "and *Unsure*."
        )


def _kappa_words(kappa: Kappa) -> str:
    shared = count(kappa.images, "shared image")
    if kappa.value is None or kappa.interval is None:
        return f"no kappa: everybody always gave the same one answer ({shared})"
    low, high = kappa.interval
    return f"kappa {kappa.value:.2f} ({low:.2f} to {high:.2f}), {shared}"


def _confusion(pair: PairAgreement) -> None:
    answers = sorted({str(one) for both in pair.confusion for one in both})
    table = [
        {f"{pair.first} ↓ {pair.second} →": first}
        | {second: pair.confusion.get((first, second), 0) for second in answers}
        for first in answers
    ]
    st.dataframe(table, hide_index=True)


def _people(project: Project) -> None:
    members = project.store.members.all()
    if not sign_in.configured():
        st.caption(sign_in.NOT_CHECKED)
    if not session.may("people"):
        for member in members:
            st.text(f"{member.name}: {ROLES[member.role].title.lower()}")
        return
    for member in members:
        st.selectbox(
            member.name + (" (signed in)" if member.signed_in else ""),
            list(ROLES),
            index=list(ROLES).index(member.role),
            format_func=lambda role: f"{ROLES[role].title}: {ROLES[role].words}",
            key=f"role_of_{member.name}",
            on_change=guarded(_change_role),
            args=(project, member.name),
        )


def _change_role(project: Project, name: str) -> None:
    set_role(project, name, st.session_state[f"role_of_{name}"], by=session.annotator())
