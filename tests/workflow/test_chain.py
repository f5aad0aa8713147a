"""The steps after the scan, on a small pool whose vectors and classes are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from coldstart.cli import main
from coldstart.embeddings.matrix import EmbeddingSet
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow.balls import purity
from coldstart.workflow.diagnose import Coverage, coverage_history, current_coverage
from coldstart.workflow.embed import (
    embed,
    embedding_sets,
    image_paths,
    import_vectors,
    neighbour_examples,
    use_set,
    words_to_complete,
)
from coldstart.workflow.export import export, manifest_bytes
from coldstart.workflow.label import append_events, label_page
from coldstart.workflow.map import map_view
from coldstart.workflow.overview import overview
from coldstart.workflow.pool import coverage_radius, load_pool
from coldstart.workflow.preview import preview
from coldstart.workflow.scan import scan
from coldstart.workflow.select import select
from coldstart.workflow.train import latest_evaluation, predictions, train, training_state

CLASSES = ("red", "green", "blue")
IMAGES = 60


def class_of(path: str) -> str:
    return CLASSES[int(Path(path).stem) % len(CLASSES)]


@pytest.fixture
def vectors() -> np.ndarray:
    """(60, 8): three tight groups, row i of class i mod 3, in the order of the images' paths."""
    generator = np.random.default_rng(0)
    centres = np.eye(8)[: len(CLASSES)]
    noise = generator.normal(0, 0.08, (IMAGES, 8))
    return (centres[np.arange(IMAGES) % len(CLASSES)] + noise).astype(np.float32)


@pytest.fixture
def pool_project(
    tmp_path: Path, make_image: Callable[..., Path], vectors: np.ndarray
) -> Iterator[Project]:
    for number in range(IMAGES):
        make_image(f"{number:03d}.png", color=(number, 3 * number, 2))
    made = Project.create(tmp_path / "project", [tmp_path / "images"])
    scan(made)
    np.save(tmp_path / "mine.npy", vectors)
    import_vectors(made, tmp_path / "mine.npy")
    yield Project.open(made.directory)
    made.store.close()


def label(project: Project, image_ids: list[int], kind: str = "class", who: str = "anna") -> None:
    """Answer these images from the truth."""
    rows = project.store.images.get(image_ids)
    events = []
    for image_id in image_ids:
        class_id = project.store.labels.add_class(class_of(rows[image_id].path)).class_id
        count = len(project.store.labels.events()) + len(events)
        named = class_id if kind == "class" else None
        events.append(NewEvent(f"u{count}", image_id, who, kind, named))
    append_events(project, events)


def test_imported_vectors_belong_to_their_images(
    pool_project: Project, vectors: np.ndarray
) -> None:
    pool = load_pool(pool_project)
    rows = pool_project.store.images.get(pool.image_ids.tolist())
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for vector, image_id in zip(pool.vectors, pool.image_ids.tolist(), strict=True):
        number = int(Path(rows[image_id].path).stem)
        np.testing.assert_allclose(vector, expected[number], atol=1e-6)


def test_an_image_whose_vector_points_nowhere_is_left_out(pool_project: Project) -> None:
    from coldstart.embeddings.matrix import write_set

    before = load_pool(pool_project)
    vectors = before.vectors.copy()
    vectors[3] = 0
    rows = pool_project.store.images.get(before.image_ids.tolist())
    hashes = [rows[one].content_hash or "" for one in before.image_ids.tolist()]
    folder = pool_project.embeddings / "mine"
    write_set(folder, [vectors], vectors.shape[1], before.image_ids.tolist(), hashes, {})
    after = load_pool(pool_project)
    assert (len(after.image_ids), after.without_vector) == (IMAGES - 1, 1)
    assert overview(pool_project).coverage == 0
    assert preview(pool_project, "probcover", largest_budget=5).without_vector == 1


def test_a_set_made_with_settings_of_its_own_is_completed_with_them(
    project: Project, make_image: Callable[..., Path]
) -> None:
    scan(project)
    embed(project, options={"flip": False, "seed": 3}, name="mine")
    make_image("later.png")
    scan(project)
    (made,) = embedding_sets(project)
    assert main(["embed", str(project.directory), *words_to_complete(made)]) == 0
    (now,) = embedding_sets(project)
    assert (made.name, len(made.image_ids), len(now.image_ids)) == ("mine", 6, 7)
    assert now.meta["settings"]["flip"] is False


def test_the_list_of_paths_is_in_the_order_of_the_rows(
    pool_project: Project, tmp_path: Path
) -> None:
    (tmp_path / "paths.txt").write_bytes(image_paths(pool_project))
    count = pool_project.store.images.count("usable")
    vectors = np.random.default_rng(3).normal(size=(count, 4)).astype("float32")
    np.save(tmp_path / "by-order.npy", vectors)
    np.save(tmp_path / "by-list.npy", vectors)
    import_vectors(pool_project, tmp_path / "by-order.npy")
    import_vectors(pool_project, tmp_path / "by-list.npy", paths=tmp_path / "paths.txt")
    one, other = (
        EmbeddingSet.open(pool_project.embeddings / name) for name in ("by-order", "by-list")
    )
    np.testing.assert_array_equal(one.image_ids, other.image_ids)
    np.testing.assert_array_equal(one.vectors, other.vectors)


def test_a_list_of_paths_says_which_row_is_which(
    pool_project: Project, vectors: np.ndarray, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(IMAGES)
    np.save(tmp_path / "shuffled.npy", vectors[order])
    (tmp_path / "list.txt").write_text("\n".join(f"{number:03d}.png" for number in order))
    before = load_pool(pool_project)
    import_vectors(pool_project, tmp_path / "shuffled.npy", paths=tmp_path / "list.txt")
    after = load_pool(Project.open(pool_project.directory))
    assert after.embedding_set == "shuffled"
    by_image = dict(zip(after.image_ids.tolist(), after.vectors, strict=True))
    for image_id, vector in zip(before.image_ids.tolist(), before.vectors, strict=True):
        np.testing.assert_allclose(by_image[image_id], vector, atol=1e-6)
    assert [one.name for one in embedding_sets(pool_project)] == ["mine", "shuffled"]
    again = use_set(Project.open(pool_project.directory), "mine")
    assert load_pool(again).embedding_set == "mine"


def _wrong_rows(vectors: np.ndarray) -> np.ndarray:
    return vectors[:-1]


def _not_a_number(vectors: np.ndarray) -> np.ndarray:
    return np.where(np.arange(vectors.size).reshape(vectors.shape) == 7, np.nan, vectors)


def _objects(vectors: np.ndarray) -> np.ndarray:
    return np.array([{"a": 1}] * len(vectors), dtype=object)


def _one_row(vectors: np.ndarray) -> np.ndarray:
    return vectors[0]


def _zeros(vectors: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(vectors))[:, None] == 5, 0, vectors)


@pytest.mark.parametrize("spoil", [_wrong_rows, _not_a_number, _objects, _one_row, _zeros])
def test_a_matrix_that_does_not_fit_is_refused_and_loses_nothing(
    pool_project: Project,
    vectors: np.ndarray,
    tmp_path: Path,
    spoil: Callable[[np.ndarray], np.ndarray],
) -> None:
    np.save(tmp_path / "bad.npy", spoil(vectors), allow_pickle=True)
    with pytest.raises(ColdstartError) as refused:
        import_vectors(pool_project, tmp_path / "bad.npy")
    assert refused.value.remedy
    assert [one.name for one in embedding_sets(pool_project)] == ["mine"]


def test_the_preview_is_what_the_selection_then_covers(pool_project: Project) -> None:
    shown = preview(pool_project, "probcover", largest_budget=10, audit_share=0)
    assert shown.start_coverage == 0
    assert np.all(np.diff(shown.coverage) >= 0)
    settings = {"delta": shown.picks_delta}
    report = select(pool_project, "probcover", 5, settings=settings, audit_share=0, by="anna")
    assert report.coverage_after == pytest.approx(shown.coverage[shown.budgets.tolist().index(5)])
    assert current_coverage(pool_project) == Coverage(0)  # queued is not labelled
    assert len(set(report.image_ids)) == 5


def test_the_queue_keeps_its_order_and_its_reasons(pool_project: Project) -> None:
    report = select(pool_project, "kmeans", 6)
    page = label_page(pool_project, "queue", 0, size=4)
    assert (page.total, page.pages) == (6, 2)
    assert [image["id"] for image in page.images] == report.image_ids[:4]
    assert all(image["reason"] for image in page.images)
    assert [image["id"] for image in page.next_images] == report.image_ids[4:]
    label(pool_project, report.image_ids[:2])
    label(pool_project, report.image_ids[2:3], kind="skipped")
    left = label_page(pool_project, "queue", 0)
    assert [image["id"] for image in left.images] == report.image_ids[3:]
    assert label_page(pool_project, "skipped", 0).total == 1


def test_nothing_is_picked_twice_and_nothing_set_aside_is_picked(pool_project: Project) -> None:
    first = select(pool_project, "kmeans", 10)
    label(pool_project, first.image_ids[:4])
    label(pool_project, first.image_ids[4:5], kind="unsure")
    label(pool_project, first.image_ids[5:6], kind="excluded")
    second = select(pool_project, "probcover", 20)
    assert not set(first.image_ids) & set(second.image_ids)
    with pytest.raises(ColdstartError, match=r"30 images can be picked"):
        select(pool_project, "random", 31)
    select(pool_project, "random", 30)
    with pytest.raises(ColdstartError, match="nothing left to pick"):
        preview(pool_project, "random")


@pytest.mark.parametrize("budget", [0, -1, 61])
def test_an_impossible_budget_is_refused(pool_project: Project, budget: int) -> None:
    with pytest.raises(ColdstartError, match=r"from 1 to 60"):
        select(pool_project, "random", budget)
    assert pool_project.store.batches.all() == []


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [("nonsense", {}), ("probcover", {"delta": -1}), ("probcover", {"colour": "red"})],
)
def test_a_wrong_strategy_or_setting_is_refused(
    pool_project: Project, strategy: str, settings: dict
) -> None:
    with pytest.raises(ColdstartError):
        select(pool_project, strategy, 5, settings=settings)


def test_training_needs_two_classes_and_says_what_it_measured(pool_project: Project) -> None:
    assert not training_state(pool_project).can_train
    rows = pool_project.store.images.usable()
    reds = [row.image_id for row in rows if class_of(row.path) == "red"]
    label(pool_project, reds[:5])
    state = training_state(pool_project)
    assert (state.can_train, "one class" in state.why_not) == (False, True)
    with pytest.raises(ColdstartError, match="of the class “red”"):
        train(pool_project)

    label(pool_project, [row.image_id for row in rows if class_of(row.path) != "red"][:6])
    few = train(pool_project)
    assert few.accuracy is None
    assert "Too few to say" in few.how

    label(pool_project, [row.image_id for row in rows][:40])
    report = train(pool_project)
    assert report.accuracy is not None
    assert report.interval is not None
    assert report.interval[0] <= report.accuracy <= report.interval[1]
    assert "not a random draw" in report.how
    table = predictions(pool_project)
    assert table is not None
    assert len(table) == IMAGES
    assert (table["predicted_class"] == [class_of(path) for path in table["path"]]).all()
    assert np.allclose(table.filter(like="probability: ").sum(axis=1), 1, atol=1e-5)


def test_the_model_is_up_to_date_until_a_label_changes(pool_project: Project) -> None:
    rows = [row.image_id for row in pool_project.store.images.usable()]
    label(pool_project, rows[:30])
    train(pool_project)
    assert training_state(pool_project).up_to_date
    evaluation = latest_evaluation(pool_project)
    assert evaluation is not None
    assert evaluation.confusion is not None
    assert evaluation.confusion.sum() == pytest.approx(30)
    append_events(pool_project, [NewEvent("undo", rows[0], "anna", "cleared")])
    state = training_state(pool_project)
    assert (state.up_to_date, state.labels_since) == (False, -1)


def test_coverage_grows_label_by_label_and_says_what_the_next_would_add(
    pool_project: Project,
) -> None:
    report = select(pool_project, "probcover", 4)
    label(pool_project, report.image_ids[:2])
    history = coverage_history(pool_project, next_labels=5)
    assert history.labels.tolist() == [0, 1, 2]
    pool = load_pool(pool_project)
    delta = coverage_radius(pool_project, pool).delta
    unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
    distances = np.linalg.norm(unit[:, None] - unit[None, pool.labelled], axis=2)
    expected = (distances < delta).any(axis=1).mean()
    assert history.coverage[-1] == pytest.approx(expected)
    covered = current_coverage(pool_project)
    assert covered is not None
    assert covered.share == pytest.approx(expected)
    # The two still in the queue come first, then the best that can be had.
    assert history.next_labels.tolist() == [2, 3, 4, 5, 6, 7]
    assert history.next_coverage[0] == pytest.approx(history.coverage[-1])
    assert np.all(np.diff(history.next_coverage) >= 0)
    assert overview(pool_project).coverage == pytest.approx(expected)


def test_the_radius_stays_the_same_while_labels_come(pool_project: Project) -> None:
    before = coverage_radius(pool_project, load_pool(pool_project))
    label(pool_project, [row.image_id for row in pool_project.store.images.usable()][:20])
    assert coverage_radius(pool_project, load_pool(pool_project)) == before


def test_purity_falls_with_the_radius(pool_project: Project) -> None:
    report = purity(pool_project)
    assert np.all(np.diff(report.purity) <= 1e-12)
    assert report.purity[0] == 1


def test_neighbours_are_of_the_same_group(pool_project: Project) -> None:
    for image, neighbours in neighbour_examples(pool_project, count=6, neighbours=5):
        assert len(neighbours) == 5
        assert {class_of(row.path) for row in neighbours} == {class_of(image.path)}
        assert image.image_id not in {row.image_id for row in neighbours}


def test_before_umap_the_map_is_pca_and_says_so(pool_project: Project) -> None:
    view = map_view(pool_project)
    assert (view.method, view.layout.shape) == ("pca", (IMAGES, 2))
    assert view.trust is not None
    assert not view.stale


def test_an_excluded_image_leaves_the_pool_and_returns(pool_project: Project) -> None:
    image_id = pool_project.store.images.usable()[0].image_id
    label(pool_project, [image_id], kind="excluded")
    assert image_id not in load_pool(pool_project).image_ids
    append_events(pool_project, [NewEvent("back", image_id, "anna", "cleared")])
    assert image_id in load_pool(pool_project).image_ids


def test_a_download_is_what_the_command_writes(pool_project: Project, tmp_path: Path) -> None:
    with pytest.raises(ColdstartError, match="Nothing is labelled"):
        manifest_bytes(pool_project, "csv")
    label(pool_project, [row.image_id for row in pool_project.store.images.usable()][:3])
    report = export(pool_project, "csv", tmp_path / "m.csv")
    assert report.images == 3
    assert report.file.read_bytes() == manifest_bytes(pool_project, "csv")
    with pytest.raises(ColdstartError, match="cannot be written"):
        export(pool_project, "csv", tmp_path / "no" / "such" / "folder" / "m.csv")


def test_the_manifest_trains_a_network_of_ones_own(pool_project: Project, tmp_path: Path) -> None:
    from coldstart.training import load_labelled, make_dataloader

    label(pool_project, [row.image_id for row in pool_project.store.images.usable()][:12])
    export(pool_project, "parquet", tmp_path / "m.parquet")
    dataset = load_labelled(tmp_path / "m.parquet", pool_project.roots[0])
    images, targets = next(iter(make_dataloader(dataset, batch_size=4)))
    assert images.shape[:2] == (4, 3)
    assert set(targets.tolist()) <= set(range(len(dataset.class_names)))
