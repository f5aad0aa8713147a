"""A manifest as a torch Dataset, and a DataLoader, for the person's own training code.

This module needs torch and is imported when something of it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from coldstart.errors import ColdstartError
from coldstart.labels.manifest import read_manifest
from coldstart.labels.states import CLASS

Transform = Callable[[Image.Image], Any]

DEFAULT_PIXELS = 224


class LabelledImages(Dataset[tuple[Any, int]]):
    """The images of a manifest that have a class. Made by `load_labelled`.

    ``dataset[i]`` is the image (RGB, upright; what ``transform`` made of it, if there is one) and
    the index of its class in ``class_names``.

    files : the n image files. classes : (n,) int64 class indices. class_names : every class of the
    manifest, sorted, whichever split was asked for. splits : the split of each image, as the
    manifest has it. class_counts : images of each class here.
    sample_weights : (n,) float64 with mean 1 that give every class that occurs the same total.
    """

    def __init__(
        self,
        files: Sequence[Path],
        classes: np.ndarray,
        class_names: Sequence[str],
        transform: Transform | None = None,
        splits: Sequence[str] | None = None,
    ) -> None:
        self.files = list(files)
        self.classes = classes
        self.class_names = list(class_names)
        self.transform = transform
        self.splits = [""] * len(self.files) if splits is None else list(splits)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from coldstart.images.read import read_image

        image: Any = read_image(self.files[index])
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.classes[index])

    @property
    def class_counts(self) -> list[int]:
        return np.bincount(self.classes, minlength=len(self.class_names)).tolist()

    @property
    def sample_weights(self) -> np.ndarray:
        counts = np.bincount(self.classes, minlength=len(self.class_names))
        return len(self.classes) / ((counts > 0).sum() * counts[self.classes])


def load_labelled(
    manifest_file: Path | str,
    images_root: Path | str | Sequence[Path | str] | None = None,
    split: str | None = None,
    transform: Transform | None = None,
) -> LabelledImages:
    """The images of a manifest that have a class, as a torch Dataset.

    images_root : the folder that the manifest's paths are relative to, or several; a path is then
    looked for in each, in their order. None takes the folder of the manifest. split : ``"train"``,
    ``"test"`` or None for all. transform : called with each PIL image.

    Raises ColdstartError when the manifest cannot be read, has no image of that split, or an image
    file is missing.
    """
    table = read_manifest(manifest_file)
    table = table[table["state"] == CLASS]
    class_names = sorted(set(table["class_name"]))
    if split is not None:
        known = sorted(set(table["split"]))
        table = table[table["split"] == split]
        if len(table) == 0 and known:
            raise ColdstartError(
                f"No labelled image of {manifest_file} is in the split “{split}”.",
                f"Its splits are: {', '.join(known)}.",
            )
    if len(table) == 0:
        raise ColdstartError(
            f"No image of {manifest_file} has a class.", "Label some images, then export again."
        )
    if images_root is None:
        images_root = Path(manifest_file).absolute().parent
    roots = [images_root] if isinstance(images_root, str | Path) else list(images_root)
    files = _find_files(list(table["path"]), [Path(root) for root in roots])
    index_of = {name: index for index, name in enumerate(class_names)}
    classes = np.array([index_of[name] for name in table["class_name"]], dtype=np.int64)
    return LabelledImages(files, classes, class_names, transform, list(table["split"]))


def make_dataloader(
    dataset: LabelledImages,
    batch_size: int = 32,
    balanced: bool = True,
    *,
    workers: int = 0,
    seed: int | None = None,
) -> DataLoader[Any]:
    """Batches of (images, class indices), in a new random order at each pass.

    balanced : draw with replacement so that every class comes up equally often, however many
    labels it has; otherwise each image comes once a pass. Images of a dataset without a
    ``transform`` are squashed to float tensors (3, 224, 224) from 0 to 1. workers : processes that
    read images. seed : makes the order repeatable.
    """
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    order = None
    if balanced:
        weights = dataset.sample_weights.tolist()
        order = WeightedRandomSampler(weights, len(dataset), generator=generator)
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=order,
        shuffle=None if balanced else True,
        generator=generator,
        num_workers=workers,
        collate_fn=_squash_and_collate if dataset.transform is None else None,
    )


def _squash_and_collate(batch: list[tuple[Image.Image, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = []
    for image, _ in batch:
        squashed = image.resize((DEFAULT_PIXELS, DEFAULT_PIXELS), Image.Resampling.BILINEAR)
        pixels.append(torch.from_numpy(np.array(squashed)).permute(2, 0, 1))
    classes = torch.tensor([class_index for _, class_index in batch])
    return torch.stack(pixels).float() / 255, classes


def _find_files(paths: Sequence[str], roots: Sequence[Path]) -> list[Path]:
    files, missing = [], []
    for path in paths:
        for root in roots:
            if os.path.isfile(root / path):
                files.append(root / path)
                break
        else:
            missing.append(path)
    if missing:
        shown = ", ".join(missing[:3]).encode("utf-8", "replace").decode()
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        folders = ", ".join(str(root) for root in roots)
        raise ColdstartError(
            f"{len(missing):,} of {len(paths):,} images of the manifest are not in {folders}: "
            f"{shown}{more}.",
            "Give the folder that the manifest's paths are relative to.",
        )
    return files
