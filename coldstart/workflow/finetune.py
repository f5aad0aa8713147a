"""Fine-tune: a network that goes on learning from the labels, measured beside the probe."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.stopping.audit import ALPHA, FEWEST_AUDIT_LABELS, LOOKS
from coldstart.store import RunRow
from coldstart.workflow.audit import audit_answers
from coldstart.workflow.confident import keep_confidence
from coldstart.workflow.pool import ProjectPool, active_set, load_pool
from coldstart.workflow.predictions import PREDICTIONS, write_table
from coldstart.workflow.train import why_not_train

if TYPE_CHECKING:
    from coldstart.embeddings.encoders.adapted import Trainable
    from coldstart.training.finetune import FinetuneResult, FinetuneSettings
    from coldstart.training.finetune_history import Epoch
    from coldstart.training.network_files import KeptNetwork
    from coldstart.training.side_by_side import SideBySide

FINETUNE = "finetune"
CPU_EPOCHS, GPU_EPOCHS = 15, 50
_LEVEL = 1 - ALPHA / LOOKS


@dataclass(frozen=True)
class FinetuneReport:
    """A finished fine-tuning, and what it is worth beside the probe."""

    run_id: int
    model: str
    encoder: str
    started_from: str
    labels: int
    classes: list[str]
    epochs: int
    best_epoch: int
    stopped_early: bool
    accuracy: float | None
    interval: tuple[float, float] | None
    probe_accuracy: float | None
    how: str
    weights: str  # relative to the project
    predictions: str
    unreadable: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def finetune(
    project: Project,
    encoder: str | None = None,
    *,
    weights: Path | None = None,
    epochs: int | None = None,
    blocks: int = 0,
    pixels: int | None = None,
    settings: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> FinetuneReport:
    """Fine-tune a network on every label but the audit's, and predict the whole pool with it.

    Stopped at any moment, the same call goes on after the last epoch, as long as no label has
    changed. Its figures stand beside those of the probe, on the audit images, which decide nothing.

    encoder : None takes the network behind the embedding set in use. blocks : how many of the last
    blocks learn, 0 for all. epochs : by default fewer on a CPU. pixels : the side of what the
    network sees, by default its own; a smaller one is quicker, and was worse.

    Raises
    ------
    ColdstartError : nothing can be trained on, there is no pretrained network to start from, or a
        setting makes no sense.
    """
    from coldstart.training.finetune import CHECKPOINT
    from coldstart.training.finetune import finetune as train_network

    pool = load_pool(project)
    why_not = why_not_train(pool)
    if why_not:
        raise ColdstartError(*why_not)
    watermark = project.store.labels.last_event_id()
    rows, class_names = pool.training_labels()
    progress(0, None, "Preparing the network")
    name, start = starting_point(project, encoder, weights, pixels)
    chosen = _settings(project, name, epochs, blocks, settings or {})
    images = project.store.images.get(pool.image_ids.tolist())
    files = [project.file_of(images[one]) for one in pool.image_ids.tolist()]
    hashes = pool.hashes_of(rows)
    directory = _directory(project, chosen, start, hashes, class_names)
    result = train_network(
        start,
        [files[row] for row in rows.tolist()],
        class_names,
        directory,
        chosen,
        content_hashes=hashes,
        progress=progress,
    )
    probabilities, readable, names = _predict_pool(result, files, progress)
    evaluation = _measure(project, pool, result, probabilities, readable, names)
    _write(project, pool, probabilities, readable, names, directory)
    relative = str(directory.relative_to(project.directory))
    about = {
        "encoder": name,
        "started_from": start.started_from,
        "side": start.cropping.side,
        "blocks": chosen.blocks,
        "class_names": list(names),
        "epochs": len(result.history) - 1,
        "best_epoch": result.best_epoch,
        "stopped_early": result.stopped_early,
        "kept_aside": result.kept_aside,
    }
    run_id = project.store.runs.add(
        model=FINETUNE,
        directory=relative,
        embedding_set=pool.embedding_set,
        label_count=len(rows),
        last_event_id=watermark,
        evaluation=evaluation | about,
    )
    (directory / CHECKPOINT).unlink(missing_ok=True)
    beside = evaluation["audit"] or {}
    return FinetuneReport(
        run_id=run_id,
        model=FINETUNE,
        encoder=name,
        started_from=start.started_from,
        labels=len(rows),
        classes=list(names),
        epochs=len(result.history) - 1,
        best_epoch=result.best_epoch,
        stopped_early=result.stopped_early,
        accuracy=beside["right"] / beside["images"] if beside else None,
        interval=tuple(beside["interval"]) if beside else None,
        probe_accuracy=beside["probe_right"] / beside["images"] if beside else None,
        how=evaluation["how"],
        weights=str(result.weights.relative_to(project.directory)),
        predictions=f"{relative}/{PREDICTIONS}",
        unreadable=result.unreadable,
        history=[vars(one) for one in result.history],
    )


def starting_point(
    project: Project, encoder: str | None, weights: Path | None, pixels: int | None = None
) -> tuple[str, Trainable]:
    """The pretrained network to start from, and the name of its architecture.

    Raises
    ------
    ColdstartError : there is none; what to do is said.
    """
    from coldstart.embeddings.encoders import SIMCLR
    from coldstart.embeddings.encoders.adapted import resized, trainable, trained_before

    options: dict[str, Any] = {}
    if encoder is None:
        encoder, options, found = _behind_the_set(project)
        weights = weights or found
    if encoder == SIMCLR:
        if weights is None:
            raise ColdstartError(
                "Which network trained by SimCLR shall be fine-tuned is not known.",
                "Name its file under models/ with --weights.",
            )
        encoder, start = trained_before(weights)
    else:
        start = trainable(encoder, weights, options)
    if not start.pretrained:
        reason = start.started_from.partition("weights: ")[2] or "none were found."
        raise ColdstartError(
            f"Fine-tuning starts from pretrained weights, and {encoder} has none here: {reason}",
            "Name a file with --weights FILE, or train a network on your images first with: "
            "coldstart simclr PROJECT.",
        )
    return encoder, start if pixels is None else resized(start, pixels)


def finetune_runs(project: Project) -> dict[str, list[Epoch]]:
    """Every fine-tuning of the project by its folder, newest last, with what it has done so far."""
    from coldstart.training.finetune_history import HISTORY, read_history

    files = sorted(
        project.models.glob(f"{FINETUNE}-*/{HISTORY}"), key=lambda file: file.stat().st_mtime
    )
    return {file.parent.name: read_history(file.parent) for file in files}


def latest_finetune(project: Project) -> tuple[RunRow, SideBySide | None] | None:
    """The newest fine-tuned network and how it did beside the probe; None before the first."""
    run = project.store.runs.latest(FINETUNE)
    if run is None:
        return None
    from coldstart.training.side_by_side import SideBySide

    kept = run.evaluation.get("audit")
    return run, None if kept is None else SideBySide.from_dict(kept)


def _behind_the_set(project: Project) -> tuple[str, dict[str, Any], Path | None]:
    """Encoder, options and file of weights of the embedding set in use."""
    from coldstart.embeddings.encoders import ENCODERS, SIMCLR, TIMM_PREFIX
    from coldstart.embeddings.encoders.weights import file_hash

    active = active_set(project)
    assert active is not None  # there is a pool
    name, said = str(active.meta.get("encoder", "")), dict(active.meta.get("settings") or {})
    card = ENCODERS.get(name)
    network = name == SIMCLR or name.startswith(TIMM_PREFIX) or (card is not None and card.weights)
    if not network:
        raise ColdstartError(
            f"The embedding set in use, “{active.name}”, does not come from a network that can be "
            "trained.",
            "Name one: --encoder timm:resnet18, with --weights FILE where it cannot be downloaded.",
        )
    file = Path(str(active.meta.get("weights_file", "")))
    known = file.is_file() and file_hash(file) == said.get("weights_hash")
    return name, dict(said.get("arguments") or {}), file if known else None


def _settings(
    project: Project, encoder: str, epochs: int | None, blocks: int, given: dict[str, Any]
) -> FinetuneSettings:
    import torch

    from coldstart.training.finetune import FinetuneSettings

    if epochs is None:
        epochs = GPU_EPOCHS if torch.cuda.is_available() else CPU_EPOCHS
    if epochs < 1:
        raise ColdstartError("Fine-tuning needs at least one epoch.", "Leave out --epochs.")
    known = set(FinetuneSettings.__dataclass_fields__) - {"encoder", "epochs", "blocks"}
    for key, value in given.items():
        if key not in known:
            raise ColdstartError(
                f"Fine-tuning has no setting {key!r}.", f"It has: {', '.join(sorted(known))}."
            )
        if not isinstance(value, bool | int | float):
            raise ColdstartError(f"The setting {key}={value!r} is no number.", "Give a number.")
    mirror = bool(project.settings.get("mirror", True))
    return FinetuneSettings(encoder, blocks, epochs, **({"mirror": mirror} | given))


def _directory(
    project: Project,
    settings: FinetuneSettings,
    start: Trainable,
    content_hashes: Sequence[str],
    class_names: Sequence[str],
) -> Path:
    """Where this training lies: the same for the same labels and settings, so that it resumes."""
    said = {
        "settings": vars(settings),
        "start": _fingerprint(start),
        "side": start.cropping.side,
        "labels": sorted(zip(content_hashes, class_names, strict=True)),
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:10]
    directory = project.models / f"{FINETUNE}-{digest}"
    finished = {project.directory / run.directory for run in project.store.runs.all()}
    if directory in finished:
        raise ColdstartError(
            "This network has been fine-tuned with these settings on these labels already.",
            "Label more images, or change a setting.",
        )
    for other in project.models.glob(f"{FINETUNE}-*"):
        if other != directory and other not in finished:
            shutil.rmtree(other, ignore_errors=True)  # a run that nothing can resume any more
    return directory


def _fingerprint(start: Trainable) -> str:
    """Names the weights a training starts from."""
    digest = hashlib.sha256()
    for key, tensor in sorted(start.network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _predict_pool(
    result: FinetuneResult, files: Sequence[Path], progress: Progress
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """(n, k) float32 probabilities, (n,) whether the image could be read, and the k classes."""
    from coldstart.training.network_files import load_network

    kept = load_network(result.weights)
    parts, good = [], []
    for part, readable in predict_files(kept, files):
        parts.append(part)
        good.append(readable)
        done = sum(map(len, good))
        progress(done, len(files), "Predicting the pool")
    return np.concatenate(parts), np.concatenate(good), kept.class_names


def predict_files(kept: KeptNetwork, files: Sequence[Path]) -> Any:
    """Batches of ((m, k) float32 probabilities, (m,) bool readable), in order."""
    import torch

    from coldstart.training.finetune_network import run_on_files

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = kept.network.to(device)
    return run_on_files(
        lambda images: torch.softmax(network(images), dim=1), files, kept.cropping, device
    )


def _measure(
    project: Project,
    pool: ProjectPool,
    result: FinetuneResult,
    probabilities: np.ndarray,
    readable: np.ndarray,
    names: Sequence[str],
) -> dict[str, Any]:
    """The network beside a probe on the same labels: on the audit where it is large enough."""
    from coldstart.training.class_measures import measure_classes
    from coldstart.training.probe import fit_probe
    from coldstart.training.side_by_side import side_by_side

    answers = audit_answers(project)
    row_of = pool.rows_of(answers.image_ids)
    asked = [
        (row_of[one], truth)
        for one, truth in zip(answers.image_ids, answers.truth, strict=True)
        if truth is not None and one in row_of
    ]
    aside = next(one for one in result.history if one.epoch == result.best_epoch)
    before = result.history[0]
    said: dict[str, Any] = {
        "kept_aside_right": aside.kept_aside_right,
        "kept_aside_right_before": before.kept_aside_right,
    }
    if len(asked) < FEWEST_AUDIT_LABELS:
        return said | {"audit": None, "how": _how_without_audit(result, len(asked))}
    rows, class_names = pool.training_labels()
    probe = fit_probe(
        np.ascontiguousarray(pool.vectors[rows]),
        class_names,
        content_hashes=pool.hashes_of(rows),
    )
    where = np.array([row for row, _ in asked])
    guessed = probe.predict(np.ascontiguousarray(pool.vectors[where])).class_indices
    best = probabilities.argmax(axis=1)
    answers_of = [truth for _, truth in asked]
    network_said = [names[best[row]] if readable[row] else None for row, _ in asked]
    probe_said = [probe.class_names[one] for one in guessed.tolist()]
    compared = side_by_side(answers_of, network_said, probe_said, level=_LEVEL)
    said["classes"] = measure_classes(answers_of, network_said).summary()
    said["probe_classes"] = measure_classes(answers_of, probe_said).summary()
    how = (
        f"Measured on the {compared.images} audit images, which were used for nothing else; the "
        f"probe learned from the same {len(rows)} labels. {compared.words} The intervals are as "
        f"wide as those of the {LOOKS} looks at the probe, so that up to {LOOKS} networks may be "
        "compared; choosing between the two by the audit favours the chosen one a little."
    )
    return said | {"audit": compared.as_dict(), "how": how}


def _how_without_audit(result: FinetuneResult, labels: int) -> str:
    few = f"There are {labels} audit labels; it takes {FEWEST_AUDIT_LABELS} to measure a network."
    if not result.kept_aside:
        return f"{few} No labels were kept aside either: nothing can be said."
    return (
        f"{few} On the {result.kept_aside} labelled images kept aside it is right more often than "
        "on the pool, because they decided when to stop."
    )


def _write(
    project: Project,
    pool: ProjectPool,
    probabilities: np.ndarray,
    readable: np.ndarray,
    names: tuple[str, ...],
    directory: Path,
) -> None:
    """The table of predictions, and what the share that can be relied on is judged by."""
    of_all = pool.pictures.row_of_all
    known = readable[of_all]
    rows = of_all[known]
    hashes = pool.hashes_of(rows)
    ids = pool.pictures.all_ids[known]
    write_table(project, ids, hashes, names, probabilities[rows], directory / PREDICTIONS)
    row_of = pool.rows_of(pool.reserve)
    audited = [one for one in pool.reserve if one in row_of and readable[row_of[one]]]
    if audited:
        said = probabilities[[row_of[one] for one in audited]]
        predicted = [names[one] for one in said.argmax(axis=1).tolist()]
        everywhere = probabilities[readable].max(axis=1)
        keep_confidence(directory, audited, predicted, said.max(axis=1), everywhere)
