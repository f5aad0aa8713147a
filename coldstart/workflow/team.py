"""Team: who may do what in a project, and images handed out so that nobody does the same twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from coldstart.errors import ColdstartError
from coldstart.labels.roles import LABELLER, ROLES, check_allowed_to
from coldstart.project import Project
from coldstart.store import Member, NewEvent, Pick

_LOOK_AHEAD = 500  # queued images tried at once when somebody asks for work


def join(project: Project, name: str, *, signed_in: bool = False) -> Member:
    """The person of this name; somebody new becomes a labeller, the very first the owner."""
    return project.store.members.join(name, signed_in=signed_in)


def check_may(project: Project, name: str, action: str) -> None:
    """Refuse what this person's role does not allow (`labels.roles.ACTIONS`).

    A command that was given without a name, or under one that has never opened the project, came
    from somebody with an account on this machine: that is the operating system's to allow.

    Raises
    ------
    ColdstartError : their role does not allow it.
    """
    member = project.store.members.get(name) if name else None
    if member is not None:
        check_allowed_to(name, member.role, action)


def check_member(project: Project, name: str, action: str) -> None:
    """`check_may` for a request from outside: a stranger is refused, too.

    Raises
    ------
    ColdstartError : their role does not allow it, or they do not belong to the project.
    """
    member = project.store.members.get(name)
    if member is not None:
        check_allowed_to(name, member.role, action)
    elif project.store.members.all():
        raise ColdstartError(f"{name} is not in this project.", "Open its page first.")


def may(project: Project, name: str, action: str) -> bool:
    """Whether this person's role allows the action."""
    member = project.store.members.get(name)
    role = member.role if member else LABELLER
    return action in ROLES[role].may


def hidden_from(project: Project, name: str, image_ids: Sequence[int]) -> set[int]:
    """Those of these images of which this person must not see what others have said: two people
    are to answer them, they have not yet, and they do not review."""
    if may(project, name, "review"):
        return set()
    picks = project.store.batches.last_picks(list(image_ids))
    twice = [image_id for image_id, pick in picks.items() if pick.wanted > 1]
    return set(twice) - project.store.labels.own(name, twice).keys()


def set_role(project: Project, name: str, role: str, *, by: str = "") -> Member:
    """Give somebody another role.

    Raises
    ------
    ColdstartError : ``by`` may not, there is no such role, or no owner would be left.
    """
    check_may(project, by, "people")
    return project.store.members.set_role(name, role)


def change_settings(project: Project, *, by: str = "", **settings: object) -> Project:
    """The project with other settings (`Project.set`); None takes one away.

    Raises
    ------
    ColdstartError : ``by`` may not.
    """
    check_may(project, by, "settings")
    return project.set(**settings)


def hand_out(
    project: Project, annotator: str, image_ids: Sequence[int], first: int, count: int
) -> list[int]:
    """``image_ids`` with what is in other hands left out, the page from ``first`` on leased.

    Returns
    -------
    the list as this person may go through it: up to and with the page nothing but images that are
    theirs now; behind it what has not been tried yet.
    """
    before, rest = list(image_ids[:first]), list(image_ids[first:])
    page: list[int] = []
    while rest and len(page) < count:
        some, rest = rest[:count], rest[count:]
        got = project.store.leases.take(annotator, some, count - len(page))
        page += got
        if len(page) == count:
            rest = some[some.index(got[-1]) + 1 :] + rest
    return [*before, *page, *rest]


def next_work(project: Project, annotator: str, count: int) -> list[int]:
    """Up to ``count`` queued images, leased to this person, in the order of the queue."""
    waiting = project.store.batches.waiting(annotator)
    got: list[int] = []
    for start in range(0, len(waiting), _LOOK_AHEAD):
        if len(got) >= count:
            break
        some = waiting[start : start + _LOOK_AHEAD]
        got += project.store.leases.take(annotator, some, count - len(got))
    return got


def mark_reviews(project: Project, events: Sequence[NewEvent]) -> list[NewEvent]:
    """The events, with those that are a reviewer's decision marked so.

    An answer of somebody who may review decides when others have answered before and the image was
    not handed to them blind, for a second opinion.
    """
    roles = {one.name: one.role for one in project.store.members.all()}
    reviewers = {name for name, role in roles.items() if "review" in ROLES[role].may}
    by_reviewers = [event for event in events if event.annotator in reviewers]
    if not by_reviewers:
        return list(events)
    standing: dict[int, dict[str, bool]] = {}
    for answer in project.store.labels.standing(list({one.image_id for one in by_reviewers})):
        standing.setdefault(answer.image_id, {})[answer.annotator] = answer.review
    held = {
        name: project.store.leases.held(
            name, [one.image_id for one in by_reviewers if one.annotator == name]
        )
        for name in {one.annotator for one in by_reviewers}
    }

    def decides(event: NewEvent) -> bool:
        answers = standing.get(event.image_id, {})
        if answers.get(event.annotator):  # they have decided before, and now otherwise
            return True
        others = any(name != event.annotator for name in answers)
        return others and event.image_id not in held[event.annotator]

    return [
        replace(event, review=True) if event.annotator in reviewers and decides(event) else event
        for event in events
    ]


def overlap_share(project: Project) -> float:
    """Which share of what is queued goes to two people.

    Raises
    ------
    ColdstartError : the project's setting is no share.
    """
    value = project.settings.get("overlap", 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ColdstartError(
            f"The project's setting overlap is {value!r}, which is no number from 0 to 1.",
            "Write 0.1 for a tenth of the images, or take the line away.",
        )
    return float(value)


def with_overlap(project: Project, picks: Sequence[Pick]) -> list[Pick]:
    """The picks, a share of them (`overlap_share`) marked as wanting two people's answers.

    Which ones follows from the image alone, so that nobody can choose, and with a share of 1 in k
    about every k-th image is one.
    """
    share = overlap_share(project)
    if share == 0:
        return list(picks)

    def draw(image_id: int) -> float:
        digest = hashlib.sha256(f"overlap:{project.id}:{image_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    return [replace(one, wanted=2) if draw(one.image_id) < share else one for one in picks]
