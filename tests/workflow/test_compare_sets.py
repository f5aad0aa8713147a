"""Which embedding? Two sets side by side: a good one is told from a bad one, with labels only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coldstart.cli import main
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.compare import compare_sets, neighbours_in
from coldstart.workflow.embed import import_vectors, use_set
from coldstart.workflow.label import import_labels
from coldstart.workflow.pool import active_set
from coldstart.workflow.scan import scan

IMAGES = 72


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """72 images of three kinds, with a set that knows the kinds and one that knows nothing."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "images").mkdir()
    for number in range(IMAGES):
        colour = [40, 40, 40]
        colour[number % 3] = 120 + number
        Image.new("RGB", (32, 32), tuple(colour)).save(folder / f"images/{number:03}.png")
    project = Project.create(folder / "project", [folder / "images"])
    scan(project)
    random = np.random.default_rng(0)
    kinds = np.eye(3, 16)[np.arange(IMAGES) % 3]
    knowing = kinds + 0.15 * random.normal(size=(IMAGES, 16))
    np.save(folder / "knowing.npy", knowing.astype(np.float32))
    np.save(folder / "blind.npy", random.normal(size=(IMAGES, 16)).astype(np.float32))
    for name in ("blind", "knowing"):
        import_vectors(project, folder / f"{name}.npy")
    return use_set(Project.open(project.directory), "blind")


def test_without_labels_no_accuracy_is_told(pool: Project) -> None:
    comparison = compare_sets(pool, ["blind", "knowing"])
    blind, knowing = comparison.sets
    assert knowing.measures.purity_area > blind.measures.purity_area
    assert (knowing.probe, knowing.nearest, comparison.labels) == (None, None, 0)
    assert "no accuracy can be told yet" in comparison.sentence


def test_neighbours_are_shown_for_the_same_images(pool: Project) -> None:
    shown = neighbours_in(pool, ["blind", "knowing"], count=5)
    assert len(shown) == 5
    for image, near in shown:
        kind = int(image.path[:3]) % 3
        assert len(near["blind"]) == 5
        assert [int(one.path[:3]) % 3 for one in near["knowing"]] == [kind] * 5
        assert image.image_id not in {one.image_id for one in near["knowing"]}


def test_with_labels_the_better_set_is_named_and_nothing_is_swapped(
    pool: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{number:03}.png,{'rgb'[number % 3]}" for number in range(60)]
    file = tmp_path / "labels.csv"
    file.write_text("path,class_name\n" + "\n".join(rows))
    import_labels(pool, file, "ann")
    comparison = compare_sets(pool, ["blind", "knowing"])
    assert comparison.labels == 60
    blind, knowing = comparison.sets
    for score, other in ((knowing.probe, blind.probe), (knowing.nearest, blind.nearest)):
        assert score is not None
        assert other is not None
        assert score.interval[0] > other.interval[1]
        assert score.difference_interval is not None
        assert score.difference_interval[0] > 0
    assert "“knowing” against “blind” by the probe: better (+" in comparison.sentence
    assert "chosen, not drawn at random" in comparison.sentence
    backwards = compare_sets(pool, ["knowing", "blind"])
    assert "worse (-" in backwards.sentence
    assert main(["compare", str(pool.directory)]) == 0
    assert "“knowing” against “blind”" in capsys.readouterr().out
    used = active_set(Project.open(pool.directory))
    assert used is not None
    assert used.name == "blind"


def test_sets_that_are_not_there_are_a_sentence(pool: Project) -> None:
    with pytest.raises(ColdstartError, match="not finished, or not there"):
        compare_sets(pool, ["blind", "gone"])
    with pytest.raises(ColdstartError, match="no name of an embedding set"):
        compare_sets(pool, ["blind", "../blind"])
