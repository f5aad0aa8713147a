"""Near copies that the embedding shows: found beside all pairs, left out, and never coming back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.project import Project
from coldstart.workflow.alike import ALIKE, SHARE_OF_USUAL, find_alike, groups_within
from coldstart.workflow.alike import near_copy_distance as near
from coldstart.workflow.doctor import finding_page, findings, leave_out
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.scan import scan

IMAGES = 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Thirty pictures far apart; 3 and 17 nearly the same vector, as are 5, 6 and 7."""
    draw = np.random.default_rng(2)
    for number in range(IMAGES):
        side = 40 if number == 6 else 32
        pixels = draw.integers(0, 256, (side, side, 3), dtype=np.uint8)
        file = tmp_path / "images" / f"{number:02d}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(file)
    vectors = draw.normal(size=(IMAGES, 8))
    vectors[17] = vectors[3] + 0.01
    vectors[6], vectors[7] = vectors[5] + 0.01, vectors[5] - 0.01
    np.save(tmp_path / "mine.npy", 5 * vectors)
    made = Project.create(tmp_path / "project", [tmp_path / "images"])
    scan(made)
    import_vectors(made, tmp_path / "mine.npy")
    return Project.open(made.directory)


def test_they_are_a_finding_as_soon_as_there_are_vectors(project: Project) -> None:
    found = {one.kind.name: one for one in findings(project)}[ALIKE]
    assert (found.groups, found.images) == (2, 3)
    page = finding_page(project, ALIKE, 0, 10)
    names = [(one.image.name, one.kept) for one in page]
    assert sorted(names) == [
        ("03.png", names.count(("03.png", True)) == 1),
        ("05.png", False),
        ("06.png", True),  # the largest of its group
        ("07.png", False),
        ("17.png", names.count(("17.png", True)) == 1),
    ]


def test_left_out_they_stay_out_whatever_is_looked_for_again(project: Project) -> None:
    leave_out(project, ALIKE, excluded=True)
    assert project.store.images.count("usable") == IMAGES - 3
    assert find_alike(project) == 2
    scan(project)
    assert project.store.images.count("usable") == IMAGES - 3
    leave_out(project, ALIKE, excluded=False)
    assert project.store.images.count("usable") == IMAGES


def test_the_distance_is_a_share_of_the_usual_one() -> None:
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(90, 6)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    every = np.linalg.norm(unit[:, None].astype(float) - unit, axis=2)
    np.fill_diagonal(every, np.inf)
    assert near(unit) == pytest.approx(SHARE_OF_USUAL * np.median(every.min(axis=1)), rel=1e-4)
    assert near(unit[:2]) == 0.0
    assert len(set(groups_within(unit[:2], 0.0))) == 2
