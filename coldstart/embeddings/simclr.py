"""SimCLR (Chen et al. 2020): train a network on the person's own images, without a label.

Two random views of one image shall lie near each other and far from those of every other image.
Loss, head and views are lightly's; temperature, optimiser, schedule and colours are those of the
UvA deep learning tutorial 17 (Lippe). Checked out of sight: some images are kept aside, and how
often the network recognises one view of them by the other says whether training still helps.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coldstart.embeddings.encoders.adapted import Trainable, save_adapted
from coldstart.embeddings.encoders.weights import read_checkpoint
from coldstart.embeddings.simclr_history import HISTORY, Epoch, best_epoch
from coldstart.embeddings.views import ViewRecipe, Views, batches_of_views
from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent

CHECKPOINT = "checkpoint.pt"
HELD_OUT_SHARE, HELD_OUT_MOST, HELD_OUT_LEAST = 0.1, 256, 8
FEWEST_IMAGES = 32


@dataclass(frozen=True)
class SimclrSettings:
    """What a run depends on; a run is resumed only with the same.

    temperature, learning_rate and weight_decay are the tutorial's; the rate falls along a cosine to
    a fiftieth. After ``patience`` epochs without a better neighbour consistency training stops.
    ``mirror`` : whether a mirrored image shows the same thing.
    """

    encoder: str = "timm:resnet18"
    epochs: int = 100
    batch_images: int = 256
    temperature: float = 0.07
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    patience: int = 10
    mirror: bool = True
    seed: int = 0


@dataclass(frozen=True)
class SimclrResult:
    """A finished run: the file of the best epoch's weights, and how it went."""

    weights: Path
    history: list[Epoch]
    best_epoch: int
    stopped_early: bool
    unreadable: int


def train_simclr(
    start: Trainable,
    paths: Sequence[Path],
    directory: Path,
    settings: SimclrSettings,
    *,
    progress: Progress = silent,
) -> SimclrResult:
    """Train ``start.network`` on the images at ``paths``; weights go to ``directory``.

    A checkpoint is written after every epoch; the same call goes on there, and ends as if it had
    not been stopped. What is written is the
    epoch of the highest neighbour consistency (epoch 0 if training never helped).

    Raises
    ------
    ColdstartError : fewer than 32 images, other settings than the run was begun with, or a full
        disk.
    """
    if len(paths) < FEWEST_IMAGES:
        raise ColdstartError(
            f"SimCLR learns from what differs between images, and {len(paths)} are too few.",
            f"Use at least {FEWEST_IMAGES}, some hundred are better.",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return _Run(start, paths, directory, settings, progress).run()
    except OSError as error:
        raise ColdstartError(
            f"The training cannot be written to {directory}: {error.strerror or error}.",
            "Make room or give the right to write there; it resumes after its last epoch.",
        ) from error


class _Run:
    def __init__(
        self,
        start: Trainable,
        paths: Sequence[Path],
        directory: Path,
        settings: SimclrSettings,
        progress: Progress,
    ) -> None:
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import SimCLRProjectionHead

        torch.manual_seed(settings.seed)
        self.start, self.directory, self.settings = start, directory, settings
        self.progress = progress
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = start.network.to(self.device)
        cut = start.cropping
        with torch.inference_mode():
            blank = torch.zeros(1, 3, cut.side, cut.side, device=self.device)
            dimension = int(self.network.eval()(blank).shape[1])
        self.head = SimCLRProjectionHead(dimension, dimension, 128).to(self.device)
        self.loss = NTXentLoss(temperature=settings.temperature)
        self.recipe = ViewRecipe(
            cut.side, tuple(cut.mean), tuple(cut.deviation), settings.mirror, settings.seed
        )
        self.parameters = [*self.network.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, settings.epochs, eta_min=settings.learning_rate / 50
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.device.type == "cuda")
        self.paths, self.unreadable = list(paths), 0
        self.history: list[Epoch] = []
        self.best_epoch, self.best = 0, -1.0

    def run(self) -> SimclrResult:
        file = self.directory / f"{self.directory.name}.safetensors"
        # Before the images are split: the split must be the same when a run is resumed.
        order = np.random.default_rng(self.settings.seed).permutation(len(self.paths))
        aside = int(np.clip(HELD_OUT_SHARE * len(order), HELD_OUT_LEAST, HELD_OUT_MOST))
        held_out, learned_from = order[:aside], order[aside:]
        resumed = self._resume()
        # The views of the images kept aside are the same for every epoch: those of none of them.
        twins = next(batches_of_views(self.recipe, self.paths, [(0, held_out)], processes=1))
        if not resumed:
            self._end_epoch(Epoch(0, None, self._consistency(twins), 0.0), file)
        with closing(self._views(learned_from)) as views:
            while not self._finished():
                epoch, started = len(self.history), time.monotonic()
                mean_loss = self._one_epoch(epoch, views, self._batches_an_epoch(learned_from))
                self.schedule.step()
                consistency = self._consistency(twins)
                seconds = time.monotonic() - started
                self._end_epoch(Epoch(epoch, mean_loss, consistency, round(seconds, 2)), file)
        if not file.is_file():
            raise ColdstartError(
                f"{file} is gone.", f"Delete the folder {self.directory} and train again."
            )
        early = len(self.history) - 1 < self.settings.epochs
        return SimclrResult(file, self.history, self.best_epoch, early, self.unreadable)

    def _finished(self) -> bool:
        done = len(self.history) - 1
        idle = done - self.best_epoch
        # Nothing is left to gain when every view has found its twin.
        return done >= self.settings.epochs or idle >= self.settings.patience or self.best >= 1.0

    def _views(self, rows: np.ndarray) -> Generator[Views]:
        """The views of every epoch that is left, made while the network learns from others."""
        size = min(self.settings.batch_images, len(rows))

        def batches() -> Iterator[tuple[int, np.ndarray]]:
            for epoch in range(len(self.history), self.settings.epochs + 1):
                shuffled = np.random.default_rng([self.settings.seed, epoch]).permutation(rows)
                for at in range(0, len(shuffled) - size + 1, size):
                    yield epoch, shuffled[at : at + size]

        return batches_of_views(self.recipe, self.paths, batches())

    def _batches_an_epoch(self, rows: np.ndarray) -> int:
        return len(rows) // min(self.settings.batch_images, len(rows))

    def _one_epoch(self, epoch: int, views: Iterator[Views], batches: int) -> float:
        settings = self.settings
        # For networks that draw while they learn (dropout): a resumed run draws the same.
        torch.manual_seed(int(np.random.SeedSequence([settings.seed, epoch]).generate_state(1)[0]))
        self.network.train()
        self.head.train()
        losses = []
        for number, made in enumerate(islice(views, batches)):
            self.unreadable += made.unreadable
            losses.append(self._step(made.first, made.second))
            done = (epoch - 1) * batches + number + 1
            self.progress(
                done,
                settings.epochs * batches,
                f"Epoch {epoch} of at most {settings.epochs} · loss {losses[-1]:.3f}",
            )
        return float(np.mean(losses))

    def _step(self, first: torch.Tensor, second: torch.Tensor) -> float:
        views = torch.cat([first, second]).to(self.device, non_blocking=True)  # (2m, 3, side, side)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            projected = self.head(self.network(views))  # (2m, 128)
        loss = self.loss(*projected.float().chunk(2))
        if not torch.isfinite(loss):
            raise ColdstartError(
                "The training has come apart: its loss is not a number.",
                "Try a smaller learning rate: --set learning_rate=0.0001.",
            )
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return float(loss.detach())

    def _consistency(self, twins: Views) -> float:
        """Share of the images kept aside whose view has its twin for its nearest neighbour."""
        self.network.eval()
        vectors = []
        with torch.inference_mode():
            for views in (twins.first, twins.second):
                parts = [self.network(part.to(self.device)) for part in views.split(32)]
                vectors.append(torch.nn.functional.normalize(torch.cat(parts).float(), dim=1))
        every = torch.cat(vectors)
        count = len(vectors[0])
        similar = every @ every.T
        similar.fill_diagonal_(-2.0)
        twin = torch.arange(2 * count, device=self.device).roll(count)
        return float((similar.argmax(dim=1) == twin).double().mean())

    def _end_epoch(self, epoch: Epoch, file: Path) -> None:
        self.history.append(epoch)
        if best_epoch(self.history) == epoch.epoch:
            self.best_epoch, self.best = epoch.epoch, epoch.consistency
            about = {"epoch": epoch.epoch, "training": asdict(self.settings)}
            state = self.network.state_dict()
            save_adapted(file, state, self.settings.encoder, self.start, about)
        self._write_checkpoint()
        rows = [asdict(one) for one in self.history]
        _replace(self.directory / HISTORY, lambda beside: beside.write_text(json.dumps(rows)))

    def _write_checkpoint(self) -> None:
        content = {
            "settings": self._identity(),
            "network": self.network.state_dict(),
            "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": [asdict(one) for one in self.history],
            "best_epoch": self.best_epoch,
            "best": self.best,
        }
        _replace(self.directory / CHECKPOINT, lambda beside: torch.save(content, beside))

    def _resume(self) -> bool:
        file = self.directory / CHECKPOINT
        if not file.is_file():
            return False
        kept = read_checkpoint(file, self.device)
        if kept.get("settings") != self._identity():
            raise ColdstartError(
                f"The training {self.directory.name!r} was begun with other settings.",
                "Give the new one a name of its own, or the settings it was begun with.",
            )
        self.network.load_state_dict(kept["network"])
        self.head.load_state_dict(kept["head"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.schedule.load_state_dict(kept["schedule"])
        self.schedule.T_max = self.settings.epochs
        self.scaler.load_state_dict(kept["scaler"])
        self.history = [Epoch(**row) for row in kept["history"]]
        self.best_epoch, self.best = kept["best_epoch"], kept["best"]
        return True

    def _identity(self) -> str:
        said = {**asdict(self.settings), "side": self.start.cropping.side}
        said.pop("epochs")  # a run may be made longer
        return json.dumps(said, sort_keys=True)


def _replace(file: Path, write: Any) -> None:
    """Write a file whole or not at all."""
    beside = file.with_suffix(".new")
    try:
        write(beside)
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
