"""The lines of code that hand a person's labels to a training loop of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

FOUR_LINES = """\
from coldstart.training import load_labelled, make_dataloader
images = load_labelled({manifest}, {roots}, split="train")
for pixels, classes in make_dataloader(images, batch_size=32):
    ...  # pixels (32, 3, 224, 224), classes (32,): indices into images.class_names
"""


def code_example(manifest_file: Path | str, images_root: Path | str | Sequence[Path | str]) -> str:
    """`FOUR_LINES` with the person's own paths; it runs as it stands."""
    several = [images_root] if isinstance(images_root, str | Path) else list(images_root)
    roots = [os.fspath(root) for root in several]
    return FOUR_LINES.format(
        manifest=repr(os.fspath(manifest_file)),
        roots=repr(roots[0]) if len(roots) == 1 else repr(roots),
    )
