"""Looking before queueing: the same picks, from a graph that is kept, with a person's requests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from coldstart.cli import main
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.selection import KMeans, RadiusGraph
from coldstart.store import NewEvent
from coldstart.workflow import graphs
from coldstart.workflow.desk import Choice, open_desk
from coldstart.workflow.embed import import_vectors
from coldstart.workflow.label import append_events
from coldstart.workflow.preview import preview_at
from coldstart.workflow.scan import scan
from coldstart.workflow.select import look_at, select
from coldstart.workflow.weights import read_weights

IMAGES = 40
CLASSES = ("bottle", "can")


@pytest.fixture
def project(tmp_path: Path, make_image: Callable[..., Path]) -> Iterator[Project]:
    """40 images in two groups; the last one is an exact copy of the first."""
    for number in range(IMAGES - 1):
        make_image(f"{number:03d}.png", color=(number, 3 * number, 2))
    shutil.copy(tmp_path / "images" / "000.png", tmp_path / "images" / f"{IMAGES - 1:03d}.png")
    made = Project.create(tmp_path / "project", [tmp_path / "images"])
    scan(made)
    np.save(tmp_path / "mine.npy", vectors())
    import_vectors(made, tmp_path / "mine.npy")
    yield Project.open(made.directory)
    made.store.close()


def vectors() -> np.ndarray:
    generator = np.random.default_rng(0)
    rows = np.eye(6)[np.arange(IMAGES) % 2] + generator.normal(0, 0.25, (IMAGES, 6))
    rows[IMAGES - 1] = rows[0]
    return rows.astype(np.float32)


def number_of(project: Project, image_id: int) -> int:
    return int(Path(project.store.images.get([image_id])[image_id].path).stem)


def answer(project: Project, image_ids: list[int], kind: str = "class") -> None:
    events = []
    for image_id in image_ids:
        name = CLASSES[number_of(project, image_id) % 2]
        class_id = project.store.labels.add_class(name).class_id if kind == "class" else None
        events.append(NewEvent(f"uuid-{kind}-{image_id}", image_id, "anna", kind, class_id))
    append_events(project, events)


def test_what_was_looked_at_is_what_is_queued(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = look_at(project, "kmeans", 6, audit_share=0)
    assert project.store.batches.all() == []
    assert len(seen.paths) == len(seen.reasons) == len(seen.gains) == 6

    def chosen_again(*_: object) -> None:
        raise AssertionError("the picks that were looked at should have been taken")

    monkeypatch.setattr(KMeans, "_pick", chosen_again)
    batch = select(project, "kmeans", 6, audit_share=0)
    assert batch.image_ids == seen.image_ids
    # Another seed, or another pool (the batch waits now), is another choice.
    for seed in (0, 1):
        with pytest.raises(AssertionError):
            look_at(project, "kmeans", 6, seed=seed, audit_share=0)


def test_the_graph_is_made_once_and_serves_a_smaller_pool(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = select_without_queueing(project, {"delta": 0.4})
    assert open_desk(project).every.graph is None
    look_at(project, "probcover", 5, settings={"delta": 0.3}, audit_share=0)

    def made_again(*_: object, **__: object) -> None:
        raise AssertionError("the graph is there")

    monkeypatch.setattr(graphs, "widest_graph", made_again)
    graph = open_desk(project).every.graph
    assert isinstance(graph, RadiusGraph)
    assert graph.n == IMAGES - 1  # copies are one row
    assert select_without_queueing(project, {"delta": 0.4}) == before
    answer(project, before[:1], "excluded")
    smaller = open_desk(project, audit_share=0)
    assert smaller.every.graph is not None
    assert smaller.every.graph.n == IMAGES - 2
    with_graph = preview_at(smaller, Choice("probcover", {"delta": 0.4}), 5, 10)
    bare = open_desk(project, audit_share=0)
    bare = type(bare)(**{**vars(bare), "every": bare.every.changed(graph=None)})
    without = preview_at(bare, Choice("probcover", {"delta": 0.4}), 5, 10)
    assert with_graph.picks is not None
    assert without.picks is not None
    assert with_graph.picks.indices.tolist() == without.picks.indices.tolist()
    np.testing.assert_allclose(with_graph.coverage, without.coverage)


def select_without_queueing(project: Project, settings: dict[str, float]) -> list[int]:
    desk = open_desk(project, audit_share=0)
    shown = preview_at(desk, Choice("probcover", dict(settings)), 5, 5)
    assert shown.picks is not None
    return desk.pool.image_ids[shown.picks.indices].tolist()


def test_the_graph_goes_with_the_vectors_and_when_there_is_no_room(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(project, "probcover", 5, settings={"delta": 0.3})
    assert graphs.graph_folder(project, "mine").exists()
    np.save(tmp_path / "mine.npy", vectors()[:, ::-1])
    import_vectors(project, tmp_path / "mine.npy")
    assert not graphs.graph_folder(project, "mine").exists()
    look_at(project, "probcover", 5, settings={"delta": 0.3})
    monkeypatch.setattr(graphs, "KEPT_BYTES", 10)
    np.save(tmp_path / "other.npy", vectors())
    import_vectors(project, tmp_path / "other.npy")
    project = Project.open(project.directory)
    look_at(project, "probcover", 5, settings={"delta": 0.3})
    assert graphs.graph_folder(project, "other").exists()
    assert not graphs.graph_folder(project, "mine").exists()


def test_changing_the_radius_changes_the_picks_that_are_shown(project: Project) -> None:
    desk = open_desk(project, audit_share=0)
    narrow, wide = (
        preview_at(desk, Choice("probcover", {"delta": delta}), 5, 10) for delta in (0.2, 0.9)
    )
    assert narrow.picks_delta == 0.2
    assert wide.picks_delta == 0.9
    assert narrow.delta == wide.delta == desk.radius.delta  # told at one radius throughout
    assert narrow.picks is not None
    assert wide.picks is not None
    assert narrow.picks.indices.tolist() != wide.picks.indices.tolist()


def test_of_copies_one_is_picked_and_counts_for_all(project: Project) -> None:
    report = select(project, "random", IMAGES - 1, audit_share=0)
    assert sorted(number_of(project, one) for one in report.image_ids) == list(range(IMAGES - 1))
    arrays = open_desk(project).pool.for_selection(with_labels=False)
    assert arrays.weights is not None
    assert arrays.weights.sum() == IMAGES
    assert arrays.weights.max() == 2


def test_a_copy_of_an_answered_image_is_not_asked(project: Project) -> None:
    by_number = {number_of(project, one): one for one in open_desk(project).pool.image_ids.tolist()}
    # The last image is a copy of the first one, which is the row of both.
    rows = {Path(row.path).stem: row.image_id for row in project.store.images.usable()}
    answer(project, [rows[f"{IMAGES - 1:03d}"]])
    report = select(project, "random", IMAGES - 2, audit_share=0)
    assert by_number[0] not in report.image_ids


def run(project: Project, *arguments: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    status = main(["select", str(project.directory), "--json", "--audit-share", "0", *arguments])
    said = capsys.readouterr().out
    return {"status": status, **(json.loads(said) if said.strip() else {})}


def test_requests_on_the_command_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(project, "--budget", "8", "--strategy", "random", capsys=capsys)
    answer(project, first["image_ids"])
    wished = run(project, "--budget", "5", "--more", "can=4", "--dry-run", capsys=capsys)
    numbers = [number_of(project, one) for one in wished["image_ids"]]
    assert sum(number % 2 for number in numbers[:4]) >= 3
    assert wished["reasons"][0].startswith("wished for: can")
    every = run(project, "--budget", "10", "--dry-run", "--strategy", "coreset", capsys=capsys)
    far = "0.6"
    kept = run(
        project,
        *("--budget", "3", "--dry-run", "--strategy", "coreset", "--away-from-labelled", far),
        capsys=capsys,
    )
    assert every["status"] == kept["status"] == 0
    rows = vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)
    labelled = [number_of(project, one) for one in first["image_ids"]]
    picked = [number_of(project, one) for one in kept["image_ids"]]
    distance = np.linalg.norm(rows[picked][:, None] - rows[labelled][None], axis=2)
    assert distance.min() >= float(far)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--more", "can"], "is not CLASS=N"),
        (["--more", "can=some"], "is not CLASS=N"),
        (["--more", "can=2"], "labels of at least two classes"),
        (["--away-from-labelled", "-1"], "is no distance"),
        (["--strategy", "probcover", "--engine", "abacus"], "'local' or 'gpu' or 'ray'"),
        (["--strategy", "kmeans", "--engine", "ray"], "'local' or 'gpu'"),
        (["--strategy", "random", "--engine", "gpu"], "has no setting 'engine'"),
        (["--weights", "nowhere.csv"], "nowhere.csv cannot be read"),
    ],
)
def test_requests_that_cannot_be_met_say_so(
    project: Project, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["select", str(project.directory), "--budget", "3", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert project.store.batches.all() == []


def test_weights_from_a_table_decide(project: Project, tmp_path: Path) -> None:
    table = tmp_path / "weights.csv"
    table.write_text("path,weight\n007.png,1000\n", encoding="utf-8")
    seen = look_at(project, "maxherding", 1, weights=table, audit_share=0)
    assert seen.paths == ["007.png"]
    assert look_at(project, "maxherding", 1, audit_share=0).paths != ["007.png"]
    # Picks and coverage count the same: with nothing else of any weight, one pick covers all.
    lines = [f"{number:03d}.png,{100 * (number == 7)}" for number in range(IMAGES)]
    table.write_text("\n".join(["path,weight", *lines]), encoding="utf-8")
    batch = select(project, "maxherding", 1, weights=table, audit_share=0)
    assert batch.coverage_after == 1


def test_each_copy_counts_what_the_table_says_of_it(project: Project, tmp_path: Path) -> None:
    table = tmp_path / "weights.csv"
    last = f"./{IMAGES - 1:03d}.png"
    table.write_text(
        f"Weight;path\n0.25;000.png\n5;{last}\n2;001.png\n7;elsewhere.png\n", encoding="utf-8"
    )
    pool = open_desk(project).pool
    weights = read_weights(project, pool, table)
    expected = {number_of(project, one): 1.0 for one in pool.image_ids.tolist()}
    expected |= {0: 5.25, 1: 2.0}
    numbers = [number_of(project, one) for one in pool.image_ids.tolist()]
    assert dict(zip(numbers, weights.of_row.tolist(), strict=True)) == expected
    assert (weights.named, weights.unknown) == (3, ["elsewhere.png"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,weight\n007.png,-1\n", "Line 2 of weights.csv: the weight '-1' is no number"),
        ("path,weight\n007.png,heavy\n", "the weight 'heavy'"),
        ("path,weight\n007.png,nan\n", "the weight 'nan'"),
        ("path,weight\n007.png\n", "Line 2 of weights.csv has too few cells"),
        ("path,weight\n,3\n", "Line 2 of weights.csv has no path"),
        ("path,weight\n007.png,1\n007.png,2\n", "two weights: 1, and 2 in line 3"),
        ("path,weight\n007.png,1\n./007.png,2\n", "gives the image ./007.png two weights"),
        ("path,weight\nnobody.png,1\n", "names no image of this pool"),
        ("path,weight\n", "names no image of this pool"),
        ("path;wait\n", "needs the columns path and weight"),
        ("", "which holds: nothing"),
    ],
)
def test_a_table_of_weights_that_cannot_be_meant_says_why(
    project: Project, tmp_path: Path, text: str, words: str
) -> None:
    table = tmp_path / "weights.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ColdstartError, match=words):
        look_at(project, "maxherding", 1, weights=table)


def test_what_is_looked_at_is_queued_although_images_have_come(
    project: Project, tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    select(project, "random", 5)
    before = project.store.audit.reserved()
    for number in range(IMAGES, 2 * IMAGES):
        make_image(f"{number:03d}.png", color=(number, 3 * number, 2))
    scan(project)
    more = np.random.default_rng(1).normal(size=(2 * IMAGES, 6)).astype(np.float32)
    more[IMAGES - 1] = more[0]
    np.save(tmp_path / "mine.npy", more)
    import_vectors(project, tmp_path / "mine.npy")
    seen = look_at(project, "maxherding", 10)
    assert project.store.audit.reserved() == before
    queued = select(project, "maxherding", 10)
    newcomers = set(project.store.audit.reserved()) - set(before)
    assert newcomers
    assert not newcomers & set(seen.image_ids)
    assert set(seen.image_ids) <= set(queued.image_ids)
    assert len(queued.image_ids) - len(seen.image_ids) == seen.audit == queued.audit
