"""The people of a project and what each may do; the first one is its owner."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from coldstart.errors import ColdstartError
from coldstart.labels.roles import LABELLER, OWNER, ROLES
from coldstart.store.database import writing
from coldstart.store.schema import members


@dataclass(frozen=True)
class Member:
    """One person: the name that stands on their labels, and their role."""

    name: str
    role: str
    signed_in: bool  # a sign-in provider has checked who it is
    joined_at: float


class Members:
    """Queries and writes on `members`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Member]:
        """Everybody, in the order of joining."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(members).order_by(members.c.joined_at, members.c.name))
            return [Member(**row._mapping) for row in rows]

    def get(self, name: str) -> Member | None:
        """The person of this name."""
        with self._engine.connect() as connection:
            return _named(connection, name)

    def join(self, name: str, *, signed_in: bool) -> Member:
        """The person of this name, added if new: as the owner if nobody is there yet."""
        known = self.get(name)
        if known is not None and known.signed_in >= signed_in:
            return known
        with writing(self._engine) as connection:
            _one_at_a_time(connection)
            first = connection.execute(select(func.count()).select_from(members)).scalar_one() == 0
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            insert = dialect.insert(members).on_conflict_do_nothing()
            connection.execute(
                insert.values(
                    name=name,
                    role=OWNER if first else LABELLER,
                    signed_in=signed_in,
                    joined_at=time.time(),
                )
            )
            if signed_in:
                connection.execute(
                    members.update().where(members.c.name == name).values(signed_in=True)
                )
            member = _named(connection, name)
        assert member is not None
        return member

    def set_role(self, name: str, role: str) -> Member:
        """Give this person another role; somebody new is added with it.

        Raises
        ------
        ColdstartError : there is no such role, or the project would be left without an owner.
        """
        if role not in ROLES:
            raise ColdstartError(f"There is no role {role!r}.", f"Use one of {', '.join(ROLES)}.")
        self.join(name, signed_in=False)
        with writing(self._engine) as connection:
            _one_at_a_time(connection)
            connection.execute(members.update().where(members.c.name == name).values(role=role))
            owners = select(func.count()).where(members.c.role == OWNER)
            if connection.execute(owners).scalar_one() == 0:
                raise ColdstartError(
                    f"{name} is the only owner of this project.", "Make somebody else owner first."
                )
            member = _named(connection, name)
        assert member is not None
        return member


def _named(connection: Connection, name: str) -> Member | None:
    row = connection.execute(select(members).where(members.c.name == name)).first()
    return None if row is None else Member(**row._mapping)


def _one_at_a_time(connection: Connection) -> None:
    """Two people who come at the same moment are not both the first."""
    if connection.dialect.name != "sqlite":  # there a writing transaction is alone anyway
        connection.exec_driver_sql("LOCK TABLE members IN SHARE ROW EXCLUSIVE MODE")
