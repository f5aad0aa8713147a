"""SimCLR: a network trained on the project's own images, as an embedding set beside the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project, slug
from coldstart.workflow.compare import compare_sets
from coldstart.workflow.embed import SIMCLR, embed, embedding_sets
from coldstart.workflow.pool import active_set

if TYPE_CHECKING:
    from coldstart.embeddings.encoders.adapted import Trainable
    from coldstart.embeddings.simclr import SimclrSettings
    from coldstart.embeddings.simclr_history import Epoch

DEFAULT_NETWORK = "timm:resnet18"


@dataclass(frozen=True)
class SimclrReport:
    """A finished training and the set it made, which is not in use until somebody says so."""

    embedding_set: str
    weights: str  # relative to the project
    started_from: str
    epochs: int
    best_epoch: int
    consistency_before: float
    consistency: float
    stopped_early: bool
    verdict: str
    compared_with: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)


def simclr(
    project: Project,
    encoder: str = DEFAULT_NETWORK,
    *,
    weights: Path | None = None,
    options: dict[str, Any] | None = None,
    epochs: int = 100,
    batch_images: int = 256,
    pixels: int | None = None,
    from_scratch: bool = False,
    name: str | None = None,
    settings: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> SimclrReport:
    """Train a network on the images by SimCLR, embed them with it, and say whether it is better
    than the same network before, and than the set in use.

    Starts from the encoder's pretrained weights where they can be had. A stopped run goes on after
    its last epoch when it is called in the same way. The set in use stays in use.

    Raises
    ------
    ColdstartError : see `train_simclr` and `embed`.
    """
    from coldstart.embeddings.encoders.adapted import trainable
    from coldstart.embeddings.simclr import train_simclr

    before = active_set(project)
    if before is not None and project.settings.get("embedding_set") != before.name:
        # Else the newest set would be in use, which is going to be this one.
        project = project.set(embedding_set=before.name)
    rows = {row.content_hash: row for row in project.store.images.usable()}
    paths = [project.file_of(rows[key]) for key in sorted(rows, key=str)]
    set_name = slug(name or f"simclr-{encoder.removeprefix('timm:')}")
    directory = project.models / set_name
    chosen = _settings(project, encoder, epochs, batch_images, settings or {})
    progress(0, None, "Preparing the network")
    start = trainable(encoder, weights, options, pixels=pixels, from_scratch=from_scratch)
    result = train_simclr(start, paths, directory, chosen, progress=progress)
    _drop_outdated(project, set_name, result.weights)
    embed(project, SIMCLR, weights=result.weights, name=set_name, activate=False, progress=progress)
    compared = _frozen_set(project, encoder, weights, options or {}, start, progress)
    in_use = before.name if before is not None and before.name != set_name else ""
    verdict = "There is no other embedding set to compare it with."
    others = [name for name in dict.fromkeys((compared, in_use)) if name]
    if others:
        said = [compare_sets(project, [one, set_name], progress=progress) for one in others]
        verdict = " ".join(dict.fromkeys(one.sentence for one in said))
    if result.best_epoch == 0:
        verdict = f"Training did not help: the network is kept as it started. {verdict}"
    return SimclrReport(
        embedding_set=set_name,
        weights=str(result.weights.relative_to(project.directory)),
        started_from=start.started_from,
        epochs=len(result.history) - 1,
        best_epoch=result.best_epoch,
        consistency_before=result.history[0].consistency,
        consistency=result.history[result.best_epoch].consistency,
        stopped_early=result.stopped_early,
        verdict=verdict,
        compared_with=others[0] if others else "",
        history=[vars(one) for one in result.history],
    )


def _frozen_set(
    project: Project,
    encoder: str,
    weights: Path | None,
    options: dict[str, Any],
    start: Trainable,
    progress: Progress,
) -> str:
    """The set of the same network as it was before this training, made where there is none.

    Empty where the training started from random numbers: as it was, it knew nothing.
    """
    if not start.pretrained:
        return ""
    for one in embedding_sets(project):
        known = one.meta.get("settings", {})
        same_file = start.started_from in (known.get("weights"), encoder)
        if one.meta.get("encoder") == encoder and same_file:
            return one.name
    name = f"{encoder.removeprefix('timm:')}-frozen"
    try:
        report = embed(
            project,
            encoder,
            weights=weights,
            options=options,
            name=name,
            activate=False,
            progress=progress,
        )
    except ColdstartError:  # what was learned is kept, whatever it can be compared with
        return ""
    return report.embedding_set


def simclr_runs(project: Project) -> dict[str, list[Epoch]]:
    """Every SimCLR run of the project by the name of its set, with what it has done so far."""
    from coldstart.embeddings.simclr_history import HISTORY, read_history

    files = sorted(project.models.glob(f"*/{HISTORY}"), key=lambda file: file.stat().st_mtime)
    return {file.parent.name: read_history(file.parent) for file in files}


def _settings(
    project: Project, encoder: str, epochs: int, batch_images: int, given: dict[str, Any]
) -> SimclrSettings:
    from coldstart.embeddings.simclr import SimclrSettings

    mirror = bool(project.settings.get("mirror", True))
    known = set(SimclrSettings.__dataclass_fields__) - {"encoder", "epochs", "batch_images"}
    for key in given:
        if key not in known:
            raise ColdstartError(
                f"SimCLR has no setting {key!r}.", f"It has: {', '.join(sorted(known))}."
            )
    if epochs < 1 or batch_images < 2:
        raise ColdstartError(
            "SimCLR needs at least one epoch, and batches of at least two images.",
            "Leave out --epochs and --batch for the usual.",
        )
    return SimclrSettings(
        encoder=encoder, epochs=epochs, batch_images=batch_images, **({"mirror": mirror} | given)
    )


def _drop_outdated(project: Project, set_name: str, weights: Path) -> None:
    """Vectors of an earlier epoch of the same training are of no use."""
    import shutil

    from coldstart.embeddings.encoders.weights import file_hash
    from coldstart.embeddings.matrix import read_meta

    directory = project.embeddings / set_name
    meta = read_meta(directory)
    if not meta:
        return
    if meta.get("encoder") != SIMCLR:
        raise ColdstartError(
            f"There is an embedding set {set_name!r} already, made by {meta.get('encoder')!r}.",
            "Give the training another name with --name.",
        )
    if meta.get("settings", {}).get("weights_hash") != file_hash(weights):
        shutil.rmtree(directory)
