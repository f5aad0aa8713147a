"""Every route, by the table of roles: without permission, with another's, and in a lesser role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from coldstart.labels.roles import ACTIONS, ROLES, ROUTES
from coldstart.project import Project
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key, make_token, project_key
from coldstart.store import NewEvent
from coldstart.ui.routes import routes
from coldstart.workflow.label import append_events
from coldstart.workflow.queue import queue_images
from coldstart.workflow.scan import scan
from coldstart.workflow.team import join, set_role

BODIES: dict[str, dict[str, Any]] = {
    "labels": {"events": []},
    "leases": {"count": 1},
    "classes": {"name": "cat"},
    "history": {},
    "suggestions": {"image_ids": [1]},
    "why": {"image_id": 1},
}
IMAGE_ROUTES = ("thumbnail", "image", "map", "map_point")

Ask = Callable[..., Response]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One person in each role, named like it; one image is labelled."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "images").mkdir()
    for shade in range(3):
        Image.new("RGB", (40, 30), (80 * shade, 0, 0)).save(folder / "images" / f"{shade}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDSTART_SECRET", "for the tests")
        patch.setenv("COLDSTART_PROJECTS", str(folder))
        project = Project.create(folder / "project", [folder / "images"])
        scan(project)
        for name in reversed(ROLES):  # the owner first
            join(project, name)
            set_role(project, name, name)
        queue_images(project, [1, 2, 3], "for the test", by="owner")
        append_events(project, [NewEvent(str(uuid4()), 3, "labeller", "skipped")])
        yield project
        project.store.close()


@pytest.fixture(scope="module")
def other(team: Project) -> Iterator[Project]:
    """Another project of the same server, in which none of them is."""
    project = Project.create(team.directory.with_name("other"), [team.roots[0]])
    join(project, "somebody")
    yield project
    project.store.close()


@pytest.fixture(scope="module")
def ask(team: Project) -> Iterator[Ask]:
    """ask(route, by, …): what the route answers this person."""
    client = TestClient(Starlette(routes=routes()), base_url="http://app.test")
    content_hash = team.store.images.get([1])[1].content_hash

    def answer(route: str, by: str = "", token: str = "", **headers: str) -> Response:
        if route in IMAGE_ROUTES:
            urls = route_urls(token or (image_key(team.directory, by) if by else "none"))
            where = {
                "thumbnail": f"{urls['thumbnails']}/{content_hash}.jpg",
                "image": f"{urls['images']}/1/{content_hash}.jpg",
                "map": f"{urls['maps']}/places.bin",
                "map_point": f"{urls['maps']}/places/1.json",
            }[route]
            return client.get(where, headers=headers)
        token = token or (make_token(team.directory, by) if by else "")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if route == "export":
            return client.get("/api/export?format=csv", headers=headers)
        return client.post(f"/api/{route}", json=BODIES[route], headers=headers)

    with client:
        yield answer


def test_the_table_names_every_route_and_no_other() -> None:
    assert {route.name for route in routes()} == set(ROUTES)
    assert set(ROUTES.values()) <= set(ACTIONS)
    assert {action for role in ROLES.values() for action in role.may} == set(ACTIONS)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_serves_the_roles_of_the_table(route: str, ask: Ask) -> None:
    for role in ROLES.values():
        answer = ask(route, role.name)
        if ROUTES[route] in role.may:
            # There is no map yet: it is looked for, and not found.
            assert answer.status_code == (404 if route.startswith("map") else 200), role.name
        else:
            assert answer.status_code == 403
            assert f"{role.name} is" in answer.json()["error"]
            assert answer.json()["remedy"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_refuses_whoever_has_no_valid_permission(
    route: str, ask: Ask, team: Project
) -> None:
    directory = team.directory
    assert ask(route).status_code == 401
    old = (image_key if route in IMAGE_ROUTES else make_token)(directory, "owner", now=0.0)
    assert ask(route, token=old).status_code == 401
    # A permission of the other kind is none: URLs are written into logs, tokens are not.
    other_kind = (make_token if route in IMAGE_ROUTES else image_key)(directory, "owner")
    assert ask(route, token=other_kind).status_code == 401
    genuine = (image_key if route in IMAGE_ROUTES else make_token)(directory, "owner")
    for no_permission in (genuine[:-2] + "xx", "x.y", project_key(directory)):
        assert ask(route, token=no_permission).status_code == 401
    assert ask(route, "stranger").status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_a_permission_for_one_project_opens_no_other(
    route: str, ask: Ask, team: Project, other: Project
) -> None:
    make = image_key if route in IMAGE_ROUTES else make_token
    assert ask(route, token=make(other.directory, "owner")).status_code == 403
    outside = team.directory.parent.with_name("elsewhere")
    assert ask(route, token=make(outside, "owner")).status_code == 403
    assert len(team.store.labels.events()) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_answers_no_other_sites_page(route: str, ask: Ask) -> None:
    for headers in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ask(route, "owner", **headers).status_code == 403
    assert ask(route, "owner", Origin="http://app.test").status_code in (200, 404)


@pytest.mark.parametrize("route", ROUTES)
def test_every_answer_carries_the_guarding_headers(route: str, ask: Ask) -> None:
    for by in ("owner", ""):
        headers = ask(route, by).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "public" not in headers["Cache-Control"]
