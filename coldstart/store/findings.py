"""What the folder doctor found, and what a person decided to leave out of the pool."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, Text, case, func, literal, select

from coldstart.store.database import writing
from coldstart.store.image_rows import CHUNK, ImageRow, image_row
from coldstart.store.memory import IMAGES, changed, version
from coldstart.store.schema import finding_kinds, findings, images, versions

BY_HAND = "by hand"
_FINDINGS = "findings"

Decision = Literal["out", "in"]


@dataclass(frozen=True)
class FoundKind:
    """How much of one kind was found at the last scan.

    ``images`` counts what leaving the kind out takes from the pool: of a group of copies all but
    the one that is kept. ``groups`` is 0 for kinds that are judged image by image.
    """

    kind: str
    images: int
    groups: int
    excluded: bool


@dataclass(frozen=True)
class FoundImage:
    """One image of a finding; ``group_id`` is the image kept of its group, 0 without a group."""

    image: ImageRow
    group_id: int
    score: float | None

    @property
    def kept(self) -> bool:
        return self.group_id == self.image.image_id


class Findings:
    """Queries and writes on `findings`, `finding_kinds` and the decisions on images."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- what was found

    def kinds(self) -> list[FoundKind]:
        """What was found at the last scan, and the kinds that are left out."""
        query = select(
            finding_kinds.c.kind,
            finding_kinds.c.images,
            finding_kinds.c.groups,
            finding_kinds.c.excluded,
        )
        with self._engine.connect() as connection:
            return [
                FoundKind(kind, count, groups, bool(excluded))
                for kind, count, groups, excluded in connection.execute(query)
            ]

    def page(self, kind: str, offset: int, limit: int) -> list[FoundImage]:
        """One page of a finding; members of a group side by side, on a page the kept one first."""
        own = [images.c[name] for name in ImageRow.__dataclass_fields__]
        query = (
            select(*own, findings.c.group_id, findings.c.score)
            .join(findings, findings.c.image_id == images.c.image_id)
            .where(findings.c.kind == kind)
            # As the index has them: a page of many thousand members is read alone.
            .order_by(findings.c.group_id, findings.c.image_id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.offset(offset).limit(limit))
            found = []
            for row in rows:
                values = dict(row._mapping)
                group_id, score = values.pop("group_id"), values.pop("score")
                found.append(FoundImage(image_row(values), group_id, score))
        return sorted(found, key=lambda one: (one.group_id, not one.kept))

    def members(self, kind: str) -> int:
        """How many images a finding shows, those kept of each group included."""
        query = select(func.count()).select_from(findings).where(findings.c.kind == kind)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    # -- what a person decides

    def leave_out(self, kind: str, excluded: bool, by: str = "") -> None:
        """Leave all images of a kind out of the pool from now on, or take them back.

        A decision on a single image (`decide`) counts more.
        """
        values = {"excluded": excluded, "decided_by": by, "decided_at": time.time()}
        with writing(self._engine) as connection:
            update = finding_kinds.update().where(finding_kinds.c.kind == kind).values(**values)
            if not connection.execute(update).rowcount:
                connection.execute(
                    finding_kinds.insert().values(kind=kind, images=0, groups=0, **values)
                )
            _apply_decisions(connection)

    def decide(self, image_ids: Sequence[int], decision: Decision | None) -> None:
        """Leave single images out of the pool, keep them in whatever is found, or neither."""
        with writing(self._engine) as connection:
            for start in range(0, len(image_ids), CHUNK):
                chunk = list(image_ids[start : start + CHUNK])
                named = images.update().where(images.c.image_id.in_(chunk))
                reason = BY_HAND if decision == "out" else None
                connection.execute(named.values(decision=decision, excluded_for=reason))
            _apply_decisions(connection)

    # -- what the doctor writes

    def up_to_date(self) -> bool:
        """Whether nothing has changed since the last `finish`."""
        return version(self._engine, _FINDINGS) == version(self._engine, IMAGES)

    def median_shorter_side(self) -> int:
        """In pixels, of all readable images; 0 without any."""
        shorter = _shorter_side()
        with self._engine.connect() as connection:
            count = connection.execute(
                select(func.count()).select_from(images).where(_readable())
            ).scalar_one()
            middle = select(shorter).where(_readable()).order_by(shorter)
            return connection.execute(middle.offset(count // 2).limit(1)).scalar() or 0

    def begin(self, keep: Sequence[str] = ()) -> None:
        """Forget what was found before, but for the kinds to ``keep``."""
        with writing(self._engine) as connection:
            connection.execute(findings.delete().where(findings.c.kind.notin_(keep)))

    def replace_groups(
        self, kind: str, image_ids: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> None:
        """Note groups as `note_groups` does, in place of those found before, and count them."""
        with writing(self._engine) as connection:
            connection.execute(findings.delete().where(findings.c.kind == kind))
        self.note_groups(kind, image_ids, kept)
        with writing(self._engine) as connection:
            _count(connection)
            excluded = select(finding_kinds.c.excluded).where(finding_kinds.c.kind == kind)
            if connection.execute(excluded).scalar():
                _apply_decisions(connection)

    def find(self, kind: str, **bounds: tuple[float | None, float | None]) -> None:
        """Note every readable image whose measures lie within all bounds, ends included.

        bounds : measure -> (least, most); the measures are ``dark_level``, ``bright_level``,
            ``sharpness``, ``contrast`` (bright less dark), ``shorter_side`` and ``aspect``.
        """
        measures = {
            "dark_level": images.c.dark_level,
            "bright_level": images.c.bright_level,
            "sharpness": images.c.sharpness,
            "contrast": images.c.bright_level - images.c.dark_level,
            "shorter_side": _shorter_side(),
            "aspect": _longer_side() * 1.0 / _shorter_side(),
        }
        query = select(
            _literal(kind), images.c.image_id, _zero(), measures[next(iter(bounds))]
        ).where(_readable(), images.c.sharpness.isnot(None))
        for name, (least, most) in bounds.items():
            if least is not None:
                query = query.where(measures[name] >= least)
            if most is not None:
                query = query.where(measures[name] <= most)
        into = findings.insert().from_select(["kind", "image_id", "group_id", "score"], query)
        with writing(self._engine) as connection:
            connection.execute(into)

    def find_exact_copies(self, kind: str) -> None:
        """Note every group of readable images with the same content; the first found is kept."""
        groups = (
            select(images.c.content_hash, func.min(images.c.image_id).label("kept"))
            .where(_readable(), images.c.content_hash.isnot(None))
            .group_by(images.c.content_hash)
            .having(func.count() > 1)
            .subquery()
        )
        query = (
            select(_literal(kind), images.c.image_id, groups.c.kept)
            .join(groups, groups.c.content_hash == images.c.content_hash)
            .where(_readable())
        )
        into = findings.insert().from_select(["kind", "image_id", "group_id"], query)
        with writing(self._engine) as connection:
            connection.execute(into)

    def looks(
        self, least_contrast: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """(image ids, perceptual hashes, pixels, sharpness) of all readable pictures, each once.

        Pictures flatter than ``least_contrast`` grey levels are left out: their hash is noise.
        """
        contrast = images.c.bright_level - images.c.dark_level
        query = (
            select(
                func.min(images.c.image_id),
                func.min(images.c.perceptual_hash),
                func.min(images.c.width * images.c.height),
                func.min(images.c.sharpness),
            )
            .where(_readable(), images.c.perceptual_hash.isnot(None), contrast >= least_contrast)
            .group_by(images.c.content_hash)
        )
        parts: list[NDArray[np.int64]] = []
        sharpness: list[NDArray[np.float64]] = []
        with self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(query)
            for part in rows.partitions():
                parts.append(np.array([tuple(row)[:3] for row in part], dtype=np.int64))
                sharpness.append(np.array([row[3] for row in part], dtype=np.float64))
        table = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
        sharp = np.concatenate(sharpness) if sharpness else np.empty(0)
        order = np.argsort(table[:, 0], kind="stable")
        table = table[order]
        return table[:, 0], table[:, 1], table[:, 2], sharp[order]

    def note_groups(self, kind: str, image_ids: NDArray[np.int64], kept: NDArray[np.int64]) -> None:
        """Note images that belong together: ``kept[i]`` is the image kept of ``image_ids[i]``."""
        with writing(self._engine) as connection:
            for start in range(0, len(image_ids), CHUNK):
                rows = [
                    {"kind": kind, "image_id": image_id, "group_id": group_id}
                    for image_id, group_id in zip(
                        image_ids[start : start + CHUNK].tolist(),
                        kept[start : start + CHUNK].tolist(),
                        strict=True,
                    )
                ]
                connection.execute(findings.insert(), rows)

    def finish(self) -> None:
        """Count what was found, apply the decisions that stand, and be up to date."""
        with writing(self._engine) as connection:
            _count(connection)
            _apply_decisions(connection)
            now = select(versions.c.number).where(versions.c.subject == IMAGES)
            number = connection.execute(now).scalar() or 0
            stamp = versions.update().where(versions.c.subject == _FINDINGS)
            if not connection.execute(stamp.values(number=number)).rowcount:
                connection.execute(versions.insert().values(subject=_FINDINGS, number=number))


def _count(connection: Connection) -> None:
    """Bring the numbers in `finding_kinds` up to date with what is noted."""
    counted = select(
        findings.c.kind,
        func.count(),
        func.sum(_one_if(findings.c.group_id == findings.c.image_id)),
    ).group_by(findings.c.kind)
    counts = {
        kind: (total - (groups or 0), groups or 0)
        for kind, total, groups in connection.execute(counted)
    }
    connection.execute(finding_kinds.update().values(images=0, groups=0))
    for kind, (number, groups) in counts.items():
        update = finding_kinds.update().where(finding_kinds.c.kind == kind)
        values = {"images": number, "groups": groups}
        if not connection.execute(update.values(**values)).rowcount:
            connection.execute(finding_kinds.insert().values(kind=kind, excluded=False, **values))


def _apply_decisions(connection: Connection) -> None:
    """Bring `images.excluded_for` up to date with what a person decided and the doctor found."""
    stale = images.c.excluded_for.isnot(None) & images.c.decision.is_distinct_from("out")
    connection.execute(images.update().where(stale).values(excluded_for=None))
    excluded = select(finding_kinds.c.kind).where(finding_kinds.c.excluded.is_(True))
    for kind in connection.execute(excluded).scalars().all():
        found = select(findings.c.image_id).where(
            findings.c.kind == kind, findings.c.group_id != findings.c.image_id
        )
        connection.execute(
            images.update()
            .where(
                images.c.image_id.in_(found),
                images.c.decision.is_(None),
                images.c.excluded_for.is_(None),
            )
            .values(excluded_for=kind)
        )
    changed(connection, IMAGES)


def _readable() -> ColumnElement[bool]:
    return images.c.problem.is_(None) & images.c.missing.is_(False)


def _shorter_side() -> ColumnElement[int]:
    return case((images.c.width < images.c.height, images.c.width), else_=images.c.height)


def _longer_side() -> ColumnElement[int]:
    return case((images.c.width < images.c.height, images.c.height), else_=images.c.width)


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _literal(kind: str) -> ColumnElement[str]:
    return literal(kind, Text)


def _zero() -> ColumnElement[int]:
    return literal(0)
