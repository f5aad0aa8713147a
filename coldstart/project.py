"""A project: one directory with settings, database and artefacts; a copy works elsewhere."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import tomlkit

from coldstart.errors import ColdstartError
from coldstart.store import ImageRow, Store

SETTINGS_FILE = "coldstart.toml"


@dataclass(frozen=True)
class Project:
    """An open project. Make one with `Project.create`, open one with `Project.open`.

    Attributes
    ----------
    directory : where everything of the project lies.
    name : what a person calls it.
    roots : the image folders; images below them are the pool.
    settings : the table ``[settings]`` of ``coldstart.toml``.
    id : made once, so that a project made anew in the same place is not taken for this one.
    """

    directory: Path
    name: str
    roots: tuple[Path, ...]
    settings: dict[str, Any]
    database: str | None = None
    id: str = ""

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        images: Sequence[str | os.PathLike[str]],
        *,
        name: str | None = None,
        settings: dict[str, Any] | None = None,
        database: str | None = None,
    ) -> Project:
        """A new project in ``directory`` over the image folders ``images``.

        Raises
        ------
        ColdstartError : the directory holds something already, or an image folder is not one.
        """
        directory = Path(directory).expanduser().absolute()
        if (directory / SETTINGS_FILE).exists():
            raise ColdstartError(
                f"There is a project in {directory} already.",
                "Open that one, or choose another place.",
            )
        if directory.exists() and not directory.is_dir():
            raise ColdstartError(f"{directory} is a file.", "Choose a folder for the project.")
        if not images:
            raise ColdstartError(
                "A project needs at least one image folder.", "Name one with --images DIR."
            )
        roots = [check_image_folder(folder) for folder in images]
        try:
            directory.mkdir(parents=True, exist_ok=True)
            document = tomlkit.document()
            document["name"] = name or directory.name
            document["id"] = uuid4().hex
            document["images"] = [_portable(root, directory) for root in roots]
            if database:
                document["database"] = database
            document["settings"] = settings or {}
            _write(directory / SETTINGS_FILE, tomlkit.dumps(document))
        except OSError as error:
            raise ColdstartError(
                f"The project cannot be written to {directory} ({error.strerror}).",
                "Choose a folder you may write to.",
            ) from error
        return cls.open(directory)

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Project:
        """The project in ``directory``.

        Raises
        ------
        ColdstartError : there is none, or its settings or its database cannot be read.
        """
        directory = Path(directory).expanduser().absolute()
        file = directory / SETTINGS_FILE
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ColdstartError(
                f"There is no project in {directory} (no {SETTINGS_FILE}).",
                "Make one with: coldstart new PROJECT --images DIR.",
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ColdstartError(
                f"{file} cannot be read ({error}).", "Mend the file or restore it from a copy."
            ) from error
        roots = tuple((directory / folder).absolute() for folder in document.get("images", []))
        project = cls(
            directory=directory,
            name=str(document.get("name", directory.name)),
            roots=roots,
            settings=dict(document.get("settings", {})),
            database=document.get("database"),
            id=str(document.get("id", "")),
        )
        _ = project.store
        return project

    @cached_property
    def store(self) -> Store:
        """The project's database, opened at first use and brought up to date."""
        return Store(self.database or f"sqlite:///{self.directory / 'coldstart.db'}")

    def set(self, **settings: Any) -> Project:
        """The project with these settings changed, in the file too; None takes one away."""
        file = self.directory / SETTINGS_FILE
        document = tomlkit.parse(file.read_text(encoding="utf-8"))
        table = document.setdefault("settings", {})
        for key, value in settings.items():
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
        _write(file, tomlkit.dumps(document))
        return Project.open(self.directory)

    def file_of(self, image: ImageRow) -> Path:
        """Where the image lies on this machine."""
        if not 0 <= image.root < len(self.roots):
            raise ColdstartError(
                f"{image.path} belongs to an image folder this project no longer has.",
                f"Add the folder again under `images` in {self.directory / SETTINGS_FILE}.",
            )
        return self.roots[image.root] / image.path

    @property
    def thumbnails(self) -> Path:
        return self.directory / "thumbnails"

    @property
    def embeddings(self) -> Path:
        return self.directory / "embeddings"

    @property
    def maps(self) -> Path:
        return self.directory / "maps"

    @property
    def graphs(self) -> Path:
        return self.directory / "graphs"

    @property
    def models(self) -> Path:
        return self.directory / "models"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"


def check_image_folder(folder: str | os.PathLike[str]) -> Path:
    """``folder`` as an absolute path, if images can be looked for in it.

    Raises
    ------
    ColdstartError : it does not exist, is not a folder, or may not be read.
    """
    path = Path(folder).expanduser().absolute()
    try:
        if not path.exists():
            raise ColdstartError(
                f"The folder {path} does not exist.", "Check the spelling, or browse to it."
            )
        if not path.is_dir():
            raise ColdstartError(
                f"{path} is a file, not a folder.", "Name the folder that holds the images."
            )
        with os.scandir(path):
            pass
    except PermissionError:
        raise ColdstartError(
            f"The folder {path} may not be read by this account.",
            "Ask for read permission, or copy the images to a folder of your own.",
        ) from None
    except (OSError, ValueError) as error:
        raise ColdstartError(
            f"The folder {str(path)[:200]!r} cannot be opened ({error}).", "Check the path."
        ) from error
    return path


def slug(name: str) -> str:
    """A folder name made from what a person called the project."""
    plain = re.sub(r"[^\w.-]+", "-", name.strip(), flags=re.UNICODE).strip("-.")
    return plain[:80] or "project"


def _portable(root: Path, directory: Path) -> str:
    # A folder inside the project moves with it; any other place is named in full.
    return str(root.relative_to(directory)) if root.is_relative_to(directory) else str(root)


def _write(file: Path, text: str) -> None:
    beside = file.with_suffix(".tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)
