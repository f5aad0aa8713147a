"""Predictions: the newest model's word on the whole pool, as a table and as folders of images."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.workflow.confident import ConfidentShare, confident_share
from coldstart.workflow.pool import ProjectPool

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "predictions.parquet"
FORMATS = ("csv", "parquet", "folders")
UNSURE = "not confident enough"


@dataclass(frozen=True)
class PredictReport:
    """What was written: of how many images, and how many of them the model is sure enough of."""

    to: Path
    format: str
    images: int
    confident_images: int | None  # None without a precision, or when it cannot be said
    confident: ConfidentShare | None
    skipped: int = 0  # images whose file is gone


class _Predicts(Protocol):
    @property
    def class_names(self) -> tuple[str, ...]: ...

    def probabilities(self, vectors: np.ndarray, *, progress: Progress = silent) -> np.ndarray: ...


def predictions(project: Project, model: str = "probe") -> pd.DataFrame | None:
    """The newest model's word on every image of the pool; None before the first training.

    Columns: image_id, path, content_hash, predicted_class, confidence, margin, and one
    ``probability: CLASS`` each.
    """
    run = project.store.runs.latest(model)
    if run is None:
        return None
    import pandas as pd

    file = project.directory / run.directory / PREDICTIONS
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError):
        return None


def prediction_totals(project: Project, model: str = "probe") -> list[tuple[str, int, float]]:
    """(class, images predicted to be of it, mean confidence) of the newest model, by class name.

    Of a file that does not change it is read once; empty before the first training.
    """
    run = project.store.runs.latest(model)
    if run is None:
        return []
    file = project.directory / run.directory / PREDICTIONS
    try:
        return list(_totals(file, file.stat().st_mtime_ns))
    except (OSError, ValueError):
        return []


@lru_cache(maxsize=8)
def _totals(file: Path, written_ns: int) -> tuple[tuple[str, int, float], ...]:
    import pandas as pd

    table = pd.read_parquet(file, columns=["predicted_class", "confidence"])
    totals = table.groupby("predicted_class", sort=True)["confidence"].agg(["size", "mean"])
    return tuple(
        (str(name), int(size), float(mean))
        for name, size, mean in totals.itertuples(index=True, name=None)
    )


def predict(
    project: Project,
    format: str,
    to: Path | str,
    *,
    model: str = "probe",
    precision: float | None = None,
    copies: bool = False,
    progress: Progress = silent,
) -> PredictReport:
    """Write what the newest model says of every image of the pool.

    format : ``csv`` or ``parquet`` (a table with probabilities), or ``folders`` (one for each
        predicted class, with a link to or a copy of each image).
    precision : mark the images of which the model is sure enough, or sort the others into a folder
        of their own; as `confident_share` estimates it.

    Raises
    ------
    ColdstartError : no model is trained, the format or the precision makes no sense, or the place
        cannot be written to.
    """
    if format not in FORMATS:
        raise ColdstartError(f"There is no format {format!r}.", f"Use one of {', '.join(FORMATS)}.")
    table = predictions(project, model)
    if table is None or table.empty:
        raise ColdstartError(
            f"{project.name} has no trained model of the kind “{model}”.",
            "Train one on the Train page, or with: coldstart train PROJECT.",
        )
    share = None if precision is None else confident_share(project, precision, model=model)
    sure = _sure_enough(table, share)
    if precision is not None:
        table = table.assign(confident="" if sure is None else np.where(sure, "yes", "no"))
    target = Path(to).expanduser().absolute()
    skipped = 0
    try:
        if format == "folders":
            skipped = _write_folders(project, table, sure, target, copies, progress)
        else:
            if target.is_dir():
                target = target / f"predictions.{format}"
            _write_table(table, target, format)
    except OSError as error:
        raise ColdstartError(
            f"The predictions cannot be written to {target}: {error.strerror or error}.",
            "Choose a place that exists, is writable and has room.",
        ) from error
    return PredictReport(
        to=target,
        format=format,
        images=len(table),
        confident_images=None if sure is None else int(sure.sum()),
        confident=share,
        skipped=skipped,
    )


def predictions_csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, with nothing in it that a spreadsheet would run."""
    from coldstart.labels.cells import escape_cell

    safe = table.copy()
    for column in ("path", "predicted_class"):
        safe[column] = [escape_cell(str(cell)) for cell in safe[column]]
    safe.columns = [escape_cell(str(name)) for name in safe.columns]
    return safe.to_csv(index=False).encode()


def write_predictions(
    project: Project,
    pool: ProjectPool,
    model: _Predicts,
    file: Path,
    progress: Progress = silent,
) -> None:
    """Write what ``model`` says of every vector of the pool, as `predictions` reads it."""
    # Exact copies of a picture each have a line, which says the same.
    image_ids, row_of = pool.pictures.all_ids, pool.pictures.row_of_all
    probabilities = model.probabilities(pool.vectors, progress=progress)[row_of]
    hashes = pool.hashes_of(row_of)
    write_table(project, image_ids, hashes, model.class_names, probabilities, file)


def write_table(
    project: Project,
    image_ids: np.ndarray,
    content_hashes: list[str],
    class_names: tuple[str, ...],
    probabilities: np.ndarray,
    file: Path,
) -> None:
    """Write (n, k) probabilities of these n images as the table that `predictions` reads."""
    import pandas as pd

    from coldstart.labels.cells import encode_path

    rows = project.store.images.get([int(i) for i in image_ids])
    best = probabilities.argmax(axis=1)
    ordered = np.sort(probabilities, axis=1)
    table: dict[str, Any] = {
        "image_id": image_ids,
        # As in the manifest: a name that is no text can be told from one that is.
        "path": [encode_path(rows[int(i)].path) for i in image_ids],
        "content_hash": content_hashes,
        "predicted_class": np.array(class_names, dtype=object)[best],
        "confidence": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
    }
    for column, name in enumerate(class_names):
        table[f"probability: {name}"] = probabilities[:, column]
    beside = file.with_suffix(".tmp")
    pd.DataFrame(table).to_parquet(beside, index=False)
    beside.replace(file)


def _sure_enough(table: pd.DataFrame, share: ConfidentShare | None) -> np.ndarray | None:
    """(n,) bool, the images with the highest confidence, as many as the share says."""
    if share is None or share.share is None:
        return None
    wanted = round(share.share * len(table))
    order = np.argsort(-table["confidence"].to_numpy(), kind="stable")
    sure = np.zeros(len(table), dtype=bool)
    sure[order[:wanted]] = True
    return sure


def _write_table(table: pd.DataFrame, file: Path, format: str) -> None:
    unfinished = file.with_name(f".{file.name[:100]}.{uuid4().hex}.unfinished")
    try:
        if format == "csv":
            unfinished.write_bytes(predictions_csv(table))
        else:
            table.to_parquet(unfinished, index=False)
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_folders(
    project: Project,
    table: pd.DataFrame,
    sure: np.ndarray | None,
    target: Path,
    copies: bool,
    progress: Progress,
) -> int:
    """One folder a class below ``target``; how many images had no file to put there."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ColdstartError(
            f"{target} is not an empty folder.", "Name a new folder: nothing is written over."
        )
    for root in project.roots:
        if target == root or root in target.parents:
            raise ColdstartError(
                f"{target} lies in the image folder {root}: a later scan would find every image "
                "twice.",
                "Choose a folder outside it.",
            )
    folders = _folder_names([str(one) for one in sorted(set(table["predicted_class"]))])
    images = project.store.images.get(table["image_id"].tolist())
    classes = table["predicted_class"].tolist()
    target.mkdir(parents=True, exist_ok=True)
    skipped = 0
    for row, image_id in enumerate(table["image_id"].tolist()):
        progress(row, len(table), "Copying images" if copies else "Linking images")
        image = images.get(image_id)
        file = None if image is None else project.file_of(image)
        if image is None or file is None or not file.is_file():
            skipped += 1
            continue
        folder = target / folders[classes[row]]
        if sure is not None and not sure[row]:
            folder = target / UNSURE / folders[classes[row]]
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / file.name
        if os.path.lexists(place):
            place = folder / f"{file.stem}-{image_id}{file.suffix}"
        if copies:
            shutil.copy2(file, place)
        else:
            place.symlink_to(file)
    progress(len(table), len(table), "Copying images" if copies else "Linking images")
    return skipped


def _folder_names(class_names: list[str]) -> dict[str, str]:
    """class -> a folder name that every system takes, each its own."""
    taken: set[str] = set()
    names = {}
    for class_name in class_names:
        plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", class_name).strip(" .")[:100] or "_"
        name, number = plain, 2
        while name.casefold() in taken or name == UNSURE:
            name, number = f"{plain} ({number})", number + 1
        taken.add(name.casefold())
        names[class_name] = name
    return names
