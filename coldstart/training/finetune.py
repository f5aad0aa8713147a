"""Fine-tuning: an encoder's network goes on learning, from the labels.

First the probe, then the network from there (Kumar et al., ICLR 2022): a network whose last layer
is random would unlearn what it knows while that layer settles. With RandAugment, weight decay, an
average over the training steps and early stopping: on few labels a network overfits otherwise, and
methods compared without them look different than they are (Munjal et al., CVPR 2022). Stopping is
decided on labelled images kept aside from training; those of the audit are never among either.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coldstart.embeddings.encoders.adapted import Trainable
from coldstart.embeddings.encoders.weights import read_checkpoint
from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.training.augment import AugmentedImages, DrawnBatches, loader
from coldstart.training.finetune_history import HISTORY, Epoch, best_epoch
from coldstart.training.finetune_network import (
    ClassNetwork,
    check_blocks,
    divide_logits,
    put_probe,
    run_on_files,
    train_only,
    training_mode,
)
from coldstart.training.folds import group_numbers, stratified_folds
from coldstart.training.network_files import WEIGHTS, load_network, replace_file, save_network
from coldstart.training.probe import fit_probe
from coldstart.training.tuning import fit_temperature

CHECKPOINT = "checkpoint.pt"
PICTURES_TO_KEEP_ASIDE = 40
"""With fewer labelled pictures all are trained on: a fifth of them could not decide anything."""
ASIDE = 5
"""One of so many labelled pictures is kept aside."""
DRAWS_AT_LEAST = 256


@dataclass(frozen=True)
class FinetuneSettings:
    """What a run depends on; a run is resumed only with the same, but for ``epochs``.

    blocks : how many blocks of the encoder learn, from the last one; 0 for all. The rate rises over
    the first twentieth of the steps and falls along a cosine. average : how much of the average of
    the weights stays at each step. patience : epochs without a lower loss on the images kept aside
    before it stops. mirror : whether a mirrored image shows the same thing.
    """

    encoder: str
    blocks: int = 0
    epochs: int = 20
    batch_images: int = 16
    learning_rate: float = 2e-4
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    dropout: float = 0.2
    average: float = 0.98
    patience: int = 5
    mirror: bool = True
    seed: int = 0


@dataclass(frozen=True)
class FinetuneResult:
    """A finished run: the file of the best epoch's network, and how it went.

    kept_aside : labelled images that decided when to stop. unreadable : those that could not be
    read and were left out. temperature : by what the logits were divided at the end.
    """

    weights: Path
    history: list[Epoch]
    best_epoch: int
    stopped_early: bool
    kept_aside: int
    unreadable: int
    temperature: float


def finetune(
    start: Trainable,
    files: Sequence[Path],
    class_names: Sequence[str],
    directory: Path,
    settings: FinetuneSettings,
    *,
    content_hashes: Sequence[str] | None = None,
    progress: Progress = silent,
) -> FinetuneResult:
    """Train ``start.network`` on labelled images; the best network goes to ``directory``.

    A checkpoint is written after every epoch; the same call goes on there, and on a CPU with the
    same number of threads it ends with the same numbers, bit for bit, as one that never stopped.

    files, class_names : the n images and their classes. content_hashes : copies of one picture are
    never on both sides of what is kept aside.

    Raises
    ------
    ColdstartError : one class only, no readable image of some class, other labels or settings than
        the run was begun with, or a full disk.
    """
    check_blocks(start.network, settings.blocks)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        run = _Run(start, files, class_names, directory, settings, content_hashes, progress)
        return run.run()
    except OSError as error:
        raise ColdstartError(
            f"The training cannot be written to {directory}: {error.strerror or error}.",
            "Make room or give the right to write there; it resumes after its last epoch.",
        ) from error


class _Run:
    def __init__(
        self,
        start: Trainable,
        files: Sequence[Path],
        class_names: Sequence[str],
        directory: Path,
        settings: FinetuneSettings,
        content_hashes: Sequence[str] | None,
        progress: Progress,
    ) -> None:
        self.start, self.directory, self.settings = start, directory, settings
        self.progress = progress
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.encoder = start.network.to(self.device)
        self.given_files, self.given_names = list(files), list(class_names)
        self.given_hashes = None if content_hashes is None else list(content_hashes)
        self.history: list[Epoch] = []

    def run(self) -> FinetuneResult:
        self._prepare()
        if not self._resume():
            self._end_epoch(0, None, 0.0)
        while not self._finished():
            started = time.monotonic()
            epoch = len(self.history)
            loss = self._one_epoch(epoch)
            self._end_epoch(epoch, loss, time.monotonic() - started)
        return self._close()

    def _prepare(self) -> None:
        """Vectors of the labelled images, who is kept aside, and the probe as the last layer."""
        settings = self.settings
        files, vectors = self._vectors(self.given_files)
        keep = np.flatnonzero([file is not None for file in files])
        self.unreadable = len(files) - len(keep)
        names = [self.given_names[row] for row in keep]
        hashes = self.given_hashes
        hashes = None if hashes is None else [hashes[row] for row in keep]
        groups = group_numbers(hashes, len(keep))
        self.class_names, classes = np.unique(np.array(names, dtype=object), return_inverse=True)
        self.files = [files[row] for row in keep]
        aside = np.zeros(len(keep), dtype=bool)
        if len(np.unique(groups)) >= PICTURES_TO_KEEP_ASIDE:
            folds = stratified_folds(classes, groups, ASIDE, settings.seed, rare_below=3)
            aside = folds == 0
        self.learns, self.aside = np.flatnonzero(~aside), np.flatnonzero(aside)
        self.classes = classes
        probe = fit_probe(
            vectors[keep][self.learns],
            [names[row] for row in self.learns],
            content_hashes=None if hashes is None else [hashes[row] for row in self.learns],
        )
        torch.manual_seed(settings.seed)
        self.network = ClassNetwork(
            self.encoder, vectors.shape[1], len(self.class_names), settings.dropout
        ).to(self.device)
        put_probe(self.network, probe)
        parameters = train_only(self.network, settings.blocks)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average),
        )
        self.optimizer = torch.optim.AdamW(
            parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.device.type == "cuda")
        self.images = AugmentedImages(
            [self.files[row] for row in self.learns],
            classes[self.learns],
            self.start.cropping,
            settings.mirror,
        )
        self.draws = max(len(self.learns), DRAWS_AT_LEAST)
        self.steps = -(-self.draws // settings.batch_images)

    def _vectors(self, files: list[Path]) -> tuple[list[Any], np.ndarray]:
        """What the untrained network makes of every image; None for those that cannot be read."""
        encoder = self.encoder.eval()
        cropping = self.start.cropping

        def compute(images: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(encoder(images).float(), dim=1)

        vectors, readable = [], []
        for part, good in run_on_files(compute, files, cropping, self.device):
            vectors.append(part)
            readable.append(good)
            self.progress(0, None, "Looking at the labelled images")
        good = np.concatenate(readable)
        return [file if ok else None for file, ok in zip(files, good)], np.concatenate(vectors)

    def _finished(self) -> bool:
        done = len(self.history) - 1
        idle = done - best_epoch(self.history)
        stops = len(self.aside) > 0 and idle >= self.settings.patience
        return done >= self.settings.epochs or stops

    def _one_epoch(self, epoch: int) -> float:
        settings = self.settings
        # What is random in an epoch depends on its number: a resumed run draws the same.
        torch.manual_seed(settings.seed * 100_003 + epoch)
        drawn = DrawnBatches(
            self.images.classes, self.draws, settings.batch_images, settings.seed, epoch
        )
        workers = min(8, os.cpu_count() or 1) if self.device.type == "cuda" else 0
        training_mode(self.network)
        losses = []
        for number, (images, classes) in enumerate(loader(self.images, drawn, workers)):
            step = (epoch - 1) * self.steps + number
            losses.append(self._step(step, images, classes))
            self.progress(
                step + 1,
                settings.epochs * self.steps,
                f"Epoch {epoch} of at most {settings.epochs} · loss {losses[-1]:.3f}",
            )
        return float(np.mean(losses))

    def _step(self, step: int, images: torch.Tensor, classes: torch.Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self._rate(step)
        images = images.to(self.device, non_blocking=True)
        classes = classes.to(self.device, non_blocking=True)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            logits = self.network(images)
        loss = torch.nn.functional.cross_entropy(
            logits.float(), classes, label_smoothing=self.settings.label_smoothing
        )
        if not torch.isfinite(loss):
            raise ColdstartError(
                "The training has come apart: its loss is not a number.",
                "Try a smaller learning rate: --set learning_rate=0.00005.",
            )
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def _rate(self, step: int) -> float:
        total = self.settings.epochs * self.steps
        rises = max(1, total // 20)
        if step < rises:
            return (step + 1) / rises
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rises) / max(1, total - rises))))

    def _end_epoch(self, epoch: int, loss: float | None, seconds: float) -> None:
        network = self.network if epoch == 0 else self.average.module
        aside_loss = right = None
        if len(self.aside):
            logits = self._logits(network, self.aside)
            truth = self.classes[self.aside]
            aside_loss = _balanced_loss(logits, truth)
            right = float((logits.argmax(axis=1) == truth).mean())
        self.history.append(Epoch(epoch, loss, aside_loss, right, round(seconds, 2)))
        if best_epoch(self.history) == epoch:
            self._save(network)
        self._write_checkpoint()
        rows = [asdict(one) for one in self.history]
        replace_file(self.directory / HISTORY, lambda beside: beside.write_text(json.dumps(rows)))

    def _logits(self, network: torch.nn.Module, rows: np.ndarray) -> np.ndarray:
        network.eval()
        files = [self.files[row] for row in rows]
        parts = run_on_files(network, files, self.start.cropping, self.device)
        return np.concatenate([part for part, _ in parts])

    def _save(self, network: Any, temperature: float = 1.0) -> None:
        about = {"training": asdict(self.settings), "temperature": temperature}
        save_network(
            self.directory / WEIGHTS,
            network,
            self.settings.encoder,
            self.start.options,
            self.start.cropping,
            [str(name) for name in self.class_names],
            about,
        )

    def _close(self) -> FinetuneResult:
        """The best network, made as sure as it is right, and no checkpoint any more."""
        kept = load_network(self.directory / WEIGHTS)
        temperature = float(kept.about["temperature"])
        if len(self.aside) and temperature == 1.0:
            network = kept.network.to(self.device)
            logits = self._logits(network, self.aside).astype(np.float64)
            _, temperature = fit_temperature(logits, self.classes[self.aside], 1.0)
            divide_logits(network, temperature)
            self._save(network, temperature)
        return FinetuneResult(
            weights=self.directory / WEIGHTS,
            history=self.history,
            best_epoch=best_epoch(self.history),
            stopped_early=len(self.history) - 1 < self.settings.epochs,
            kept_aside=len(self.aside),
            unreadable=self.unreadable,
            temperature=temperature,
        )

    def _write_checkpoint(self) -> None:
        content = {
            "identity": self._identity(),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": [asdict(one) for one in self.history],
        }
        replace_file(self.directory / CHECKPOINT, lambda beside: torch.save(content, beside))

    def _resume(self) -> bool:
        file = self.directory / CHECKPOINT
        if not file.is_file() or not (self.directory / WEIGHTS).is_file():
            return False
        kept = read_checkpoint(file, self.device)
        if kept.get("identity") != self._identity():
            raise ColdstartError(
                f"The training {self.directory.name!r} was begun with other labels or settings.",
                "Delete its folder, or train into another one.",
            )
        self.network.load_state_dict(kept["network"])
        self.average.load_state_dict(kept["average"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.scaler.load_state_dict(kept["scaler"])
        self.history = [Epoch(**row) for row in kept["history"]]
        return True

    def _identity(self) -> str:
        said: dict[str, Any] = {**asdict(self.settings), "cropping": asdict(self.start.cropping)}
        said.pop("epochs")  # a run may be made longer
        said["images"] = [[str(file), int(one)] for file, one in zip(self.files, self.classes)]
        said["classes"] = list(self.class_names)
        return json.dumps(said, sort_keys=True)


def _balanced_loss(logits: np.ndarray, classes: np.ndarray) -> float:
    """The mean negative log likelihood of each class, and of these the mean.

    At the best temperature: smoothed labels make a network less sure, which is mended at the end
    and shall not decide when to stop.
    """
    from scipy.special import log_softmax

    scores = logits.astype(np.float64)
    _, temperature = fit_temperature(scores, classes, 1.0)
    losses = -log_softmax(scores / temperature, axis=1)[np.arange(len(classes)), classes]
    return float(np.mean([losses[classes == which].mean() for which in np.unique(classes)]))
