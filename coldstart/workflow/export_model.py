"""Export a trained model: as a folder that runs by itself, or as one file for other programs."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.store import RunRow
from coldstart.workflow.audit import audit_standing
from coldstart.workflow.finetune import FINETUNE
from coldstart.workflow.pool import load_pool

if TYPE_CHECKING:
    from coldstart.training.deployment import Deployable

MODEL_FORMATS: dict[str, str] = {
    "folder": "a folder with predict.py that labels images anywhere, and every file below",
    "onnx": "one file for ONNX Runtime",
    "torchscript": "one file for torch, without the code of the network",
    "safetensors": "the weights by name",
}
"""Every way to export a model, in the order in which they are offered, and what it is."""

_CARD, _DESCRIPTION = "README.md", "model.json"
_REQUIREMENTS = "numpy>=2.0\nonnxruntime>=1.20\npillow>=11.3\npillow-heif>=0.21\n"
_FILES: dict[str, tuple[str, str]] = {
    "onnx": ("model.onnx", "for ONNX Runtime"),
    "torchscript": ("model.torchscript.pt", "for `torch.jit.load`"),
    "safetensors": (
        "model.safetensors",
        "the weights; `encoder.` begins those of the network, `last.` those of the last layer",
    ),
}


@dataclass(frozen=True)
class ExportModelReport:
    """What was written: where, and which files."""

    to: Path
    model: str
    format: str
    files: list[str]
    left_out: list[str]  # formats that this model cannot be written in, and why


def export_model(
    project: Project,
    to: Path | str,
    *,
    model: str = "probe",
    format: str = "folder",
    progress: Progress = silent,
) -> ExportModelReport:
    """Write the newest model of a kind so that it runs without coldstart.

    ``to`` is a new folder, or with another format a file, beside which its description and model
    card are written. Every file is run once and says what the model says, to 1e-4, or is left out.

    Raises
    ------
    ColdstartError : there is no such model, its embeddings come from no network, its weights are
        gone, it cannot be written in this format, or the place cannot be written to.
    """
    if format not in MODEL_FORMATS:
        raise ColdstartError(
            f"There is no format {format!r}.", f"Use one of {', '.join(MODEL_FORMATS)}."
        )
    target = Path(to).expanduser().absolute()
    if format == "folder" and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ColdstartError(
            f"{target} is not an empty folder.", "Name a new folder: nothing is written over."
        )
    progress(0, 5, "Loading the model")
    source = load_deployable(project, model)
    try:
        if format == "folder":
            return _write_folder(project, source, target, progress)
        return _write_file(project, source, target, format, progress)
    except OSError as error:
        raise ColdstartError(
            f"The model cannot be written to {target}: {error.strerror or error}.",
            "Choose a place that exists, is writable and has room.",
        ) from error


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A trained model of a project, ready to be written, and where it comes from."""

    run: RunRow
    deployable: Deployable
    encoder: str
    options: dict[str, Any]
    started_from: str


def load_deployable(project: Project, model: str) -> ModelSource:
    """The newest model of a kind; raises as `export_model` does."""
    run = project.store.runs.latest(model)
    if run is None:
        option = f" --model {model}" if model != "probe" else ""
        raise ColdstartError(
            f"{project.name} has no trained model of the kind “{model}”.",
            f"Train one on the Train page, or with: coldstart train PROJECT{option}.",
        )
    return _finetuned(project, run) if model == FINETUNE else _probe(project, run)


def _finetuned(project: Project, run: RunRow) -> ModelSource:
    from coldstart.training.deployment import Deployable
    from coldstart.training.network_files import WEIGHTS, load_network

    kept = load_network(project.directory / run.directory / WEIGHTS)
    deployable = Deployable(kept.network, kept.cropping, kept.class_names)
    started = str(run.evaluation.get("started_from", ""))
    return ModelSource(run, deployable, kept.encoder, kept.options, started)


def _probe(project: Project, run: RunRow) -> ModelSource:
    """The network behind the embedding set that the probe learned on, with the probe on top."""
    from coldstart.embeddings.encoders import SIMCLR, make_encoder
    from coldstart.embeddings.encoders.adapted import trained_before
    from coldstart.embeddings.encoders.folder import FolderEncoder
    from coldstart.embeddings.encoders.folder_network import CROPPING, FolderNetwork
    from coldstart.embeddings.encoders.network import NetworkEncoder
    from coldstart.embeddings.matrix import EmbeddingSet
    from coldstart.training.deployment import Deployable, probe_network
    from coldstart.training.probe import Probe

    probe = Probe.load(project.directory / run.directory)
    kept = EmbeddingSet.open(project.embeddings / run.embedding_set)
    name, said = str(kept.meta.get("encoder", "")), dict(kept.meta.get("settings") or {})
    if name == "file":
        raise ColdstartError(
            f"The embedding set “{run.embedding_set}” is your own table of vectors: nobody here "
            "knows what makes a vector of a new image.",
            "Compute embeddings here and train again, or fine-tune a network.",
        )
    if name == "folder":
        encoder = FolderEncoder(seed=int(said.get("seed", 0)), flip=bool(said.get("flip", True)))
        encoder.load(kept.directory / "encoder")
        network = probe_network(FolderNetwork(encoder), probe)
        deployable = Deployable(network, CROPPING, probe.class_names, learned_here=True)
        return ModelSource(run, deployable, name, {}, "nothing: it was learned from these images")
    file = Path(str(kept.meta.get("weights_file", "")))
    arguments = dict(said.get("arguments") or {})
    made = make_encoder(name, weights=file if file.is_file() else None, **arguments)
    assert isinstance(made, NetworkEncoder)
    if made.settings.get("weights_hash") != said.get("weights_hash"):
        raise ColdstartError(
            f"The weights in {file} are not those that “{run.embedding_set}” was made with.",
            "Put the old file back, or compute the embeddings again and train.",
        )
    if name == SIMCLR:
        name, before = trained_before(file)
        arguments = before.options
    network = probe_network(made.network, probe)
    deployable = Deployable(network, made.cropping, probe.class_names)
    return ModelSource(run, deployable, name, arguments, str(said.get("weights", "its weights")))


def _write_folder(
    project: Project, source: ModelSource, target: Path, progress: Progress
) -> ExportModelReport:
    """Everything, made beside the place and then renamed."""
    from coldstart.training import standalone

    beside = target.with_name(f".{target.name[:100]}.{uuid4().hex[:8]}.unfinished")
    beside.mkdir(parents=True)
    written, left_out = [], []
    try:
        batch = 1
        for step, (format, (name, words)) in enumerate(_FILES.items(), 1):
            progress(step, 5, f"Writing {name}")
            try:
                held = _writers()[format](source, beside / name)
            except ColdstartError as error:
                if format == "onnx":  # predict.py needs it
                    raise
                left_out.append(f"{format}: {error.problem}")
                continue
            written.append((name, words))
            batch = held if format == "onnx" else batch
        _describe(source, beside / _DESCRIPTION, batch)
        script = Path(standalone.__file__).with_name("predict.py")
        shutil.copyfile(script, beside / "predict.py")
        (beside / "requirements.txt").write_text(_REQUIREMENTS, encoding="utf-8")
        written += [
            (_DESCRIPTION, "the classes, and how an image is cut"),
            ("predict.py", "`python predict.py FOLDER` writes what its images show"),
            ("requirements.txt", "what predict.py needs"),
        ]
        progress(4, 5, "Writing the model card")
        card = _card(project, source, written)
        (beside / _CARD).write_text(card, encoding="utf-8", errors="replace")
        if target.is_dir():
            target.rmdir()
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    progress(5, 5, "Written")
    names = [name for name, _ in written] + [_CARD]
    return ExportModelReport(target, source.run.model, "folder", sorted(names), left_out)


def _write_file(
    project: Project, source: ModelSource, target: Path, format: str, progress: Progress
) -> ExportModelReport:
    name, words = _FILES[format]
    if target.is_dir():
        target = target / name
    progress(1, 5, f"Writing {target.name}")
    held = _writers()[format](source, target)
    described, card = target.with_suffix(".json"), target.with_suffix(".md")
    _describe(source, described, held)
    files = [(target.name, words), (described.name, "the classes, and how an image is cut")]
    text = _card(project, source, files)
    card.write_text(text, encoding="utf-8", errors="replace")
    progress(5, 5, "Written")
    names = [target.name, described.name, card.name]
    return ExportModelReport(target, source.run.model, format, names, [])


def _writers() -> dict[str, Callable[[ModelSource, Path], int]]:
    from coldstart.training.deployment import DEPLOYED_BATCH, write_onnx, write_torchscript
    from coldstart.training.network_files import save_network

    def safetensors(source: ModelSource, file: Path) -> int:
        one = source.deployable
        about = {"run": source.run.run_id, "model": source.run.model}
        save_network(
            file, one.network, source.encoder, source.options, one.cropping, one.class_names, about
        )
        return DEPLOYED_BATCH

    return {
        "onnx": lambda source, file: write_onnx(source.deployable, file),
        "torchscript": lambda source, file: write_torchscript(source.deployable, file),
        "safetensors": safetensors,
    }


def _describe(source: ModelSource, file: Path, batch_images: int) -> None:
    from coldstart.training.deployment import write_description

    write_description(source.deployable, file, batch_images)


def _card(project: Project, source: ModelSource, files: list[tuple[str, str]]) -> str:
    from coldstart.embeddings.encoders.cards import ENCODERS
    from coldstart.training.model_card import ModelFacts, model_card
    from coldstart.training.trained_on import versions

    card = ENCODERS.get(source.encoder)
    run = source.run
    counts = Counter(_labels_of(project, run))
    names = source.deployable.class_names
    trained = datetime.fromtimestamp(run.created_at, UTC).strftime("%Y-%m-%d")
    return model_card(
        ModelFacts(
            project=project.name,
            kind=run.model,
            class_names=names,
            labels_a_class=[counts[name] for name in names],
            encoder=source.encoder,
            licence=card.licence if card is not None else "",
            paper=card.paper if card is not None else "",
            started_from=source.started_from,
            pixels=source.deployable.cropping.side,
            measured=_measured(project, run),
            trained_at=trained,
            versions=versions() | {"torch": _torch_version()},
            files=files,
        )
    )


def _labels_of(project: Project, run: RunRow) -> list[str]:
    """The classes of the labels a model of this kind learns from, as they stand now."""
    pool = load_pool(project)
    return pool.training_labels()[1] if run.model == FINETUNE else pool.class_names


def _measured(project: Project, run: RunRow) -> list[str]:
    if run.model == FINETUNE:
        return [str(run.evaluation.get("how", ""))]
    standing = audit_standing(project)
    look = standing.look
    if look is None:
        return [f"On the pool: {standing.words}.", str(run.evaluation.get("how", ""))]
    low, high = look.interval
    return [
        f"Right on {look.right} of {look.audit_labels} images drawn at random from the pool "
        f"({look.accuracy:.0%}; with 95% confidence {low:.0%} to {high:.0%} of all). The model "
        "that was measured had not seen these images; this one has learned from them too.",
        str(run.evaluation.get("how", "")),
    ]


def _torch_version() -> str:
    import torch

    return str(torch.__version__)
