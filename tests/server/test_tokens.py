"""Project keys and tokens: nobody but the server can make one, and a token runs out."""

from __future__ import annotations

import json
import stat
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldstart.errors import ColdstartError
from coldstart.server import tokens
from coldstart.server.tokens import (
    TokenRefused,
    make_token,
    project_directory,
    project_key,
    read_token,
)


@pytest.fixture(autouse=True)
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.delenv("COLDSTART_SECRET", raising=False)
    return tmp_path / "projects"


def test_a_token_says_who_where_and_until_when(projects: Path) -> None:
    token = make_token(projects / "birds", "Zoë", now=1_000_000.0)
    claims = read_token(token, now=1_000_000.0 + 3_600)
    assert (claims.directory, claims.annotator) == (projects / "birds", "Zoë")
    with pytest.raises(TokenRefused, match="run out"):
        read_token(token, now=1_000_000.0 + 3_600 + 601)


def test_a_page_that_reruns_gets_the_same_token_for_minutes(projects: Path) -> None:
    made = {make_token(projects / "birds", "ann", now=1_000_201.0 + step) for step in range(300)}
    assert len(made) == 1


@pytest.mark.parametrize("place", ["projects/birds", "elsewhere/ol\u00e9 \U0001f600", "odd\udcff"])
def test_a_project_key_stands_for_its_directory_wherever_it_is(tmp_path: Path, place: str) -> None:
    key = project_key(tmp_path / place)
    assert project_directory(key) == tmp_path / place
    assert key == project_key(tmp_path / place)
    assert key.isascii()
    assert "/" not in key


def test_a_key_inside_the_projects_folder_does_not_show_the_disk(projects: Path) -> None:
    assert len(project_key(projects / "birds")) < 40


def test_a_key_is_no_token_and_a_token_no_key(projects: Path) -> None:
    with pytest.raises(TokenRefused):
        read_token(project_key(projects / "birds"))
    with pytest.raises(TokenRefused):
        project_directory(make_token(projects / "birds", "ann"))


def test_another_secret_makes_other_signatures(
    projects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = project_key(projects / "birds"), make_token(projects / "birds", "ann")
    monkeypatch.setenv("COLDSTART_SECRET", "another")
    with pytest.raises(TokenRefused):
        project_directory(key)
    with pytest.raises(TokenRefused):
        read_token(token)


def test_a_changed_payload_is_refused(projects: Path) -> None:
    signature = make_token(projects / "birds", "ann").split(".")[1]
    claims = {"project": "birds", "annotator": "bob", "expires_at": 9e9}
    forged = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(TokenRefused):
        read_token(f"{forged}.{signature}")


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_token_or_a_key(text: str) -> None:
    with pytest.raises(TokenRefused):
        read_token(text)
    with pytest.raises(TokenRefused):
        project_directory(text)


def test_the_secret_is_made_once_and_only_its_owner_reads_it(projects: Path) -> None:
    def key_in_a_new_process(_: int) -> str:
        tokens._secret_from_file.cache_clear()
        return project_key(projects / "birds")

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(key_in_a_new_process, range(32)))
    file = projects / tokens.SECRET_FILE
    assert len(keys) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in projects.iterdir()] == [tokens.SECRET_FILE]


def test_a_projects_folder_that_cannot_be_written_is_said_in_a_sentence(projects: Path) -> None:
    projects.write_text("a file where the folder should be")
    with pytest.raises(ColdstartError, match="COLDSTART_SECRET"):
        project_key(projects / "birds")
