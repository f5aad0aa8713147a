"""Embed: one vector for each image, by an encoder or from the person's own matrix."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project, slug
from coldstart.store import ImageRow
from coldstart.workflow.alike import find_alike
from coldstart.workflow.label import shown_name
from coldstart.workflow.pool import coverage_radius, load_pool, radius_file

if TYPE_CHECKING:
    from coldstart.embeddings.extract import Engine
    from coldstart.embeddings.matrix import EmbeddingSet

DEFAULT_ENCODER = "folder"
SIMCLR = "simclr"


@dataclass(frozen=True)
class EmbedReport:
    """A finished embedding set."""

    embedding_set: str
    images: int
    dimension: int
    new: int  # vectors computed or read now
    failed: list[str] = field(default_factory=list)  # images that could not be read, and why
    seconds: float = 0.0


def embed(
    project: Project,
    encoder: str = DEFAULT_ENCODER,
    *,
    weights: Path | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    engine: str = "local",
    activate: bool = True,
    progress: Progress = silent,
) -> EmbedReport:
    """Compute the vectors that are missing from an embedding set, and work with that set.

    Killed at any moment, the next call goes on at the last complete block. New images are added,
    changed ones computed again. ``engine`` is "local", or "ray" for a Ray cluster;
    without ``activate`` the set in use stays in use.

    Raises
    ------
    ColdstartError : no such encoder, no images, or weights that cannot be had.
    """
    from coldstart.embeddings.encoders import make_encoder
    from coldstart.embeddings.extract import ImageToEmbed, extract

    started = time.monotonic()
    _refuse_without_images(project)
    chosen = dict(options or {})
    if encoder == DEFAULT_ENCODER:
        # Where a mirrored image means something else, the encoder must not average over it.
        chosen.setdefault("flip", bool(project.settings.get("mirror", True)))
    made = make_encoder(encoder, weights=weights, **chosen)
    set_name = slug(name or _set_name(encoder, weights, chosen))
    directory = project.embeddings / set_name
    images = [
        ImageToEmbed(row.image_id, row.content_hash or "", project.file_of(row))
        for row in project.store.images.each_usable()
    ]
    report = extract(made, images, directory, progress=progress, engine=_engine(engine))
    if report.computed:
        _forget_derived(project, set_name)
    if activate:
        project = project.set(embedding_set=set_name)
        after = _after(progress, len(images))
        prepare_pages(project, progress=after)
        if report.computed:
            find_alike(project, progress=after)
    failed = project.store.images.get([image_id for image_id, _ in report.unreadable])
    shown = {image_id: shown_name(row.path) for image_id, row in failed.items()}
    return EmbedReport(
        embedding_set=set_name,
        images=report.images,
        dimension=made.dimension,
        new=report.computed,
        failed=[f"{shown[image_id]}: {reason}" for image_id, reason in report.unreadable],
        seconds=time.monotonic() - started,
    )


def words_to_complete(embedding_set: EmbeddingSet) -> list[str]:
    """What `coldstart embed` is told so that the vectors a set lacks are computed as the others."""
    meta = embedding_set.meta
    words = ["--encoder", str(meta.get("encoder")), "--name", embedding_set.name]
    if meta.get("weights_file"):
        words += ["--weights", str(meta["weights_file"])]
    settings = meta.get("settings", {})
    # Lists come from the network's own card or from beside its weights, and will again.
    given = settings.get("arguments", {})
    if meta.get("encoder") == DEFAULT_ENCODER:
        given = {key: settings[key] for key in ("seed", "flip")}
    for key, value in given.items():
        if isinstance(value, bool | int | float | str):
            words += ["--set", f"{key}={value}"]
    return words


ENGINES = ("local", "ray")


def _engine(name: str) -> Engine:
    if name == "ray":
        from coldstart.embeddings.ray_engine import encode_on_ray

        return encode_on_ray
    if name != "local":
        raise ColdstartError(
            f"There is no engine {name!r}.", f"Choose one of {', '.join(ENGINES)}."
        )
    from coldstart.embeddings.engines import encode_here

    return encode_here


def import_vectors(
    project: Project,
    file: Path | str,
    *,
    paths: Path | str | None = None,
    name: str | None = None,
    progress: Progress = silent,
) -> EmbedReport:
    """Take the person's own matrix as an embedding set, after checking it against the images.

    Rows are matched by a list of paths (in the file, or in ``paths``), else by order: then there
    must be exactly one row for each image, in the order of the images' paths.

    Raises
    ------
    ColdstartError : the file cannot be read safely, or its rows do not match the images.
    """
    from coldstart.embeddings.importing import match_rows, read_paths, read_vectors
    from coldstart.embeddings.matrix import write_set

    started = time.monotonic()
    file = Path(file)
    rows = _by_path(project)
    imported = read_vectors(file)
    names = read_paths(Path(paths)) if paths is not None else imported.names
    progress(0, len(rows), "Matching rows to images")
    vectors, image_ids = match_rows(
        imported.vectors,
        names,
        [row.path for row in rows],
        [row.image_id for row in rows],
    )
    hash_of = {row.image_id: row.content_hash or "" for row in rows}
    set_name = slug(name or file.stem)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_set(
        project.embeddings / set_name,
        [vectors],
        vectors.shape[1],
        image_ids.tolist(),
        [hash_of[image_id] for image_id in image_ids.tolist()],
        {"encoder": "file", "file": file.name, "created_at": now},
    )
    _forget_derived(project, set_name)
    project = project.set(embedding_set=set_name)
    after = _after(progress, len(rows))
    prepare_pages(project, progress=after)
    find_alike(project, progress=after)
    return EmbedReport(
        embedding_set=set_name,
        images=len(image_ids),
        dimension=int(vectors.shape[1]),
        new=len(image_ids),
        seconds=time.monotonic() - started,
    )


def image_paths(project: Project) -> bytes:
    """The pool's paths, one a line, in the order in which `import_vectors` takes rows without a
    list; it is such a list too."""
    return b"".join(os.fsencode(row.path) + b"\n" for row in _by_path(project))


def _by_path(project: Project) -> list[ImageRow]:
    _refuse_without_images(project)
    return sorted(project.store.images.usable(), key=lambda row: (row.root, row.path))


def prepare_pages(project: Project, *, progress: Progress = silent) -> None:
    """Compute and keep what somebody would else wait for at the first look at a page: the radius,
    and of a large pool which pictures it has and its first map.

    Raises
    ------
    ColdstartError : nothing is embedded yet.
    """
    from coldstart.workflow.map import KEPT_FROM_IMAGES, map_view

    pool = load_pool(project)
    coverage_radius(project, pool, progress=progress)
    if len(pool.image_ids) >= KEPT_FROM_IMAGES:
        map_view(project)


def embedding_sets(project: Project) -> list[EmbeddingSet]:
    """The project's finished embedding sets, oldest first."""
    from coldstart.embeddings.matrix import list_sets

    return list_sets(project.embeddings)


def use_set(project: Project, name: str) -> Project:
    """Work with this embedding set from now on.

    Raises
    ------
    ColdstartError : there is no finished set of that name.
    """
    if name not in {one.name for one in embedding_sets(project)}:
        raise ColdstartError(f"There is no finished embedding set {name!r}.", "Compute it first.")
    return project.set(embedding_set=name)


def neighbour_examples(
    project: Project, *, count: int = 6, neighbours: int = 5, seed: int = 0
) -> list[tuple[ImageRow, list[ImageRow]]]:
    """Random images with their nearest neighbours in the active set, nearest first.

    This is what a person judges an embedding by. In a pool of more than `MEASURED_IMAGES` images,
    neighbours are looked for among so many random ones.
    """
    pool = load_pool(project).sampled()
    drawn = np.random.default_rng(seed).permutation(len(pool.image_ids))[:count]
    unit = _unit(pool.vectors)
    nearest = np.argsort(-(unit[drawn] @ unit.T), axis=1, kind="stable")
    ids = [
        [int(pool.image_ids[row])]
        + [int(pool.image_ids[other]) for other in order[: neighbours + 1] if other != row]
        for row, order in zip(drawn, nearest, strict=True)
    ]
    rows = project.store.images.get([image_id for group in ids for image_id in group])
    return [(rows[group[0]], [rows[i] for i in group[1 : neighbours + 1]]) for group in ids]


def _set_name(encoder: str, weights: Path | None, chosen: dict[str, Any]) -> str:
    if encoder == SIMCLR and weights is not None:
        return weights.stem
    if not chosen.get("flip", True):
        return f"{encoder}-unmirrored"
    return encoder.removeprefix("timm:")


def _refuse_without_images(project: Project) -> None:
    if not project.store.images.count("usable"):
        raise ColdstartError(
            f"{project.name} has no usable image yet.", "Scan its folder first: coldstart scan."
        )


def _forget_derived(project: Project, set_name: str) -> None:
    """What was computed from the vectors that are no more; the map tells by itself what fits it."""
    shutil.rmtree(radius_file(project, set_name).parent, ignore_errors=True)


def _unit(vectors: np.ndarray) -> np.ndarray:
    block = np.asarray(vectors, dtype=np.float32)
    return block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)


def _after(progress: Progress, images: int) -> Progress:
    """The last stretch of a job, told without moving its bar."""

    def tell(done: int, total: int | None, message: str = "") -> None:
        progress(images, images, message or "Finding the coverage radius")

    return tell
