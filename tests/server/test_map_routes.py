"""The map's routes as a browser meets them: bytes and points for who has the project's key only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from coldstart.errors import ColdstartError
from coldstart.server.map_routes import map_routes
from coldstart.server.routes import route_urls
from coldstart.server.tokens import image_key

NAME = "ab" * 16


class Gate:
    """One packed map with one point."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        if annotator != "ann" or action != "see":
            raise ColdstartError("You are no member.", "Ask to be made one.")

    def map_file(self, directory: Path, name: str) -> Path | None:
        file = self.folder / name
        return file if directory.name == "birds" and file.is_file() else None

    def map_point(self, directory: Path, places: str, number: int) -> dict[str, Any] | None:
        return {"name": "a.png", "number": number} if (places, number) == (NAME, 7) else None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLDSTART_SECRET", "for the tests")
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path))
    (tmp_path / f"{NAME}.places").write_bytes(b"\1\2\3\4")
    return tmp_path


@pytest.fixture
def client(folder: Path) -> TestClient:
    app = Starlette(routes=map_routes(Gate(folder), "/base"))
    return TestClient(app, base_url="http://app.test")


def test_places_and_points_are_answered(client: TestClient, folder: Path) -> None:
    maps = route_urls(image_key(folder / "birds", "ann"), "/base")["maps"]
    reply = client.get(f"{maps}/{NAME}.places")
    assert (reply.status_code, reply.content) == (200, b"\1\2\3\4")
    assert "immutable" in reply.headers["cache-control"]
    point = client.get(f"{maps}/{NAME}/7.json")
    assert point.json() == {"name": "a.png", "number": 7}
    assert point.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("{maps}/" + "cd" * 16 + ".places", 404),
        ("{maps}/" + NAME + "/8.json", 404),
        ("{maps}/" + NAME + "/-1.json", 404),
        ("{maps}/" + NAME + "/seven.json", 404),
        ("/base/maps/made-up.key/" + NAME + ".places", 401),
        ("/base/maps/made-up.key/" + NAME + "/7.json", 401),
    ],
)
def test_what_is_not_there_or_not_allowed_is_refused_in_a_sentence(
    client: TestClient, folder: Path, path: str, status: int
) -> None:
    maps = route_urls(image_key(folder / "birds", "ann"), "/base")["maps"]
    reply = client.get(path.format(maps=maps))
    assert reply.status_code == status
    assert reply.json()["error"].endswith(".")


def test_another_site_gets_nothing(client: TestClient, folder: Path) -> None:
    maps = route_urls(image_key(folder / "birds", "ann"), "/base")["maps"]
    reply = client.get(f"{maps}/{NAME}.places", headers={"Origin": "http://elsewhere.test"})
    assert reply.status_code == 403


def test_who_is_no_member_sees_no_map(client: TestClient, folder: Path) -> None:
    maps = route_urls(image_key(folder / "birds", "eve"), "/base")["maps"]
    assert client.get(f"{maps}/{NAME}.places").status_code == 403
    assert client.get(f"{maps}/{NAME}/7.json").status_code == 403
