"""A project: one directory with settings, database and artefacts; a copy works elsewhere."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import tomlkit

from coldstart.errors import ColdstartError
from coldstart.images.fetched import DEFAULT_CACHE_BYTES, FetchedPath
from coldstart.images.sources import Source, check_image_folder, is_url, open_source
from coldstart.store import ImageRow, Store

__all__ = ["SETTINGS_FILE", "Project", "check_image_folder", "check_source", "slug"]

SETTINGS_FILE = "coldstart.toml"


@dataclass(frozen=True)
class Project:
    """An open project. Make one with `Project.create`, open one with `Project.open`.

    Attributes
    ----------
    directory : where everything of the project lies.
    name : what a person calls it.
    images : where the images come from, as ``coldstart.toml`` says it; see `sources`.
    roots : the local folder or file behind each of ``images``; for a URL that of its copies.
    settings : the table ``[settings]`` of ``coldstart.toml``.
    id : made once, so that a project made anew in the same place is not taken for this one.
    """

    directory: Path
    name: str
    images: tuple[str, ...]
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
        """A new project in ``directory`` over the images at ``images``.

        Each of ``images`` is a folder, a list of paths (``.csv``, ``.jsonl``, ``.parquet``), a
        ``.zip``, or a URL that fsspec reads (``s3://bucket/folder``; needs ``coldstart[cloud]``).

        Raises
        ------
        ColdstartError : the directory holds something already, or no images can be looked for in
            one of the places, or two of them hold the same images.
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
        places: list[str] = []
        for place in images:
            places.append(_apart_from(places, check_source(place, directory, settings or {})))
        try:
            directory.mkdir(parents=True, exist_ok=True)
            document = tomlkit.document()
            document["name"] = name or directory.name
            document["id"] = uuid4().hex
            document["images"] = [_portable(place, directory) for place in places]
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
        images = tuple(
            place if is_url(place) else str((directory / place).absolute())
            for place in document.get("images", [])
        )
        project = cls(
            directory=directory,
            name=str(document.get("name", directory.name)),
            images=images,
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

    def add_images(self, places: Sequence[str | os.PathLike[str]]) -> Project:
        """The project with more places for images, each as `create` takes them; scan it then.

        Raises
        ------
        ColdstartError : no images can be looked for in one of them, or they are in the project.
        """
        known = list(self.images)
        for place in places:
            known.append(_apart_from(known, check_source(place, self.directory, self.settings)))
        file = self.directory / SETTINGS_FILE
        document = tomlkit.parse(file.read_text(encoding="utf-8"))
        # Behind those there are, for an image's row holds the number of its place.
        document["images"] = [
            *document.get("images", []),
            *(_portable(place, self.directory) for place in known[len(self.images) :]),
        ]
        _write(file, tomlkit.dumps(document))
        return Project.open(self.directory)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Each of ``images`` as a source; an image's ``root`` is its number here.

        Raises
        ------
        ColdstartError : one of them cannot be understood.
        """
        return tuple(
            open_source(
                place,
                cache=self.cache / str(number),
                cache_bytes=_cache_bytes(self.settings),
                storage=self.settings.get("storage"),
            )
            for number, place in enumerate(self.images)
        )

    @cached_property
    def roots(self) -> tuple[Path, ...]:
        return tuple(source.place for source in self.sources)

    def file_of(self, image: ImageRow) -> Path:
        """Where the image lies. One that lies elsewhere is fetched when the path is opened."""
        if not 0 <= image.root < len(self.sources):
            raise ColdstartError(
                f"{image.path} belongs to an image folder this project no longer has.",
                f"Add the folder again under `images` in {self.directory / SETTINGS_FILE}.",
            )
        stamp = f"{image.size_bytes}/{image.mtime_ns}"
        return self.sources[image.root].file(image.path, stamp)

    def local_file(self, image: ImageRow) -> Path:
        """The image as a file on this machine, fetched now if it lies elsewhere.

        Raises
        ------
        OSError : it cannot be fetched.
        """
        file = self.file_of(image)
        return file.local() if isinstance(file, FetchedPath) else file

    def hidden_truth(self) -> dict[int, str]:
        """image_id -> class name, of the classes that were imported for rehearsals only.

        Nothing but a rehearsal may read them: no strategy, no model and no page does. They lie in
        the table ``hidden_truth`` of the project's database (image_id, class_name, source); exact
        copies of a picture share its class. Empty when there are none.
        """
        return self.store.truth.all()

    @property
    def thumbnails(self) -> Path:
        return self.directory / "thumbnails"

    @property
    def embeddings(self) -> Path:
        return self.directory / "embeddings"

    @property
    def cache(self) -> Path:
        return self.directory / "cache"

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


def slug(name: str) -> str:
    """A folder name made from what a person called the project."""
    plain = re.sub(r"[^\w.-]+", "-", name.strip(), flags=re.UNICODE).strip("-.")
    return plain[:80] or "project"


def check_source(
    place: str | os.PathLike[str], directory: Path, settings: Mapping[str, Any]
) -> str:
    """``place`` in full, if images can be looked for in it; see `Project.create`.

    Raises
    ------
    ColdstartError : they cannot; the sentence says why.
    """
    text = os.fspath(place)
    if not is_url(text):
        text = str(Path(text).expanduser().absolute())
    cache = directory / "cache" / "0"
    source = open_source(text, cache=cache, storage=settings.get("storage"))
    source.check()
    return text


def _apart_from(known: Sequence[str], place: str) -> str:
    """``place``, unless its images are among those of the ``known`` places, or theirs among its."""
    for other in known:
        one, two = _comparable(place), _comparable(other)
        if one == two:
            raise ColdstartError(f"{place} is in the project already.", "Scan it again instead.")
        for inner, outer in ((one, two), (two, one)):
            if inner.startswith(outer + "/"):
                raise ColdstartError(
                    f"{place} and {other} lie in each other: their images would be found twice.",
                    "Name the outer one alone; every folder below it is searched.",
                )
    return place


def _comparable(place: str) -> str:
    return place.rstrip("/") if is_url(place) else os.path.realpath(place)


def _portable(place: str, directory: Path) -> str:
    # A folder inside the project moves with it; any other place is named in full.
    if is_url(place) or not Path(place).is_relative_to(directory):
        return place
    return str(Path(place).relative_to(directory))


def _cache_bytes(settings: Mapping[str, Any]) -> int:
    size_gb = settings.get("cache_gb")
    if isinstance(size_gb, bool) or not isinstance(size_gb, int | float) or size_gb <= 0:
        return DEFAULT_CACHE_BYTES
    return int(size_gb * 2**30)


def _write(file: Path, text: str) -> None:
    beside = file.with_suffix(".tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)
