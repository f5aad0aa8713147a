"""The routes over a real project: what a browser posts is what the project's database holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from coldstart.project import Project
from coldstart.server.routes import labeller_routes, route_urls
from coldstart.server.tokens import image_key, make_token
from coldstart.ui.routes import ProjectGate
from coldstart.workflow.scan import scan


@pytest.fixture
def scanned(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("COLDSTART_SECRET", "for the tests")
    monkeypatch.setenv("COLDSTART_PROJECTS", str(project.directory.parent))
    scan(project)
    return project


@pytest.fixture
def client(scanned: Project) -> TestClient:
    bearer = {"Authorization": f"Bearer {make_token(scanned.directory, 'ann')}"}
    return TestClient(Starlette(routes=labeller_routes(ProjectGate())), headers=bearer)


def event(image_id: int, class_id: int | None, **changes: Any) -> dict[str, Any]:
    usual = {"uuid": str(uuid4()), "kind": "class" if class_id else "skipped", "seconds": 1.0}
    return usual | {"image_id": image_id, "class_id": class_id, "batch_id": None} | changes


def test_classes_and_labels_arrive_in_the_project(scanned: Project, client: TestClient) -> None:
    cat = client.post("/api/classes", json={"name": "cat"}).json()
    assert cat == client.post("/api/classes", json={"name": "cat"}).json()
    assert (cat["name"], cat["key"]) == ("cat", "1")
    ids = [row.image_id for row in scanned.store.images.usable()]
    sent = [event(ids[0], cat["id"]), event(ids[1], None), event(10**9, cat["id"]), event(1, 999)]
    for _ in range(2):  # a resent request changes nothing
        reply = client.post("/api/labels", json={"events": sent}).json()
        assert reply["accepted"] == [sent[0]["uuid"], sent[1]["uuid"]]
        assert {row["uuid"] for row in reply["refused"]} == {sent[2]["uuid"], sent[3]["uuid"]}
    stored = scanned.store.labels.events()
    assert [(row.image_id, row.kind, row.annotator) for row in stored] == [
        (ids[0], "class", "ann"),
        (ids[1], "skipped", "ann"),
    ]


def test_a_class_name_that_cannot_be_is_refused_in_words(client: TestClient) -> None:
    for name in ("x" * 500, "two\nlines", "\u202ehidden"):
        reply = client.post("/api/classes", json={"name": name})
        assert reply.status_code == 422
        assert reply.json()["remedy"]


def test_pictures_are_served_by_their_content(scanned: Project, client: TestClient) -> None:
    urls = route_urls(image_key(scanned.directory, "ann"))
    for row in scanned.store.images.usable():
        thumbnail = client.get(f"{urls['thumbnails']}/{row.content_hash}.jpg")
        original = client.get(f"{urls['images']}/{row.image_id}/{row.content_hash}.jpg")
        assert thumbnail.content[:2] == original.content[:2] == b"\xff\xd8"
    other = "0" * 64  # the address of another content never shows this one
    assert client.get(f"{urls['images']}/1/{other}.jpg").status_code == 404
    assert client.get(f"{urls['thumbnails']}/{other}.jpg").status_code == 404


def test_many_posts_at_once_lose_and_double_nothing(scanned: Project, client: TestClient) -> None:
    ids = [row.image_id for row in scanned.store.images.usable()]
    requests = [[event(image_id, None) for image_id in ids] for _ in range(24)]

    def post(events: list[dict[str, Any]]) -> list[str]:
        return list(client.post("/api/labels", json={"events": events}).json()["accepted"])

    with ThreadPoolExecutor(8) as pool:
        accepted = [uuid for uuids in pool.map(post, requests) for uuid in uuids]
    assert len(accepted) == 24 * len(ids)
    assert sorted(row.uuid for row in scanned.store.labels.events()) == sorted(accepted)
