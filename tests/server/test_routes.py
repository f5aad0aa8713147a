"""The routes as a browser meets them: what is stored, what is refused, and in which words."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from coldstart.errors import ColdstartError
from coldstart.labels.roles import check_allowed_to
from coldstart.server.gate import LabellerClass, Stored
from coldstart.server.limits import MAX_BODY_BYTES
from coldstart.server.messages import RefusedEvent, SentEvent
from coldstart.server.routes import labeller_routes, route_urls
from coldstart.server.tokens import image_key, make_token

HASH = "ab" * 32


class Gate:
    """A project with the images 1 to 9 and one class, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored: dict[str, tuple[Path, str, SentEvent]] = {}
        self.lock = threading.Lock()
        self.roles: dict[str, str] = {}

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        check_allowed_to(annotator, self.roles.get(annotator, "owner"), action)

    def lease(self, directory: Path, annotator: str, count: int) -> list[int]:
        return list(range(1, count + 1))[:9]

    def give_back(
        self, directory: Path, annotator: str, image_ids: Sequence[int] | None = None
    ) -> int:
        return 3 if image_ids is None else len(image_ids)

    def export(self, directory: Path, format: str) -> bytes:
        return f"{directory.name} {format}".encode()

    def append_events(self, directory: Path, events: Sequence[SentEvent], annotator: str) -> Stored:
        refused = [
            RefusedEvent(e.uuid, "There is no such image.") for e in events if e.image_id > 9
        ]
        good = [event for event in events if event.image_id <= 9]
        with self.lock:
            for event in good:
                self.stored.setdefault(event.uuid, (directory, annotator, event))
        return Stored([event.uuid for event in good], refused, 4)

    def add_class(self, directory: Path, name: str, annotator: str) -> LabellerClass:
        if name == "bad":
            raise ColdstartError("That cannot be a class.", "Take another name.")
        return LabellerClass(5, name.strip(), "1", "#336699")

    def thumbnail_file(self, directory: Path, content_hash: str) -> Path | None:
        return self.folder / f"{content_hash}.jpg"

    def image_file(self, directory: Path, image_id: int, content_hash: str) -> Path | None:
        return self.folder / f"{image_id}.png" if image_id < 4 else None


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setenv("COLDSTART_SECRET", "for the tests")
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path))
    Image.new("RGB", (20, 10), "red").save(tmp_path / f"{HASH}.jpg")
    Image.new("RGB", (3000, 1500), "blue").save(tmp_path / "1.png")
    (tmp_path / "2.png").write_text("no picture")
    return Gate(tmp_path)


@pytest.fixture
def client(gate: Gate) -> TestClient:
    return TestClient(Starlette(routes=labeller_routes(gate)), base_url="http://app.test")


@pytest.fixture
def bearer(gate: Gate) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(gate.folder / 'birds', 'ann')}"}


def event(**changes: Any) -> dict[str, Any]:
    usual = {"uuid": str(uuid4()), "image_id": 1, "kind": "class", "class_id": 5, "batch_id": 7}
    return usual | {"client_time": 1.7e12, "seconds": 1.5} | changes


def test_labels_are_stored_for_the_tokens_person_and_project(client, gate, bearer) -> None:
    sent = [event(), event(kind="skipped", class_id=None, batch_id=None)]
    reply = client.post("/api/labels", json={"events": sent}, headers=bearer)
    assert reply.status_code == 200
    assert reply.json() == {
        "accepted": [row["uuid"] for row in sent],
        "standing": [],
        "refused": [],
        "batch_left": 4,
    }
    directory, annotator, first = gate.stored[sent[0]["uuid"]]
    assert (directory, annotator) == (gate.folder / "birds", "ann")
    assert first == SentEvent(sent[0]["uuid"], 1, "class", 5, 7, 1.7e12, 1.5)


def test_a_batch_sent_twice_is_accepted_twice_and_stored_once(client, gate, bearer) -> None:
    body = {"events": [event(), event(image_id=2)]}
    replies = [client.post("/api/labels", json=body, headers=bearer).json() for _ in range(2)]
    assert replies[0]["accepted"] == replies[1]["accepted"] == [e["uuid"] for e in body["events"]]
    assert len(gate.stored) == 2


def test_one_bad_event_does_not_cost_the_others_theirs(client, gate, bearer) -> None:
    good = event()
    bad = [
        event(uuid="nonsense"),
        event(uuid=None),
        event(image_id="1"),
        event(image_id=True),
        event(image_id=-1),
        event(image_id=2**70),
        event(kind="maybe"),
        event(kind="class", class_id=None),
        event(kind="skipped", class_id=5),
        event(batch_id="seven"),
        event(seconds="long"),
        event(client_time=1e40),
        event(image_id=99),
        "no object",
    ]
    reply = client.post("/api/labels", json={"events": [*bad, good]}, headers=bearer)
    assert reply.status_code == 200
    assert reply.json()["accepted"] == [good["uuid"]]
    refused = reply.json()["refused"]
    assert len(refused) == len(bad)
    assert all(row["reason"].endswith(".") for row in refused)


def test_not_a_number_is_refused(client, bearer) -> None:
    body = json.dumps({"events": [event(seconds=float("nan"))]})
    reply = client.post("/api/labels", content=body, headers=bearer)
    assert reply.json()["refused"][0]["reason"] == "The event's times are not numbers."


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer rubbish"}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
    ],
)
def test_without_a_valid_token_nothing_is_stored(client, gate, headers, status) -> None:
    for path, body in (("labels", {"events": [event()]}), ("classes", {"name": "cat"})):
        reply = client.post(f"/api/{path}", json=body, headers=headers)
        assert reply.status_code == status
        assert set(reply.json()) == {"error", "remedy"}
    assert gate.stored == {}


@pytest.mark.parametrize("origin", ["http://evil.test", "http://app.test:99", "null"])
def test_another_origin_is_refused_even_with_a_token(client, gate, bearer, origin) -> None:
    headers = bearer | {"Origin": origin}
    reply = client.post("/api/labels", json={"events": [event()]}, headers=headers)
    assert reply.status_code == 403
    assert gate.stored == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://app.test"},
        {"Origin": "https://team.test", "X-Forwarded-Host": "team.test"},
        {"Origin": "https://team.test", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_the_apps_own_origin_is_served_behind_a_proxy_too(client, bearer, headers) -> None:
    reply = client.post("/api/labels", json={"events": []}, headers=bearer | headers)
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"events": 3}', 400),
        (b"[" * 200_000, 400),
        (b"\xff\xfe", 400),
        (b"x" * (MAX_BODY_BYTES + 1), 413),
        (json.dumps({"events": [0] * 5000}).encode(), 413),
    ],
)
def test_a_malformed_request_gets_one_sentence(client, gate, bearer, body, status) -> None:
    reply = client.post("/api/labels", content=body, headers=bearer)
    assert reply.status_code == status
    assert reply.json()["error"].endswith(".")
    assert gate.stored == {}


def test_a_body_without_a_length_is_bounded_too(client, bearer) -> None:
    chunks = (b"x" * 100_000 for _ in range(20))
    assert client.post("/api/labels", content=chunks, headers=bearer).status_code == 413


def test_a_class_is_made_or_refused_in_words(client, bearer) -> None:
    made = client.post("/api/classes", json={"name": " cat "}, headers=bearer)
    assert made.json() == {"id": 5, "name": "cat", "key": "1", "color": "#336699"}
    for name, status in (("bad", 422), ("  ", 400), (7, 400), (None, 400)):
        reply = client.post("/api/classes", json={"name": name}, headers=bearer)
        assert reply.status_code == status
        assert reply.json()["error"]


def test_a_thumbnail_is_kept_for_ever_and_only_for_those_with_the_key(client, gate) -> None:
    urls = route_urls(image_key(gate.folder / "birds", "ann"))
    reply = client.get(f"{urls['thumbnails']}/{HASH}.jpg")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "image/jpeg"
    assert "immutable" in reply.headers["cache-control"]
    assert client.get(f"/thumbnails/guessed.key/{HASH}.jpg").status_code == 401
    for wrong in ("..%2f..%2fetc%2fpasswd", "AB" * 32, "ab", "cd" * 32):
        missing = client.get(f"{urls['thumbnails']}/{wrong}.jpg")
        assert missing.status_code == 404
        assert "immutable" not in missing.headers.get("cache-control", "")


def test_an_original_is_shown_at_display_size(client, gate) -> None:
    urls = route_urls(image_key(gate.folder / "birds", "ann"))
    reply = client.get(f"{urls['images']}/1/{HASH}.jpg")
    assert reply.status_code == 200
    assert Image.open(io.BytesIO(reply.content)).size == (1600, 800)
    assert "immutable" in reply.headers["cache-control"]
    broken = client.get(f"{urls['images']}/2/{HASH}.jpg")
    assert broken.status_code == 422
    assert broken.json()["error"]
    for image_id in ("7", "-1", "x", "9" * 30):
        assert client.get(f"{urls['images']}/{image_id}/{HASH}.jpg").status_code == 404


def test_the_routes_stand_below_a_base_path(gate, bearer) -> None:
    client = TestClient(Starlette(routes=labeller_routes(gate, "/team/labels/")))
    urls = route_urls("key", "team/labels")
    assert urls["labels"] == "/team/labels/api/labels"
    assert client.post(urls["labels"], json={"events": []}, headers=bearer).status_code == 200


def test_a_token_opens_its_own_project_and_no_other(client, gate) -> None:
    cats = {"Authorization": f"Bearer {make_token(gate.folder / 'cats', 'ann')}"}
    assert client.get("/api/export?format=csv", headers=cats).content == b"cats csv"
    sent = event()
    client.post("/api/labels", json={"events": [sent]}, headers=cats)
    assert gate.stored[sent["uuid"]][0] == gate.folder / "cats"


def test_work_is_handed_out_and_returned(client, bearer) -> None:
    reply = client.post("/api/leases", json={"count": 2}, headers=bearer)
    assert reply.json() == {"images": [1, 2]}
    assert client.post("/api/leases", json={"count": 0}, headers=bearer).json() == {"returned": 3}
    some = {"count": 0, "images": [1, 2]}
    assert client.post("/api/leases", json=some, headers=bearer).json() == {"returned": 2}
    some["images"] = ["1"]
    assert client.post("/api/leases", json=some, headers=bearer).status_code == 400
    for count in (-1, 10**6, "2", None, True):
        assert client.post("/api/leases", json={"count": count}, headers=bearer).status_code == 400
