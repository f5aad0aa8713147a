"""The classes: name, colour, key, order, merge, split, delete; what changes is shown beforehand."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from coldstart.errors import ColdstartError
from coldstart.labels.keys import CLASS_KEYS, assigned_keys
from coldstart.project import Project
from coldstart.store import ClassRow
from coldstart.ui import session, thumbnails
from coldstart.ui.classes import labeller_classes
from coldstart.ui.guard import plain, refuse
from coldstart.workflow import classes as changes
from coldstart.workflow.classes import ClassPreview


@st.dialog("Classes", width="large", on_dismiss="rerun")
def classes_dialog(project: Project) -> None:
    """Everything that can be done to the classes of a project."""
    rows = project.store.classes.all()
    said = st.session_state.pop("classes_said", "")
    if said:
        st.success(plain(said))
    _add(project)
    if rows and not session.may("classes"):
        st.caption(f"You can add classes. {session.barred('classes')}")
    elif not rows:
        st.caption("No classes yet. Add one here, or press n while labelling.")
    else:
        parts = {"Name, colour, key": _edit, "Merge": _merge, "Split": _split, "Delete": _delete}
        # Only what is looked at is worked out: a split compares pictures.
        for tab, draw in zip(st.tabs(list(parts), on_change="rerun"), parts.values(), strict=True):
            if tab.open:
                with tab:
                    draw(project, rows)
    _history(project)


def _add(project: Project) -> None:
    with st.form("add_class", border=False, clear_on_submit=True):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        name = left.text_input("New class", max_chars=100)
        if right.form_submit_button("Add") and name.strip():
            names = {row.name for row in project.store.classes.all()}
            said = f"“{name}” is a class already." if name.strip() in names else f"“{name}” added."
            _do(lambda: changes.add(project, name, by=session.annotator()), said)


def _edit(project: Project, rows: list[ClassRow]) -> None:
    row = _chosen("Class", rows, "edit_class")
    shown = {one["id"]: one for one in labeller_classes(project)}[row.class_id]
    by = session.annotator()
    left, middle, right = st.columns([5, 2, 3], vertical_alignment="bottom")
    name = left.text_input("Name", row.name, max_chars=100, key=f"name_{row.class_id}_{row.name}")
    color = middle.color_picker("Colour", shown["color"], key=f"color_{row.class_id}")
    keys = ["", *CLASS_KEYS]
    key = right.selectbox(
        "Key",
        keys,
        index=keys.index(row.key or ""),
        format_func=lambda one: one or f"next free ({_free(rows, row)})",
        key=f"key_{row.class_id}",
    )
    if name.strip() and name.strip() != row.name:
        preview = changes.preview_rename(project, row.class_id, name)
        if _shown(project, preview) and st.button("Rename", type="primary"):
            renamed = f"“{row.name}” is now “{name.strip()}”."
            _do(lambda: changes.rename(project, row.class_id, name, was=row.name, by=by), renamed)
    if color != shown["color"] and st.button("Use this colour", type="primary"):
        _do(lambda: changes.paint(project, row.class_id, color, by=by), "Coloured.")
    if key != (row.key or "") and st.button("Use this key", type="primary"):
        _do(lambda: changes.set_key(project, row.class_id, key or None, by=by), "Key changed.")
    ids = [one.class_id for one in rows]
    place = ids.index(row.class_id)
    with st.container(horizontal=True):
        for words, step in (("Earlier", -1), ("Later", 1)):
            off = not 0 <= place + step < len(ids)
            if st.button(words, disabled=off, help="Its place among the class buttons"):
                order = [one for one in ids if one != row.class_id]
                order.insert(place + step, row.class_id)
                _do(lambda order=order: changes.order(project, order, by=by), "Order changed.")


def _free(rows: list[ClassRow], row: ClassRow) -> str:
    keys = [None if one.class_id == row.class_id else one.key for one in rows]
    return assigned_keys(keys)[[one.class_id for one in rows].index(row.class_id)] or "none"


def _merge(project: Project, rows: list[ClassRow]) -> None:
    if len(rows) < 2:
        st.caption("There is only one class.")
        return
    names = {row.class_id: row.name for row in rows}
    sources = st.multiselect("Merge these", list(names), format_func=names.__getitem__)
    into = [one for one in names if one not in sources]
    target = st.selectbox("into", into, format_func=names.__getitem__)
    if not sources or target is None:
        return
    preview = changes.preview_merge(project, sources, target)
    if _shown(project, preview) and st.button("Merge", type="primary"):
        by = session.annotator()
        _do(lambda: changes.merge(project, sources, target, by=by), f"{preview.words}")


def _split(project: Project, rows: list[ClassRow]) -> None:
    row = _chosen("Class to split", rows, "split_class")
    parts = int(st.number_input("Groups of look-alikes", 2, 6, 2))
    st.caption("Or search for the class, select images in the grid and press another class's key.")
    try:
        proposed = changes.propose_split(project, row.class_id, parts)
    except ColdstartError as error:
        st.info(plain(str(error)))
        return
    into: dict[str, list[int]] = {}
    for number, part in enumerate(proposed):
        thumbnails.strip(project, part.examples)
        name = st.text_input(
            f"{len(part.image_ids):,} images: new class",
            key=f"part_{row.class_id}_{parts}_{number}",
            placeholder=f"empty: they stay “{row.name}”",
            max_chars=100,
        ).strip()
        if name and name != row.name:
            into.setdefault(name, []).extend(part.image_ids)
    if into and st.button("Split", type="primary"):
        moved = ", ".join(f"{len(ids):,} to “{name}”" for name, ids in into.items())
        by = session.annotator()
        _do(lambda: changes.split(project, row.class_id, into, by=by), f"“{row.name}”: {moved}.")


def _delete(project: Project, rows: list[ClassRow]) -> None:
    row = _chosen("Class to delete", rows, "delete_class")
    preview = changes.preview_delete(project, row.class_id)
    if _shown(project, preview) and st.button(plain(f"Delete “{row.name}”"), type="primary"):
        by = session.annotator()
        _do(lambda: changes.delete(project, row.class_id, by=by), f"“{row.name}” deleted.")


def _history(project: Project) -> None:
    """What was done to the classes, the newest first, and the one undo."""
    last = project.store.classes.last_undoable()
    words = plain(f"Undo: {last.words}") if last is not None and session.may("classes") else ""
    if last is not None and words and st.button(words, icon=":material/undo:"):
        _do(lambda: changes.undo(project, by=session.annotator()), f"Undone: {last.words}.")
    with st.expander("What was done to the classes", type="compact"):
        for change in reversed(project.store.classes.changes()[-50:]):
            when = datetime.fromtimestamp(change.at).strftime("%d %b %H:%M")
            mark = " (undone)" if change.undone else ""
            who = change.annotator or "somebody"
            st.caption(f"{when} · {plain(who)} · {plain(change.words)}{mark}")


def _chosen(label: str, rows: list[ClassRow], key: str) -> ClassRow:
    by_id = {row.class_id: row for row in rows}
    chosen = st.selectbox(label, list(by_id), format_func=lambda one: by_id[one].name, key=key)
    return by_id.get(chosen, rows[0])


def _shown(project: Project, preview: ClassPreview) -> bool:
    """Draw what would change; whether it can be done."""
    if preview.problem:
        st.warning(plain(preview.problem))
        return False
    st.markdown(plain(preview.words))
    thumbnails.strip(project, preview.examples)
    return True


def _do(act, said: str) -> None:  # type: ignore[no-untyped-def]
    """Change something, say so in the dialog as it is drawn again, or say why it cannot be."""
    try:
        act()
    except ColdstartError as error:
        refuse(error)
        return
    st.session_state["classes_said"] = said
    st.rerun(scope="fragment")
