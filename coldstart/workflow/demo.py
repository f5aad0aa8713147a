"""The embedded demo: 1,797 handwritten digits as an unlabelled folder, with no network needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coldstart.progress import Progress, silent
from coldstart.project import SETTINGS_FILE, Project

DEMO_FOLDER = "digits-demo"
_PIXELS = 64


def open_demo(projects: Path, *, progress: Progress = silent) -> Project:
    """The demo project below ``projects``; written first if it is not there.

    The images are the UCI handwritten digits that ship inside scikit-learn, in a shuffled order
    and in a tree of folders whose names say nothing about what is on them.
    """
    directory = projects / DEMO_FOLDER
    if (directory / SETTINGS_FILE).exists():
        return Project.open(directory)
    write_digits(directory / "images", progress=progress)
    return Project.create(
        directory,
        [directory / "images"],
        name="Handwritten digits (demo)",
        # A mirrored digit is another sign, so the encoder must not take it for the same.
        settings={"mirror": False, "demo": True},
    )


def write_digits(folder: Path, *, seed: int = 7, progress: Progress = silent) -> np.ndarray:
    """Write the digits as PNG files below ``folder``; the true digit of each file in scan order.

    Returns
    -------
    (1797,) int64, the digit on ``sorted(folder.rglob("*.png"))[i]``.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.images))
    names: list[tuple[str, int]] = []
    for position, source in enumerate(order):
        box, tray = divmod(position // 75, 6)
        name = f"box-{box + 1}/tray-{tray + 1}/scan-{position:04d}.png"
        file = folder / name
        if position % 75 == 0:
            file.parent.mkdir(parents=True, exist_ok=True)
            progress(position, len(order), "Writing the demo images")
        # Dark ink on white paper, from the 17 grey levels of the original.
        paper = 255 - np.round(digits.images[source] * (255 / 16)).astype(np.uint8)
        image = Image.fromarray(paper).resize((_PIXELS, _PIXELS), Image.Resampling.BICUBIC)
        image.save(file)
        names.append((name, int(digits.target[source])))
    return np.array([digit for _, digit in sorted(names)], dtype=np.int64)
