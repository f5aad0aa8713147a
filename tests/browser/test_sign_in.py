"""Signing in by an OpenID Connect provider: Streamlit's own way, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from playwright.sync_api import Browser, Page, expect
from queued import labellable
from streamlit_server import REPOSITORY, StreamlitServer, free_port

from coldstart.project import Project
from coldstart.workflow.queue import queue_images

WITHIN_MS = 60_000


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = labellable(tmp_path, 4)
    queue_images(project, [1, 2, 3, 4], "for the test")
    yield project
    project.store.close()


@pytest.fixture
def server(project: Project, provider: Provider, tmp_path: Path) -> Iterator[StreamlitServer]:
    port = free_port()
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a long random text, the same after a restart"
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"
server_metadata_url = "{provider.url}/.well-known/openid-configuration"
"""
    )
    server = StreamlitServer(
        app=REPOSITORY / "app.py",
        environment={"COLDSTART_PROJECTS": str(tmp_path / "projects")},
        log=tmp_path / "server.log",
        port=port,
        options={"secrets.files": str(secrets)},
    )
    server.start()
    yield server
    server.stop()


def sign_in(page: Page, email: str) -> None:
    page.get_by_role("button", name="Sign in").click(timeout=WITHIN_MS)
    page.get_by_role("link", name=email).click(timeout=WITHIN_MS)


def test_only_who_signs_in_gets_in_and_labels_under_the_checked_name(
    chromium: Browser, server: StreamlitServer, project: Project, provider: Provider
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    # A link straight to the labeller shows nothing of the project before.
    page.goto(f"{server.url}/label?project=team")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=WITHIN_MS)
    expect(page.get_by_text("team", exact=True)).to_have_count(0)
    assert project.store.members.all() == []

    # The provider knows of no link, but who has signed in is where it leads.
    sign_in(page, "olga@example.org")
    grid = page.get_by_role("grid", name="Images to label")
    expect(grid.get_by_role("gridcell")).to_have_count(4, timeout=WITHIN_MS)
    grid.get_by_role("gridcell").first.click()
    page.keyboard.press("1")
    expect(page.get_by_role("status").filter(has_text="saved")).to_have_text("saved")
    assert [event.annotator for event in project.store.labels.events()] == ["olga@example.org"]
    # The link is forgotten: the bare address leads to the first step again.
    page.goto(server.url)
    expect(page).to_have_url(f"{server.url}/data", timeout=WITHIN_MS)
    context.close()

    # The next one is a labeller, and both are known to be who they say.
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/label?project=team")
    sign_in(page, "anna@example.org")
    expect(grid_or_empty(page)).to_be_visible(timeout=WITHIN_MS)
    # A name in the cookie that servers without a provider trust is nothing here.
    members = {one.name: (one.role, one.signed_in) for one in project.store.members.all()}
    assert members == {
        "olga@example.org": ("owner", True),
        "anna@example.org": ("labeller", True),
    }
    assert provider.logins == 2

    # Signing out closes the door again.
    page.get_by_role("button", name="Sign out").click(timeout=WITHIN_MS)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=WITHIN_MS)
    context.close()


def grid_or_empty(page: Page):  # type: ignore[no-untyped-def]
    return (
        page.get_by_text("still in the queue")
        .or_(page.get_by_role("grid", name="Images to label"))
        .first
    )
