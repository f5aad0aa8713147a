"""Which projects and image folders this server may open, and the projects it knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.images.sources import is_url
from coldstart.project import SETTINGS_FILE, Project, check_source, slug
from coldstart.workflow.team import check_may

PROJECTS_VARIABLE = "COLDSTART_PROJECTS"
ROOTS_VARIABLE = "COLDSTART_ROOTS"
URLS_VARIABLE = "COLDSTART_URLS"
"""The URLs the app may read, separated by blanks, and what lies below them. Without it all of
`REMOTE_PROTOCOLS`, unless ``COLDSTART_ROOTS`` is set: then none."""
REMOTE_PROTOCOLS = ("s3", "gs", "gcs", "az", "abfs", "hf")
PROJECT_VARIABLE = "COLDSTART_PROJECT"

_DRIVES = ("/media", "/mnt", "/Volumes")


@dataclass(frozen=True)
class RecentProject:
    """A project as the start page lists it."""

    directory: Path
    name: str
    images: int
    labelled: int
    changed_at: float  # seconds since 1970


def projects_folder() -> Path:
    """Where the app keeps its projects: ``COLDSTART_PROJECTS``, else ``~/coldstart-projects``."""
    named = os.environ.get(PROJECTS_VARIABLE)
    return (Path(named) if named else Path.home() / "coldstart-projects").expanduser().absolute()


def allowed_roots() -> list[Path]:
    """The folders the app may look for images in.

    ``COLDSTART_ROOTS`` (separated as in PATH); without it the home folder, mounted drives, the
    folder the server was started in, and the projects themselves.
    """
    named = os.environ.get(ROOTS_VARIABLE)
    if named:
        roots = [Path(part).expanduser().absolute() for part in named.split(os.pathsep) if part]
        return [*roots, projects_folder()]
    roots = [Path.home(), Path.cwd(), *(Path(drive) for drive in _DRIVES), projects_folder()]
    return [root for root in dict.fromkeys(roots) if root.is_dir() or root == projects_folder()]


def check_allowed(folder: str | os.PathLike[str]) -> str:
    """``folder``, ``.zip`` or list in full, or a URL, if the app may look for images there.

    Raises
    ------
    ColdstartError : it is outside the allowed folders (by ``..`` or a link, too), is a URL the
        server may not read, or no images can be looked for in it.
    """
    # File managers put a copied path between quotes.
    text = os.fspath(folder).strip().strip("'\"").strip()
    if not text or "\0" in text:
        raise ColdstartError("No folder is named.", "Type the path of the folder of images.")
    if is_url(text):
        return check_source(_allowed_url(text), projects_folder(), {})
    if not Path(text).expanduser().is_absolute():
        raise ColdstartError(
            f"{text!r} does not say where the folder is.",
            "Type its full path, such as /home/you/photos, or browse to it.",
        )
    # Resolved, so that neither ".." nor a link leads out of the allowed folders.
    real = Path(os.path.realpath(Path(text).expanduser()))
    allowed = [Path(os.path.realpath(root)) for root in allowed_roots()]
    if not any(real.is_relative_to(root) for root in allowed):
        shown = ", ".join(str(root) for root in allowed_roots())
        raise ColdstartError(
            f"The folder {text} is outside the folders this server may read ({shown}).",
            f"Move the images there, or name their folder in {ROOTS_VARIABLE} at the start.",
        )
    return check_source(real, projects_folder(), {})


def _allowed_url(url: str) -> str:
    named = os.environ.get(URLS_VARIABLE)
    if url.split("://")[0].lower() not in REMOTE_PROTOCOLS:
        raise ColdstartError(
            f"The app does not read {url}.", f"It reads {', '.join(REMOTE_PROTOCOLS)}."
        )
    if named is None:
        allowed = os.environ.get(ROOTS_VARIABLE) is None
    else:
        allowed = any(url == one or url.startswith(one.rstrip("/") + "/") for one in named.split())
    if not allowed or ".." in url:
        raise ColdstartError(
            f"{url} is outside the places this server may read.",
            f"Name it in {URLS_VARIABLE} at the start.",
        )
    return url


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in an allowed folder, by name; hidden ones left out."""
    check_allowed(folder)
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError as error:
        raise ColdstartError(
            f"The folder {folder} cannot be listed ({error.strerror}).", "Choose another."
        ) from error
    return [folder / name for name in sorted(names, key=str.casefold)]


def new_project(name: str, folders: Sequence[str | os.PathLike[str]]) -> Project:
    """A new project in the projects folder over allowed image folders.

    Raises
    ------
    ColdstartError : the name is empty or taken, or a folder may not be used.
    """
    name = name.strip()
    if not name:
        raise ColdstartError("The project has no name.", "Type one.")
    roots = [_with_images(folder) for folder in folders]
    return Project.create(projects_folder() / slug(name), roots, name=name)


def add_images(project: Project, place: str, *, by: str = "") -> Project:
    """The project with one more allowed place for images.

    Raises
    ------
    ColdstartError : ``by`` may not, or the place may not be used or is in the project already.
    """
    check_may(project, by, "settings")
    return project.add_images([_with_images(place)])


def _with_images(place: str | os.PathLike[str]) -> str:
    allowed = check_allowed(place)
    if os.path.isdir(allowed) and not os.listdir(allowed):
        raise ColdstartError(
            f"The folder {place} is empty.", "Choose the folder that holds the images."
        )
    return allowed


def open_project(name: str) -> Project:
    """The project called by its folder's name in the projects folder, or the one being served.

    Raises
    ------
    ColdstartError : there is none of that name.
    """
    served = os.environ.get(PROJECT_VARIABLE)
    if served and Path(served).name == name:
        return open_served(Path(served))
    if name in ("", ".", "..") or Path(name).name != name:
        raise ColdstartError(f"There is no project called {name!r}.", "Choose one from the list.")
    return open_served(projects_folder() / name)


def open_served(directory: Path) -> Project:
    """The project in a directory this server may open, over image folders it may read.

    Raises
    ------
    ColdstartError : it lies outside the projects folder (by ``..`` or a link, too), is not the one
        being served, or names an image folder outside the allowed ones.
    """
    project = Project.open(check_served(directory))
    _check_roots(project)
    return project


def check_served(directory: Path) -> Path:
    """``directory``, if it is a project folder this server may open."""
    real = Path(os.path.realpath(directory))
    served = os.environ.get(PROJECT_VARIABLE)
    inside = real.is_relative_to(os.path.realpath(projects_folder()))
    if not inside and not (served and real == Path(os.path.realpath(served))):
        raise ColdstartError(
            f"The project {directory} is outside the projects folder of this server.",
            f"Move it there, or name its folder in {PROJECTS_VARIABLE} at the start.",
        )
    return directory


def _check_roots(project: Project) -> None:
    # Without a list of its own the server reads what the person who started it may read.
    if not os.environ.get(ROOTS_VARIABLE):
        return
    allowed = [os.path.realpath(one) for one in (*allowed_roots(), project.directory)]
    for place, root in zip(project.images, project.roots):
        if is_url(place):
            _allowed_url(place)
        real = Path(os.path.realpath(root))
        if not any(real.is_relative_to(one) for one in allowed):
            raise ColdstartError(
                f"The project {project.name} reads images from {root}, which is outside the "
                "folders this server may read.",
                f"Move the images, or name their folder in {ROOTS_VARIABLE} at the start.",
            )


def leads_out(file: Path) -> bool:
    """Whether a file lies, or leads by a link, outside the folders this server may read.

    Without a list of its own (``COLDSTART_ROOTS``) the server follows links wherever they lead.
    """
    if not os.environ.get(ROOTS_VARIABLE):
        return False
    real = os.path.realpath(file)
    return not any(
        real.startswith(os.path.join(os.path.realpath(root), "")) for root in allowed_roots()
    )


def check_export_place(project: Project, place: str) -> Path:
    """``place`` in full, if the app may write there: in the project's ``exports`` folder, and
    without ``COLDSTART_ROOTS`` below any folder it may read.

    Raises
    ------
    ColdstartError : it is elsewhere (by ``..`` or a link, too).
    """
    text = place.strip()
    exports = project.directory / "exports"
    wanted = exports / Path(text).expanduser() if text else None
    if wanted is not None and "\0" not in text:
        real = Path(os.path.realpath(wanted))
        free = [] if os.environ.get(ROOTS_VARIABLE) else allowed_roots()
        for root in (exports, *free):
            if real != (below := Path(os.path.realpath(root))) and real.is_relative_to(below):
                return real
    raise ColdstartError(
        f"The app may not write to {text!r}." if text else "No place is named.",
        f"Name a new folder or file in {exports}, such as labels.",
    )


def recent_projects() -> list[RecentProject]:
    """The projects in the projects folder, the last changed first."""
    folder = projects_folder()
    if not folder.is_dir():
        return []
    found = []
    for directory in folder.iterdir():
        file = directory / SETTINGS_FILE
        if file.is_file():
            found.append(_recent(directory))
    return sorted(found, key=lambda project: -project.changed_at)


def _recent(directory: Path) -> RecentProject:
    database = directory / "coldstart.db"
    write_ahead = directory / "coldstart.db-wal"
    changed = max(
        (file.stat().st_mtime for file in (database, write_ahead) if file.exists()),
        default=(directory / SETTINGS_FILE).stat().st_mtime,
    )
    try:
        project = Project.open(directory)
        counts = project.store.labels.counts()
        images = project.store.images.count("usable")
        return RecentProject(directory, project.name, images, counts.get("class", 0), changed)
    except ColdstartError:
        return RecentProject(directory, directory.name, 0, 0, changed)
