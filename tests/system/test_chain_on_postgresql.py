"""The whole chain by commands, on PostgreSQL as on SQLite: from a folder of images to an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from databases import BACKENDS, new_database
from PIL import Image

from coldstart.cli import main
from coldstart.labels.manifest import read_manifest
from coldstart.project import Project

IMAGES, BUDGET = 90, 45
COLORS = {"red": (200, 40, 40), "green": (40, 190, 60), "blue": (50, 60, 200)}


def class_of(path: str) -> str:
    return list(COLORS)[int(Path(path).stem) % len(COLORS)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_from_images_to_export(
    backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    draw = np.random.default_rng(0)
    colours = []
    for number in range(IMAGES):
        pixels = np.array(COLORS[class_of(str(number))]) + draw.integers(-40, 40, (24, 32, 3))
        file = tmp_path / "images" / f"{number:02}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file)
        colours.append(pixels.mean((0, 1)) - 100)
    np.save(tmp_path / "colours.npy", np.array(colours, dtype=np.float32))
    directory = str(tmp_path / "project")

    def run(*arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        status = main([*arguments, "--json"])
        said = capsys.readouterr()
        assert status == 0, said
        return dict(json.loads(said.out))

    with new_database(backend, tmp_path) as url:
        run("new", directory, "--images", str(tmp_path / "images"), "--database", url)
        assert run("scan", directory)["images"] == IMAGES
        # Vectors that are there already: what encoders do is no concern of the database.
        assert run("embed", directory, "--file", str(tmp_path / "colours.npy"))["images"] == IMAGES
        chosen = run("select", directory, "--budget", str(BUDGET), "--audit-share", "0.4")
        project = Project.open(directory)
        rows = project.store.images.get(chosen["image_ids"])
        table = tmp_path / "labels.csv"
        lines = [f"{row.path},{class_of(row.path)}" for row in rows.values()]
        table.write_text("\n".join(["path,class_name", *lines]) + "\n")
        assert run("label", directory, "--from", str(table))["labelled"] == BUDGET
        assert run("train", directory)
        advice = run("advise", directory)
        assert advice["audit_labels"] + advice["training_labels"] == BUDGET
        manifest = tmp_path / "manifest.csv"
        run("export", directory, "--format", "csv", "--to", str(manifest))
        found = read_manifest(manifest)
        assert dict(zip(found["path"], found["class_name"])) == {
            row.path: class_of(row.path) for row in rows.values()
        }
        assert project.store.jobs.recent(1) == []  # commands typed by hand are no jobs
        if backend == "postgresql":
            assert not list(Path(directory).glob("*.db*"))
        project.store.close()
