"""The label that stands for every image, kept in this process and brought up to date by events.

The view `current_labels` says the same, and reads every event to do so: seconds for each question
once there are some hundred thousand labels. Here an answer costs what has been labelled since the
last question. Everything is read anew only after what may change any label at all: a scan, or
classes merged, deleted or brought back.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select

from coldstart.labels.resolve import resolve
from coldstart.store.image_lists import among, without
from coldstart.store.image_rows import chunks, copies_of
from coldstart.store.labels import EventRow, Labels, shared_labels
from coldstart.store.memory import IMAGES, remembered, version
from coldstart.store.schema import class_changes, images, label_events, standing_answers

# Changes of the classes after which every answer is what it was.
_HARMLESS = ("add", "rename", "color", "key", "order")
_MANY = 20_000  # so many new events: to read all answers is quicker than to look these up

_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Columns:
    """The labels that stand as arrays, by image id; never written to.

    image_ids, event_ids, class_ids : (n,) int64, class_ids -1 for a state. kinds, annotators :
    (n,) int64 places in ``names``. disputed : (m,) int64 ids of images on which people disagree.
    """

    image_ids: NDArray[np.int64]
    event_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    kinds: NDArray[np.int64]
    annotators: NDArray[np.int64]
    names: dict[str, int]
    disputed: NDArray[np.int64]

    def which(
        self, kind: str = "", class_id: int | None = None, annotator: str = ""
    ) -> NDArray[np.bool_]:
        """(n,) which labels are of this kind, class and annotator; what is empty is not asked."""
        fits = np.ones(len(self.image_ids), dtype=bool)
        if kind:
            fits &= self.kinds == self.names.get(kind, -1)
        if class_id is not None:
            fits &= self.class_ids == class_id
        if annotator:
            fits &= self.annotators == self.names.get(annotator, -1)
        return fits

    def newest_first(
        self, fits: NDArray[np.bool_], offset: int = 0, limit: int | None = None
    ) -> NDArray[np.int64]:
        """The image ids of the labels that fit, the newest label first; a part of them."""
        image_ids, ages = self.image_ids[fits], -self.event_ids[fits]
        end = len(ages) if limit is None else min(offset + limit, len(ages))
        if offset >= end:
            return image_ids[:0]
        # Only the part that is asked for is put in order; copies share an event and go by id.
        order = np.argpartition(ages, (offset, end - 1))[offset:end]
        return image_ids[order[np.lexsort((image_ids[order], ages[order]))]]


class _Answer(NamedTuple):
    """Of an event, what decides which answer stands."""

    event_id: int
    image_id: int
    annotator: str
    kind: str
    class_id: int | None
    review: bool


@dataclass
class _Kept:
    event_id: int
    columns: Columns


class Standing:
    """The labels that stand in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._url = str(engine.url)
        self._labels = Labels(engine)

    def columns(self) -> Columns:
        """The label of every image that has one, exact copies sharing theirs."""
        with _lock:
            return self._now().columns

    def _now(self) -> _Kept:
        harmful = class_changes.c.action.notin_(_HARMLESS)
        with self._engine.connect() as connection:
            last = connection.execute(select(func.max(label_events.c.event_id))).scalar() or 0
            change = connection.execute(
                select(func.max(class_changes.c.change_id)).where(harmful)
            ).scalar()
        stamp = (version(self._engine, IMAGES), change or 0)
        kept = remembered((self._url, "standing"), stamp, lambda: self._read(last))
        if kept.event_id < last - _MANY:
            kept.columns, kept.event_id = self._read(last).columns, last
        elif kept.event_id != last:
            self._take_in(kept, last)
        return kept

    def _read(self, last: int) -> _Kept:
        columns = [standing_answers.c[name] for name in _Answer._fields]
        with self._engine.connect() as connection:
            answers = list(map(_Answer._make, connection.execute(select(*columns))))
        image_ids = np.fromiter((one.image_id for one in answers), np.int64, len(answers))
        # Nearly every image has one answer, which stands: only the others are weighed.
        _, group, sizes = np.unique(image_ids, return_inverse=True, return_counts=True)
        several = [answers[place] for place in np.flatnonzero(sizes[group] > 1).tolist()]
        weighed = resolve(several)
        winners = [answers[place] for place in np.flatnonzero(sizes[group] == 1).tolist()]
        winners += [label.winner for label in weighed.values()]
        found = _columns(self._shared(winners), {})
        return _Kept(last, replace(found, disputed=_disputed(several, weighed)))

    def _shared(self, winners: list[_Answer]) -> list[_Answer]:
        """The winners, of which each image of a group of copies has the newest of its group."""
        copies = self._with_copies([answer.image_id for answer in winners])
        newest: dict[str, _Answer] = {}
        for answer in winners:
            content = copies.get(answer.image_id)
            if content and answer.event_id >= newest.get(content, answer).event_id:
                newest[content] = answer
        own = [answer for answer in winners if answer.image_id not in copies]
        return own + [
            newest[content]._replace(image_id=image_id)
            for image_id, content in copies.items()
            if content in newest
        ]

    def _with_copies(self, labelled: list[int]) -> dict[int, str]:
        """image_id -> content hash of the labelled images that have an exact copy, and of these."""
        if len(labelled) > _MANY:
            return remembered((self._url, "copies"), version(self._engine, IMAGES), self._copies)
        query = select(images.c.image_id, images.c.content_hash)
        found: dict[int, str] = {}
        with self._engine.connect() as connection:
            groups = copies_of(connection, labelled).values()
            several = sorted({twin for group in groups if len(group) > 1 for twin in group})
            for chunk in chunks(several):
                rows = connection.execute(query.where(images.c.image_id.in_(chunk)))
                found.update((row[0], row[1]) for row in rows)
        return found

    def _copies(self) -> dict[int, str]:
        """image_id -> content hash of every image that has an exact copy."""
        several = (
            select(images.c.content_hash)
            .where(images.c.content_hash.isnot(None))
            .group_by(images.c.content_hash)
            .having(func.count() > 1)
        )
        query = select(images.c.image_id, images.c.content_hash)
        with self._engine.connect() as connection:
            found = connection.execute(query.where(images.c.content_hash.in_(several)))
            return {row[0]: row[1] for row in found}

    def _take_in(self, kept: _Kept, last: int) -> None:
        """The events since, in place of what stood for their images before."""
        since = select(label_events.c.image_id).where(
            label_events.c.event_id > kept.event_id - read_again(self._engine)
        )
        with self._engine.connect() as connection:
            ids = list(connection.execute(since.distinct()).scalars())
            groups = copies_of(connection, ids).values()
        copies = {twin: group for group in groups for twin in group}
        touched = np.array(sorted(copies), dtype=np.int64)
        answers = self._labels.standing(touched.tolist())
        now = shared_labels(copies, answers)
        columns = _replaced(kept.columns, touched, now.values())
        disputed = [without(columns.disputed, touched), _disputed(answers, now.keys())]
        kept.columns = replace(columns, disputed=np.sort(np.concatenate(disputed)))
        kept.event_id = last


def read_again(engine: Engine) -> int:
    """How many of the newest events to look at once more: several processes may commit theirs in
    another order than the numbers say, but on SQLite, where one writes at a time."""
    return 0 if engine.dialect.name == "sqlite" else 200


def _columns(rows: Iterable[EventRow | _Answer], names: dict[str, int]) -> Columns:
    """The rows as arrays; ``names`` is added to."""
    listed = sorted(rows, key=lambda row: row.image_id)

    def array(values: Iterable[int]) -> NDArray[np.int64]:
        return np.fromiter(values, np.int64, len(listed))

    def number(name: str) -> int:
        return names.setdefault(name, len(names))

    return Columns(
        image_ids=array(row.image_id for row in listed),
        event_ids=array(row.event_id for row in listed),
        class_ids=array(-1 if row.class_id is None else row.class_id for row in listed),
        kinds=array(number(row.kind) for row in listed),
        annotators=array(number(row.annotator) for row in listed),
        names=names,
        disputed=np.empty(0, np.int64),
    )


def _replaced(columns: Columns, touched: NDArray[np.int64], rows: Iterable[EventRow]) -> Columns:
    """The columns with these rows for the ``touched`` images, ascending, in place of theirs."""
    new = _columns(rows, columns.names)
    gone = np.searchsorted(columns.image_ids, touched)
    gone = gone[gone < len(columns.image_ids)]
    gone = gone[among(columns.image_ids[gone], touched)]
    left = np.delete(columns.image_ids, gone)
    places = np.searchsorted(left, new.image_ids)

    def merged(old: NDArray[np.int64], fresh: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.insert(np.delete(old, gone) if len(gone) else old, places, fresh)

    return Columns(
        image_ids=np.insert(left, places, new.image_ids),
        event_ids=merged(columns.event_ids, new.event_ids),
        class_ids=merged(columns.class_ids, new.class_ids),
        kinds=merged(columns.kinds, new.kinds),
        annotators=merged(columns.annotators, new.annotators),
        names=columns.names,
        disputed=columns.disputed,
    )


def _disputed(
    answers: Iterable[EventRow | _Answer], labelled: Collection[int]
) -> NDArray[np.int64]:
    """Images with several people's answers of which none stands."""
    seen: set[int] = set()
    several: set[int] = set()
    for answer in answers:
        (several if answer.image_id in seen else seen).add(answer.image_id)
    return np.array(sorted(one for one in several if one not in labelled), dtype=np.int64)
