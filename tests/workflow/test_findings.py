"""The folder doctor in a project: what it finds; leaving out and taking back lose nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from coldstart.cli import main
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.doctor import decide, finding_page, findings, leave_out
from coldstart.workflow.known_labels import class_folders, import_known
from coldstart.workflow.scan import scan


def photo(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((240, 180), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed).integers(-30, 30, (180, 240, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Project]:
    """Six good photos in two folders, and one of everything a doctor should find."""
    folder = tmp_path / "images"
    for seed in range(6):
        (folder / f"class {seed % 2}").mkdir(parents=True, exist_ok=True)
        photo(seed).save(folder / f"class {seed % 2}" / f"{seed}.png")
    shutil.copy(folder / "class 0" / "0.png", folder / "copy.png")
    photo(1).resize((200, 150)).save(folder / "resaved.jpg", quality=70)
    photo(12).filter(ImageFilter.GaussianBlur(8)).save(folder / "blurred.png")
    Image.new("RGB", (200, 150), (2, 2, 2)).save(folder / "black.png")
    Image.new("RGB", (200, 150), (252, 252, 252)).save(folder / "white.png")
    Image.new("RGB", (200, 150), (90, 90, 90)).save(folder / "grey.png")
    photo(13).resize((24, 18)).save(folder / "tiny.png")
    photo(14).resize((240, 40)).save(folder / "banner.png")
    (folder / "cut.png").write_bytes((folder / "copy.png").read_bytes()[:5000])
    (folder / "empty.png").touch()
    made = Project.create(tmp_path / "project", [folder])
    scan(made)
    yield made
    made.store.close()


def found(project: Project) -> dict[str, list[str]]:
    """kind -> names of the files that leaving it out would take."""
    return {
        one.kind.name: sorted(
            image.image.name
            for image in finding_page(project, one.kind.name, 0, 100)
            if not image.kept
        )
        for one in findings(project)
    }


def test_everything_odd_is_found_and_nothing_else(odd: Project) -> None:
    listed = found(odd)
    assert len(listed.pop("exact copies")) == 1
    assert listed.pop("near copies") == ["resaved.jpg"]
    assert listed.pop("truncated") == ["cut.png"]
    assert listed == {
        "tiny": ["tiny.png"],
        "extreme shape": ["banner.png"],
        "nearly black": ["black.png"],
        "nearly white": ["white.png"],
        "one colour": ["grey.png"],
        "blurred": ["blurred.png"],
        "empty": ["empty.png"],
    }
    assert odd.store.images.count("usable") == 14


def test_a_finding_is_left_out_and_taken_back_and_the_files_stay(odd: Project) -> None:
    files = sorted(odd.roots[0].rglob("*"))
    leave_out(odd, "near copies", excluded=True, by="anna")
    leave_out(odd, "blurred", excluded=True, by="anna")
    assert odd.store.images.count("usable") == 12
    names = {row.name for row in odd.store.images.page("left out", 0, 10)}
    assert names == {"resaved.jpg", "blurred.png"}
    scan(odd)  # the decision outlives a scan, and is made for images that come later
    photo(15).filter(ImageFilter.GaussianBlur(9)).save(odd.roots[0] / "also blurred.png")
    report = scan(odd)
    assert (report.added, report.images) == (1, 12)
    one = next(i.image for i in finding_page(odd, "blurred", 0, 9) if i.image.name == "blurred.png")
    decide(odd, [one.image_id], out=False)
    assert odd.store.images.count("usable") == 13
    leave_out(odd, "blurred", excluded=False)
    leave_out(odd, "near copies", excluded=False)
    decide(odd, [one.image_id], out=True)
    assert odd.store.images.count("usable") == 14
    decide(odd, [one.image_id], out=False)
    assert odd.store.images.count("usable") == 15
    assert [file for file in files if not file.exists()] == []
    with pytest.raises(ColdstartError, match="left out anyway"):
        leave_out(odd, "truncated", excluded=True)


def test_findings_from_a_shell(odd: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", str(odd.directory), "--leave-out", "near copies"]) == 0
    assert "near copies: 1 (left out)" in capsys.readouterr().out
    assert main(["findings", str(odd.directory), "--keep-image", "resaved.jpg"]) == 0
    assert odd.store.images.count("usable") == 14
    assert main(["findings", str(odd.directory), "--leave-out", "ugly"]) == 1
    assert "no finding 'ugly'" in capsys.readouterr().err
    shutil.rmtree(odd.thumbnails)
    assert main(["thumbnails", str(odd.directory)]) == 0
    assert "made: 13" in capsys.readouterr().out  # of exact copies one
    assert main(["thumbnails", str(odd.directory)]) == 0
    assert "made: 0" in capsys.readouterr().out


def test_folders_become_labels_or_the_hidden_truth(
    odd: Project, tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    assert class_folders(odd).images == {"class 0": 3, "class 1": 3}
    report = import_known(odd, hidden=True)
    assert (report.labelled, report.classes) == (6, 2)
    truth = odd.hidden_truth()
    paths = {row.image_id: row.path for row in odd.store.images.usable()}
    # The copy outside of the folders is the same picture, so its class is known too.
    assert {paths[one]: name for one, name in truth.items() if "/" not in paths[one]} == {
        "copy.png": "class 0"
    }
    assert odd.store.labels.counts() == {}
    assert import_known(odd).labelled == 6
    assert odd.store.labels.counts() == {"class": 7}
    # An export of another tool: other names, the same files.
    export = tmp_path / "export" / "train" / "fancy"
    export.mkdir(parents=True)
    shutil.copy(odd.roots[0] / "class 0" / "2.png", export / "0001.png")
    (export / "0002.png").write_bytes(b"unknown here")
    report = import_known(odd, tmp_path / "export", hidden=True)
    assert (report.labelled, report.unknown_paths) == (1, ["train/fancy/0002.png"])
    assert set(odd.hidden_truth().values()) == {"fancy"}


def test_coco_gives_whole_images_a_class(odd: Project, tmp_path: Path) -> None:
    import json

    coco = {
        "images": [
            {"id": 1, "file_name": "class 0/0.png"},
            {"id": 2, "file_name": "class 1/1.png"},
            {"id": 3, "file_name": "nowhere.png"},
        ],
        "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}],
        "annotations": [
            {"image_id": 1, "category_id": 7},
            {"image_id": 1, "category_id": 7},
            {"image_id": 2, "category_id": 7},
            {"image_id": 2, "category_id": 8},
            {"image_id": 3, "category_id": 8},
        ],
    }
    file = tmp_path / "coco.json"
    file.write_text(json.dumps(coco))
    report = import_known(odd, file)
    assert (report.labelled, report.unknown_paths) == (1, ["nowhere.png"])
    assert report.ambiguous_paths == ["class 1/1.png"]
    file.write_text("[]")
    with pytest.raises(ColdstartError, match="not COCO"):
        import_known(odd, file)
