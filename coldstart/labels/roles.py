"""What each person of a project may do: the one registry of roles, for pages, routes and CLI."""

from __future__ import annotations

from dataclasses import dataclass

from coldstart.errors import ColdstartError

LABELLER = "labeller"
REVIEWER = "reviewer"
OWNER = "owner"
GUEST = "guest"

ACTIONS: dict[str, str] = {
    "see": "look at the images",
    "label": "label images",
    "review": "decide where people disagree",
    "queue": "queue images to label, or empty the queue",
    "run": "compute, train and scan",
    "export": "export or download the labels",
    "classes": "change classes for everybody",
    "import": "bring labels or vectors along",
    "undo": "undo what other people answered",
    "settings": "change the project's settings, or leave images out for everybody",
    "people": "change people's roles",
}
"""Everything a role can allow, in words that follow “may”."""

_LABELLER = ("see", "label")
_REVIEWER = (*_LABELLER, "review", "queue", "run", "export")


@dataclass(frozen=True)
class Role:
    """One role: its name in the database, and which of `ACTIONS` it allows."""

    name: str
    title: str
    words: str
    may: tuple[str, ...]


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role(GUEST, "Guest", "Looks, and changes nothing.", ("see",)),
        Role(LABELLER, "Labeller", "Labels what is in the queue.", _LABELLER),
        Role(
            REVIEWER,
            "Reviewer",
            "Labels, decides where people disagree, queues images, trains and exports.",
            _REVIEWER,
        ),
        Role(
            OWNER,
            "Owner",
            "Does everything, and says who may do what. The first person is the owner.",
            tuple(ACTIONS),
        ),
    )
}
"""Every role, from the one that may least."""


ROUTES: dict[str, str] = {
    "labels": "label",
    "leases": "label",
    "classes": "label",  # a new one, while labelling
    "history": "label",
    "suggestions": "label",
    "why": "label",
    "export": "export",
    "thumbnail": "see",
    "image": "see",
    "map": "see",
    "map_point": "see",
}
"""The action each HTTP route takes, by the route's name."""


def who_may(action: str) -> list[str]:
    """The titles of the roles that allow the action, from the one that may least."""
    return [one.title for one in ROLES.values() if action in one.may]


def check_allowed_to(name: str, role: str, action: str) -> None:
    """Raise ColdstartError, with one sentence, unless this role allows the action."""
    if action in ROLES[role].may:
        return
    able = " or ".join(who_may(action)).lower()
    raise ColdstartError(
        f"{name} is {'an' if role[0] in 'aeiou' else 'a'} {ROLES[role].title.lower()} in this "
        f"project and may not {ACTIONS[action]}.",
        f"Ask an owner of the project to make you {able}.",
    )
