"""The training code in the documents runs as it stands: plain PyTorch, and Lightning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from coldstart.labels.manifest import ManifestRow, write_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """40 pictures in two colours, and their manifest."""
    rows = []
    (tmp_path / "images").mkdir()
    for number in range(40):
        name = ("red", "green")[number % 2]
        Image.new("RGB", (20, 30), name).save(tmp_path / "images" / f"{number}.png")
        rows.append(ManifestRow(path=f"{number}.png", content_hash=f"{number}", class_name=name))
    write_manifest(rows, tmp_path / "labels.csv")
    return tmp_path


def test_the_documents_code_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(project)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for block, said in zip(blocks, (r"\d+ of \d+ right", r"\d+% right"), strict=True):
        torch.manual_seed(0)
        exec(block, {})
        assert re.search(said, capsys.readouterr().out)
