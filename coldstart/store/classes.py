"""The project's classes: made, renamed, merged, split and deleted at any time, every change kept.

A change notes the rows it touched as they were before and after, so that it can be shown in the
history and undone whole. A class that is merged or deleted keeps its row, for label events name it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.exc import IntegrityError

from coldstart.errors import ColdstartError
from coldstart.labels.class_names import check_class_name
from coldstart.store.database import writing
from coldstart.store.schema import class_changes, classes, current_labels

ACTIVE, MERGED, DELETED = "active", "merged", "deleted"
ACTIONS = ("add", "rename", "color", "key", "order", "merge", "split", "delete", "undo")
# No name can hold this character, so a class that is gone keeps no name from others.
_GONE = "\x1f"


@dataclass(frozen=True)
class ClassRow:
    """A category of the project; ``name`` is what a person reads, also when it is gone."""

    class_id: int
    name: str
    position: int
    color: str | None = None
    key: str | None = None
    state: str = ACTIVE
    merged_into: int | None = None


@dataclass(frozen=True)
class ClassChange:
    """One change of the classes, with the rows it touched before and after it."""

    change_id: int
    at: float
    annotator: str
    action: str
    class_id: int
    words: str
    detail: dict[str, Any] = field(default_factory=dict)
    undoes: int | None = None
    undone: bool = False


class Classes:
    """Queries and writes on `classes` and `class_changes`.

    Every change raises ColdstartError when it cannot be made: an unknown class, a name that is
    taken, or a class that somebody else has changed meanwhile.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, *, gone: bool = False) -> list[ClassRow]:
        """The classes in their order; with ``gone`` those merged or deleted as well, at the end."""
        query = select(classes).order_by(classes.c.position, classes.c.class_id)
        with self._engine.connect() as connection:
            rows = [_class_row(row) for row in connection.execute(query)]
        active = [row for row in rows if row.state == ACTIVE]
        return active + [row for row in rows if row.state != ACTIVE] if gone else active

    def changes(self) -> list[ClassChange]:
        """Everything that was done to the classes, oldest first."""
        with self._engine.connect() as connection:
            return _changes(connection)

    def last_change_id(self) -> int:
        """The newest change's number, 0 before the first."""
        with self._engine.connect() as connection:
            query = select(func.coalesce(func.max(class_changes.c.change_id), 0))
            return connection.execute(query).scalar_one()

    def last_undoable(self) -> ClassChange | None:
        """The change that `undo` would take back."""
        with self._engine.connect() as connection:
            return _last_undoable(connection)

    def add(self, name: str, by: str = "") -> ClassRow:
        """The class of this name, made if there is none."""
        name = check_class_name(name)
        try:
            with writing(self._engine) as connection:
                found = _named(connection, name)
                if found is not None:
                    return found
                return _add(connection, name, by)
        except IntegrityError:  # two annotators named it at the same moment
            with self._engine.connect() as connection:
                found = _named(connection, name)
        if found is None:
            raise ColdstartError(f"The class {name!r} could not be stored.", "Try again.")
        return found

    def rename(self, class_id: int, name: str, *, was: str, by: str = "") -> ClassRow:
        """Call the class ``name``; ``was`` is the name the person saw when deciding it."""
        name = check_class_name(name)
        with writing(self._engine) as connection:
            row = _active(connection, class_id)
            if row["name"] != was:
                raise _overtaken(connection, class_id, was, row["name"])
            taken = _named(connection, name)
            if taken is not None and taken.class_id != class_id:
                raise ColdstartError(
                    f"There is a class “{name}” already.",
                    f"Merge “{was}” into it, or choose another name.",
                )
            words = f"“{was}” renamed to “{name}”"
            _apply(connection, by, "rename", class_id, words, {class_id: {"name": name}})
        return self._get(class_id)

    def paint(self, class_id: int, color: str | None, by: str = "") -> ClassRow:
        """Give the class a colour "#rrggbb"; None goes back to the palette's."""
        color = color.lower() if color else None
        if color is not None and not _is_color(color):
            raise ColdstartError(f"{color!r} is no colour.", "Write it as #rrggbb.")
        with writing(self._engine) as connection:
            name = _active(connection, class_id)["name"]
            words = f"“{name}” coloured {color or 'by the palette'}"
            _apply(connection, by, "color", class_id, words, {class_id: {"color": color}})
        return self._get(class_id)

    def set_key(self, class_id: int, key: str | None, by: str = "") -> ClassRow:
        """Assign the class a key of `labels.keys.CLASS_KEYS`; who had it gets another."""
        from coldstart.labels.keys import CLASS_KEYS

        if key is not None and key not in CLASS_KEYS:
            raise ColdstartError(
                f"The key {key!r} cannot assign a class.", f"Choose one of {' '.join(CLASS_KEYS)}."
            )
        with writing(self._engine) as connection:
            name = _active(connection, class_id)["name"]
            new: dict[int, dict[str, Any]] = {class_id: {"key": key}}
            held = select(classes.c.class_id).where(
                (classes.c.key == key) & (classes.c.state == ACTIVE)
            )
            for other in connection.execute(held).scalars() if key else ():
                if other != class_id:
                    new[other] = {"key": None}
            words = f"“{name}” has the key {key}" if key else f"“{name}” has the next free key"
            _apply(connection, by, "key", class_id, words, new)
        return self._get(class_id)

    def order(self, class_ids: Sequence[int], by: str = "") -> list[ClassRow]:
        """Put the classes in this order; those not named follow as they stood."""
        with writing(self._engine) as connection:
            standing = select(classes.c.class_id).where(classes.c.state == ACTIVE)
            now = list(
                connection.execute(standing.order_by(classes.c.position, "class_id")).scalars()
            )
            for class_id in class_ids:
                _active(connection, class_id)
            wanted = [*dict.fromkeys(class_ids)]
            wanted += [class_id for class_id in now if class_id not in set(wanted)]
            if wanted != now:
                new = {class_id: {"position": place} for place, class_id in enumerate(wanted)}
                _apply(connection, by, "order", wanted[0], "the order of the classes changed", new)
        return self.all()

    def merge(self, sources: Sequence[int], target: int, by: str = "") -> ClassRow:
        """Every label of ``sources``, past and to come, counts as one of ``target``."""
        sources = [*dict.fromkeys(sources)]
        with writing(self._engine) as connection:
            into = _active(connection, target)["name"]
            if target in sources or not sources:
                raise ColdstartError(
                    f"“{into}” cannot be merged into itself.", "Choose another class."
                )
            new: dict[int, dict[str, Any]] = {}
            names = []
            for source in sources:
                names.append(_active(connection, source)["name"])
                new[source] = _gone(source, names[-1], MERGED, target)
                earlier = select(classes.c.class_id).where(classes.c.merged_into == source)
                for inner in connection.execute(earlier).scalars():
                    new[inner] = {"merged_into": target}
            words = f"{_quoted(names)} merged into “{into}”"
            _apply(connection, by, "merge", target, words, new)
        return self._get(target)

    def delete(self, class_id: int, by: str = "") -> ClassRow:
        """Take the class away; images that stand at it count as unlabelled again."""
        with writing(self._engine) as connection:
            name = _active(connection, class_id)["name"]
            new = {class_id: _gone(class_id, name, DELETED, None)}
            _apply(connection, by, "delete", class_id, f"“{name}” deleted", new)
        return self._get(class_id)

    def note_split(self, class_id: int, into: Sequence[int], steps: Sequence[str], by: str) -> None:
        """Note that images of the class were given other classes in these steps."""
        with writing(self._engine) as connection:
            name = _active(connection, class_id)["name"]
            names = [_active(connection, one)["name"] for one in into]
            words = f"“{name}” split: {_quoted(names)} taken out of it"
            detail = {"before": [], "after": [], "steps": list(steps), "into": list(into)}
            _note(connection, by, "split", class_id, words, detail)

    def undo(self, by: str = "") -> ClassChange:
        """Take back the newest change that stands; of a split, the rows of its new classes only.

        Raises
        ------
        ColdstartError : there is none, or a class it touched has got labels or another name since.
        """
        change = self.last_undoable()
        if change is None:
            raise ColdstartError("Nothing was done to the classes that could be undone.", "")
        try:
            with writing(self._engine) as connection:
                if change.action == "add":
                    _refuse_if_labelled(connection, change)
                before = {row["class_id"]: row for row in change.detail["before"]}
                for after in change.detail["after"]:
                    now = _row(connection, after["class_id"])
                    back = before.get(after["class_id"])
                    if back is None:  # it was made by this change
                        name = now["name"]
                        back = now | _gone(after["class_id"], name, DELETED, None)
                    _write(connection, after["class_id"], back)
                detail = {"before": change.detail["after"], "after": change.detail["before"]}
                words = f"undone: {change.words}"
                _note(connection, by, "undo", change.class_id, words, detail, change.change_id)
        except IntegrityError:
            raise ColdstartError(
                f"This cannot be undone: {change.words}. Its old name is taken, or somebody else "
                "has just undone it.",
                "Rename the class that has the name now, then undo again.",
            ) from None
        return change

    def _get(self, class_id: int) -> ClassRow:
        with self._engine.connect() as connection:
            row = connection.execute(select(classes).where(classes.c.class_id == class_id)).one()
            return _class_row(row)


def _class_row(row) -> ClassRow:  # type: ignore[no-untyped-def]
    return ClassRow(
        class_id=row.class_id,
        name=row.retired_name or row.name,
        position=row.position,
        color=row.color,
        key=row.key,
        state=row.state,
        merged_into=row.merged_into,
    )


def _named(connection: Connection, name: str) -> ClassRow | None:
    row = connection.execute(select(classes).where(classes.c.name == name)).first()
    return None if row is None else _class_row(row)


def _add(connection: Connection, name: str, by: str) -> ClassRow:
    last = select(func.coalesce(func.max(classes.c.position), -1) + 1)
    position = connection.execute(last.where(classes.c.state == ACTIVE)).scalar_one()
    values = {"name": name, "position": position, "created_at": time.time(), "state": ACTIVE}
    made = classes.insert().values(**values).returning(classes.c.class_id)
    class_id = connection.execute(made).scalar_one()
    after = _row(connection, class_id)
    detail = {"before": [], "after": [after]}
    _note(connection, by, "add", class_id, f"“{name}” added", detail)
    return ClassRow(class_id, name, position)


def _row(connection: Connection, class_id: int) -> dict[str, Any]:
    query: Select = select(classes).where(classes.c.class_id == class_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise ColdstartError(f"There is no class {class_id} in this project.", "Reload the page.")
    return dict(row._mapping)


def _active(connection: Connection, class_id: int) -> dict[str, Any]:
    row = _row(connection, class_id)
    if row["state"] != ACTIVE:
        done = "merged into another" if row["state"] == MERGED else "deleted"
        raise ColdstartError(
            f"The class “{row['retired_name']}” has been {done} meanwhile.",
            "Look at the classes again.",
        )
    return row


def _gone(class_id: int, name: str, state: str, into: int | None) -> dict[str, Any]:
    return {
        "name": f"{_GONE}{class_id}",
        "retired_name": name,
        "state": state,
        "merged_into": into,
        "key": None,
    }


def _apply(
    connection: Connection,
    by: str,
    action: str,
    class_id: int,
    words: str,
    new: dict[int, dict[str, Any]],
) -> None:
    """Change the rows and note the change, on an open writing connection."""
    before = [_row(connection, one) for one in new]
    after = [row | new[row["class_id"]] for row in before]
    if before == after:
        return
    for row in after:
        _write(connection, row["class_id"], row)
    _note(connection, by, action, class_id, words, {"before": before, "after": after})


def _write(connection: Connection, class_id: int, row: dict[str, Any]) -> None:
    values = {key: value for key, value in row.items() if key not in ("class_id", "created_at")}
    connection.execute(classes.update().where(classes.c.class_id == class_id).values(**values))


def _note(
    connection: Connection,
    by: str,
    action: str,
    class_id: int,
    words: str,
    detail: dict[str, Any],
    undoes: int | None = None,
) -> None:
    connection.execute(
        class_changes.insert().values(
            at=time.time(),
            annotator=by,
            action=action,
            class_id=class_id,
            words=words,
            detail=detail,
            undoes=undoes,
        )
    )


def _changes(connection: Connection) -> list[ClassChange]:
    rows = connection.execute(select(class_changes).order_by(class_changes.c.change_id)).all()
    undone = {row.undoes for row in rows if row.undoes is not None}
    return [ClassChange(**row._mapping, undone=row.change_id in undone) for row in rows]


def _last_undoable(connection: Connection) -> ClassChange | None:
    standing = [c for c in _changes(connection) if c.action != "undo" and not c.undone]
    return standing[-1] if standing else None


def _refuse_if_labelled(connection: Connection, change: ClassChange) -> None:
    count = connection.execute(
        select(func.count())
        .select_from(current_labels)
        .where(current_labels.c.class_id == change.class_id)
    ).scalar_one()
    if count:
        raise ColdstartError(
            f"This cannot be undone: {change.words}; {count:,} images have the class by now.",
            "Delete the class instead: that shows first what changes.",
        )


def _overtaken(connection: Connection, class_id: int, was: str, name: str) -> ColdstartError:
    renames = [c for c in _changes(connection) if c.class_id == class_id and c.action == "rename"]
    who = renames[-1].annotator if renames and renames[-1].annotator else "Somebody else"
    return ColdstartError(
        f"{who} has renamed “{was}” to “{name}” meanwhile, and that name stands.",
        "Look at the classes again, then decide.",
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _is_color(color: str) -> bool:
    return len(color) == 7 and color[0] == "#" and set(color[1:]) <= set("0123456789abcdef")
