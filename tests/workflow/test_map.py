"""The map of a project: it stands until the embedding changes, and says what a point is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audited_pool import IMAGES, PICTURES, answer, class_of, make_project, make_vectors

from coldstart.embeddings import layout as layouts
from coldstart.embeddings.lasso import pack_layout
from coldstart.embeddings.matrix import unit_rows, write_set
from coldstart.project import Project
from coldstart.store import ScannedImage
from coldstart.workflow import map as map_module
from coldstart.workflow.embed import import_vectors, use_set
from coldstart.workflow.map import compute_map, map_view
from coldstart.workflow.map_colours import colours_of, labelled_mask, order_of
from coldstart.workflow.map_serving import (
    images_in,
    map_point,
    serve_groups,
    serve_places,
    served_file,
)
from coldstart.workflow.pool import coverage_radius, load_pool
from coldstart.workflow.select import select
from coldstart.workflow.train import predictions, train


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each computed layout had; UMAP itself is tested where time matters less."""
    calls: list[int] = []

    def quick(vectors: np.ndarray, **_: object) -> np.ndarray:
        calls.append(len(vectors))
        return layouts.pca_layout(vectors)

    monkeypatch.setattr(layouts, "umap_layout", quick)
    return calls


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path / "project")
    yield made
    made.store.close()


def test_a_map_is_computed_once_an_embedding(project: Project, computed: list[int]) -> None:
    assert map_view(project).method == "pca"
    assert not map_view(project).stale
    first = compute_map(project)
    assert (first.images, first.computed) == (PICTURES, True)
    again = compute_map(project)
    assert (again.images, again.computed, again.trust) == (PICTURES, False, first.trust)
    assert computed == [PICTURES]
    assert compute_map(project, anew=True).computed
    assert computed == [PICTURES, PICTURES]
    # Other vectors under the same name: a layout of the ones before does not fit them.
    np.save(project.directory / "mine.npy", make_vectors(5))
    import_vectors(project, project.directory / "mine.npy")
    view = map_view(Project.open(project.directory))
    assert (view.method, view.stale) == ("pca", True)
    assert compute_map(project).computed


def test_new_images_are_placed_and_nothing_moves(project: Project, computed: list[int]) -> None:
    compute_map(project)
    before = map_view(project)
    project.store.images.save(
        [
            ScannedImage(None, 0, f"l{n}.png", 1, 1, f"{n + 10**6:064x}", 8, 8, "PNG", None, None)
            for n in range(40)
        ]
    )
    vectors = np.concatenate([make_vectors(), make_vectors()[:40]])
    np.save(project.directory / "mine.npy", vectors)
    import_vectors(project, project.directory / "mine.npy")
    project = Project.open(project.directory)
    view = map_view(project)
    assert (view.method, view.placed, len(view.layout)) == ("umap", 40, PICTURES + 40)
    np.testing.assert_array_equal(view.layout[:PICTURES], before.layout)
    # They have the vectors of the first forty, so they lie on them.
    np.testing.assert_allclose(view.layout[PICTURES:], before.layout[:40], atol=0.05)
    report = compute_map(project)
    assert (report.computed, report.placed, report.images) == (False, 40, PICTURES + 40)
    np.testing.assert_array_equal(map_view(project).layout, view.layout)
    assert computed == [PICTURES]


def test_the_first_look_at_a_large_pool_is_laid_out_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_module, "KEPT_FROM_IMAGES", 1)
    first = map_view(project)
    assert first.method == "pca"
    with monkeypatch.context() as context:
        context.delattr(map_module, "_trust")  # the file says it all
        again = map_view(project)
    np.testing.assert_array_equal(again.layout, first.layout)
    assert again.trust == first.trust
    ids = project.store.images.pool_index()[0]
    np.save(project.directory / "other.npy", np.random.default_rng(9).normal(size=(len(ids), 6)))
    import_vectors(project, project.directory / "other.npy", name=load_pool(project).embedding_set)
    changed = map_view(Project.open(project.directory))
    assert not np.allclose(changed.layout, first.layout)


def test_what_the_browser_gets_is_what_python_counts_with(project: Project) -> None:
    view = map_view(project)
    name = serve_places(project, view)
    file = served_file(project, name)
    assert file is not None
    places = np.frombuffer(file.read_bytes(), dtype="<u2").reshape(-1, 2)
    np.testing.assert_array_equal(places, pack_layout(view.layout))
    assert serve_places(project, view) == name
    # Which image a point is lies beside it, written again only if it is gone.
    ids = file.with_suffix(".ids.npy")
    written_at = ids.stat().st_mtime_ns
    serve_places(project, view)
    assert ids.stat().st_mtime_ns == written_at
    ids.unlink()
    serve_places(project, view)
    assert np.load(ids).tolist() == view.image_ids.tolist()
    groups = served_file(project, serve_groups(project, np.arange(IMAGES) % 5))
    assert groups is not None
    assert np.frombuffer(groups.read_bytes(), np.uint8).tolist() == [n % 5 for n in range(IMAGES)]
    assert served_file(project, "../coldstart.toml") is None
    assert served_file(project, f"{'0' * 32}.places") is None
    left = [[-1, -1], [32_768, -1], [32_768, 70_000], [-1, 70_000]]
    expected = view.image_ids[places[:, 0] < 32_768]
    np.testing.assert_array_equal(images_in(view, left), expected)


def test_only_the_newest_files_are_kept(project: Project) -> None:
    names = [serve_groups(project, np.full(10, number)) for number in range(40)]
    assert served_file(project, names[-1]) is not None
    assert served_file(project, names[0]) is None


def test_a_point_says_what_it_is_and_a_labelled_one_whom_it_covers(project: Project) -> None:
    pool = load_pool(project)
    delta = coverage_radius(project, pool).delta
    answer(project, [3])
    places = serve_places(project, map_view(project)).partition(".")[0]
    labelled = map_point(project, places, 2)
    assert labelled is not None
    assert (labelled.image_id, labelled.name, labelled.says) == (3, "002.png", class_of(3))
    unit = unit_rows(make_vectors()[:PICTURES]).astype(np.float64)  # copies are one point
    near = np.flatnonzero(np.linalg.norm(unit - unit[2], axis=1) < delta)
    assert labelled.members == near.tolist()
    other = map_point(project, places, 5)
    assert other is not None
    assert (other.says, other.members) == ("unlabelled", [])
    assert map_point(project, places, PICTURES) is None
    assert map_point(project, "f" * 32, 0) is None
    assert map_point(project, "../../x", 0) is None


def test_every_colouring_says_what_the_store_says(project: Project) -> None:
    ids = load_pool(project).image_ids[::-1].copy()
    assert colours_of(project, ids, "prediction") is None
    assert colours_of(project, ids, "uncertainty") is None
    queued = select(project, "kmeans", 60, audit_share=0).image_ids
    answer(project, queued[:50])
    answer(project, queued[50:52], kind="skipped")
    by_id = {
        by: dict(zip(ids.tolist(), np.asarray(colours_of(project, ids, by)).tolist(), strict=True))
        for by in ("state", "class", "annotator", "coverage")
    }
    assert by_id["class"][queued[0]] == class_of(queued[0])
    assert by_id["annotator"][queued[0]] == "ann"
    assert by_id["state"][queued[50]] == "skipped"
    assert by_id["state"][queued[59]] == "in the queue"
    assert by_id["coverage"][queued[0]] == "labelled"
    assert {"covered", "not covered yet"} & set(by_id["coverage"].values())
    assert labelled_mask(project, ids).sum() == 50
    for by, texts in by_id.items():
        if by != "annotator":
            assert set(texts.values()) - {"unlabelled", "not covered yet"} <= set(
                order_of(project, by)
            )
    untouched = next(one for one in ids.tolist() if one not in queued)
    assert {by_id[by][untouched] for by in ("state", "class", "annotator")} == {"unlabelled"}
    train(project)
    table = predictions(project)
    assert table is not None
    doubt = colours_of(project, table["image_id"].to_numpy(), "uncertainty")
    np.testing.assert_allclose(np.asarray(doubt, float), 1 - table["confidence"])


def test_two_sets_of_different_coverage_have_maps_of_their_own(
    project: Project, computed: list[int]
) -> None:
    compute_map(project)
    rows = project.store.images.usable()[:150]
    write_set(
        project.embeddings / "some",
        [make_vectors(3)[:150]],
        8,
        [row.image_id for row in rows],
        [str(row.content_hash) for row in rows],
        {"encoder": "made for the test"},
    )
    small = use_set(project, "some")
    assert len(map_view(small).layout) == 150
    assert map_view(small).method == "pca"
    assert len(map_view(use_set(project, "mine")).layout) == PICTURES
