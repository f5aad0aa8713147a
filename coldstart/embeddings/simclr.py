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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from coldstart.embeddings.encoders.adapted import Trainable, save_adapted
from coldstart.embeddings.simclr_history import HISTORY, Epoch, best_epoch
from coldstart.errors import ColdstartError
from coldstart.images.read import ImageProblem, read_image
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

    A checkpoint is written after every epoch; the same call goes on there. What is written is the
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
        from lightly.transforms import SimCLRTransform

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
        self.views = SimCLRTransform(
            input_size=cut.side,
            cj_bright=0.5,
            cj_contrast=0.5,
            cj_sat=0.5,
            cj_hue=0.1,
            gaussian_blur=1.0,
            hf_prob=0.5 if settings.mirror else 0.0,
            normalize={"mean": list(cut.mean), "std": list(cut.deviation)},
        )
        self.parameters = [*self.network.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, settings.epochs, eta_min=settings.learning_rate / 50
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.device.type == "cuda")
        self.images = _Images(paths, cut.side)
        self.history: list[Epoch] = []
        self.best_epoch, self.best = 0, -1.0

    def run(self) -> SimclrResult:
        file = self.directory / f"{self.directory.name}.safetensors"
        # Before the images are split: the split must be the same when a run is resumed.
        order = np.random.default_rng(self.settings.seed).permutation(len(self.images.paths))
        aside = int(np.clip(HELD_OUT_SHARE * len(order), HELD_OUT_LEAST, HELD_OUT_MOST))
        held_out, learned_from = order[:aside], order[aside:]
        resumed = self._resume()
        with ThreadPoolExecutor(os.cpu_count() or 1, initializer=_one_thread) as readers:
            self.readers = readers
            twins = self._twins(held_out)
            if not resumed:
                self._end_epoch(Epoch(0, None, self._consistency(twins), 0.0), file)
            while not self._finished():
                epoch, started = len(self.history), time.monotonic()
                mean_loss = self._one_epoch(epoch, learned_from)
                self.schedule.step()
                consistency = self._consistency(twins)
                seconds = time.monotonic() - started
                self._end_epoch(Epoch(epoch, mean_loss, consistency, round(seconds, 2)), file)
        if not file.is_file():
            raise ColdstartError(
                f"{file} is gone.", f"Delete the folder {self.directory} and train again."
            )
        early = len(self.history) - 1 < self.settings.epochs
        return SimclrResult(file, self.history, self.best_epoch, early, self.images.unreadable)

    def _finished(self) -> bool:
        done = len(self.history) - 1
        idle = done - self.best_epoch
        # Nothing is left to gain when every view has found its twin.
        return done >= self.settings.epochs or idle >= self.settings.patience or self.best >= 1.0

    def _one_epoch(self, epoch: int, rows: np.ndarray) -> float:
        settings = self.settings
        shuffled = np.random.default_rng([settings.seed, epoch]).permutation(rows)
        size = min(settings.batch_images, len(shuffled))
        batches = [shuffled[at : at + size] for at in range(0, len(shuffled) - size + 1, size)]
        self.network.train()
        self.head.train()
        losses = []
        for number, (first, second) in enumerate(self._pairs(batches)):
            losses.append(self._step(first, second))
            done = (epoch - 1) * len(batches) + number + 1
            self.progress(
                done,
                settings.epochs * len(batches),
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

    def _pairs(self, batches: Sequence[np.ndarray]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Two views of each image of each batch; the next batch is made meanwhile."""
        waiting = [self.readers.submit(self._view_twice, int(row)) for row in batches[0]]
        for number in range(len(batches)):
            current = waiting
            if number + 1 < len(batches):
                following = batches[number + 1]
                waiting = [self.readers.submit(self._view_twice, int(row)) for row in following]
            pairs = [future.result() for future in current]
            yield torch.stack([one for one, _ in pairs]), torch.stack([two for _, two in pairs])

    def _view_twice(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = self.views(self.images[row])
        return first, second

    def _twins(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """The views of the images kept aside, the same for every epoch."""
        ((first, second),) = self._pairs([rows])
        return first, second

    def _consistency(self, twins: tuple[torch.Tensor, torch.Tensor]) -> float:
        """Share of the images kept aside whose view has its twin for its nearest neighbour."""
        self.network.eval()
        vectors = []
        with torch.inference_mode():
            for views in twins:
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
        kept: dict[str, Any] = torch.load(file, map_location=self.device, weights_only=True)
        if kept["settings"] != self._identity():
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


class _Images:
    """Images by number, decoded small; a file that cannot be read lends its place to another."""

    def __init__(self, paths: Sequence[Path], side: int) -> None:
        self.paths = list(paths)
        self.side = side
        self.unreadable = 0

    def __getitem__(self, row: int) -> Image.Image:
        for step in range(8):
            path = self.paths[(row + step) % len(self.paths)]
            try:
                return self._smaller(read_image(path, at_least=2 * self.side))
            except ImageProblem:
                self.unreadable += 1
        raise ColdstartError(
            f"{self.paths[row]} and the images after it cannot be read.", "Scan the folder again."
        )

    def _smaller(self, image: Image.Image) -> Image.Image:
        """Random crops of a large photo cost much more than of one that is large enough."""
        shorter = min(image.size)
        if shorter <= 2 * self.side:
            return image
        scale = 2 * self.side / shorter
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return image.resize(size, Image.Resampling.BILINEAR)


def _one_thread() -> None:
    torch.set_num_threads(1)


def _replace(file: Path, write: Any) -> None:
    """Write a file whole or not at all."""
    beside = file.with_suffix(".new")
    try:
        write(beside)
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
