"""The files in deploy/ name what is there: files of the repository, variables that are read."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import pytest
from streamlit import config

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def variables() -> set[str]:
    """Every environment variable that the docs and deploy/ tell people to set."""
    texts = [file.read_text() for file in (*DEPLOY.iterdir(), ROOT / "docs" / "team-server.md")]
    return set(re.findall(r"\b(?:COLDSTART|STREAMLIT)_[A-Z_]+\b", "\n".join(texts)))


def test_the_container_file_copies_files_that_are_there() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = [source for line in lines if line.startswith("COPY") for source in line.split()[1:-1]]
    assert {"app.py", "coldstart", "pages", ".streamlit"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source


@pytest.mark.parametrize("name", sorted(variables()))
def test_a_variable_that_people_are_told_to_set_is_read(name: str) -> None:
    if name.startswith("COLDSTART_"):
        sources = (file.read_text() for file in (ROOT / "coldstart").rglob("*.py"))
        assert any(f'"{name}"' in text for text in sources)
        return
    section, _, option = name.removeprefix("STREAMLIT_").lower().partition("_")
    first, *rest = option.split("_")
    spelled = f"{section}.{first}{''.join(word.title() for word in rest)}"
    assert spelled in {known.replace("URL", "Url") for known in config._config_options_template}


def test_the_service_starts_what_the_readme_starts() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "coldstart.service")
    service = unit["Service"]
    command = shlex.split(service["ExecStart"])
    assert command[1:] == ["-m", "streamlit", "run", "app.py"]
    assert command[0].startswith(service["WorkingDirectory"])
    settings = dict(
        line.split("=", 1)
        for line in (DEPLOY / "coldstart.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    # What the service may write and read holds what the settings name.
    assert settings["COLDSTART_PROJECTS"].startswith(service["ReadWritePaths"])
    assert settings["COLDSTART_ROOTS"] == service["ReadOnlyPaths"]
    base = settings["STREAMLIT_SERVER_BASE_URL_PATH"]
    assert f"location /{base}/ {{" in (DEPLOY / "nginx.conf").read_text()
