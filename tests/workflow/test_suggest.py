"""Suggestions, orders and search over a small project with made vectors and a made text tower."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from coldstart.embeddings import text as text_tower
from coldstart.embeddings.matrix import write_set
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent, ScannedImage
from coldstart.workflow import suggest
from coldstart.workflow.arrange import arrange
from coldstart.workflow.find import Search, find
from coldstart.workflow.stands_for import stands_for
from coldstart.workflow.suggest import describe_suggestions, is_fresh, suggestions, withheld
from coldstart.workflow.text import search_text

IMAGES = 40


@pytest.fixture
def heaps(tmp_path) -> Project:
    """Forty images in two heaps: odd ids near (1, 0), even ids near (0, 1)."""
    (tmp_path / "images").mkdir()
    project = Project.create(tmp_path / "p", [tmp_path / "images"], name="heaps")
    project.store.images.save(
        [
            ScannedImage(None, 0, f"box/{i}.png", 1, 1, f"{i:016}", 1, 1, "PNG", None, None)
            for i in range(IMAGES)
        ]
    )
    ids = [row.image_id for row in project.store.images.usable()]
    draw = np.random.default_rng(0)
    vectors = np.array([[1.0, 0.0] if i % 2 else [0.0, 1.0] for i in ids], dtype=np.float32)
    vectors = np.hstack([vectors, draw.normal(0, 0.05, (IMAGES, 2)).astype(np.float32)])
    write_set(
        project.embeddings / "made", [vectors], 4, ids, [f"{i:016}" for i in range(IMAGES)], {}
    )
    for name in ("even", "odd"):
        project.store.classes.add(name)
    yield project
    project.store.close()


def label(project: Project, image_ids: Sequence[int]) -> None:
    classes = [row.class_id for row in project.store.classes.all()]
    project.store.labels.append(
        [NewEvent(f"u{i}", i, "ann", "class", classes[i % 2]) for i in image_ids]
    )


def test_labels_suggest_the_rest_and_the_unsure_are_found_first(heaps: Project) -> None:
    assert suggestions(heaps, wait=True) is None
    label(heaps, range(1, 11))
    found = suggestions(heaps, wait=True)
    assert found is not None
    even, odd = (row.class_id for row in heaps.store.classes.all())
    ids = list(range(11, IMAGES + 1))
    said = describe_suggestions(heaps, ids, found)
    assert all(said[i]["class_id"] == (odd if i % 2 else even) for i in ids)
    of_odd, total = find(heaps, Search(suggested=odd, state="unlabelled"))
    assert total == 15
    assert set(of_odd) == {i for i in ids if i % 2}
    doubtful, _ = find(heaps, Search(doubt=1.0))
    chances = found.of(doubtful)[1]
    assert (np.diff(chances) >= 0).all()


def test_a_large_pool_is_told_what_was_suggested_last_and_learns_from_a_part_of_the_labels(
    heaps: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggest, "_KERNEL_ROWS", 10)
    monkeypatch.setattr(suggest, "_MOST_LABELS", 4)
    label(heaps, [*range(1, 20, 2), 2, 4])  # ten odd ones and two even ones
    first = suggestions(heaps, wait=True)
    assert first is not None
    even, odd = (row.class_id for row in heaps.store.classes.all())
    # Both classes are among the four labels it has learned from.
    assert first.of([31, 32])[0].tolist() == [odd, even]
    label(heaps, range(20, 36))
    assert suggestions(heaps, wait=True) is first  # nobody waits for newer ones
    while not is_fresh(heaps):
        threading.Event().wait(0.01)
    assert suggestions(heaps) is not first


def test_the_audit_gets_no_suggestion_and_does_not_give_itself_away(heaps: Project) -> None:
    heaps.store.audit.reserve([12, 13, 14])
    label(heaps, range(1, 11))
    silent = withheld(heaps, range(1, IMAGES + 1))
    assert {12, 13, 14} < silent
    said = describe_suggestions(heaps, list(range(1, IMAGES + 1)), suggestions(heaps, wait=True))
    assert not silent & said.keys()
    assert not {12, 13, 14} & set(find(heaps, Search(suggested=1))[0])


def test_every_order_keeps_every_image(heaps: Project) -> None:
    ids = list(range(IMAGES, 0, -1))
    assert arrange(heaps, ids, "rank", page_size=24) == (ids, None)
    assert arrange(heaps, ids, "suggested", page_size=24) == (ids, None)  # nothing to suggest yet
    alike, groups = arrange(heaps, ids, "likeness", page_size=24)
    assert sorted(alike) == sorted(ids)
    assert groups is not None
    for group in set(groups):
        assert len({i % 2 for i, one in zip(alike, groups, strict=True) if one == group}) == 1
    label(heaps, range(1, 11))
    suggestions(heaps, wait=True)
    named, groups = arrange(heaps, ids, "suggested", page_size=24)
    assert sorted(named) == sorted(ids)
    assert groups is not None


def test_like_an_image_are_its_nearest_and_it_stands_for_its_heap(heaps: Project) -> None:
    alike, _ = find(heaps, Search(like=7), limit=20)
    assert alike[0] == 7
    assert {i % 2 for i in alike} == {1}
    assert {i % 2 for i in stands_for(heaps, 8).image_ids[:19]} == {0}
    assert find(heaps, Search(like=7, path="box/1"))[0][0] != 7  # 7.png is not in box/1…


def test_words_search_and_class_names_suggest_with_a_text_tower(
    heaps: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ColdstartError):
        search_text(heaps, "odd")

    def encode(one: object, texts: Sequence[str]) -> np.ndarray:
        return np.array([[1, 0, 0, 0] if "odd" in t else [0, 1, 0, 0] for t in texts], np.float32)

    monkeypatch.setattr(text_tower, "why_no_text", lambda one: "")
    monkeypatch.setattr(text_tower, "encode_text", encode)
    assert {i % 2 for i in search_text(heaps, "odd ones", limit=20)} == {1}
    assert {i % 2 for i in find(heaps, Search(words="odd ones"), limit=20)[0]} == {1}
    found = suggestions(heaps, wait=True)
    assert found is not None
    assert found.source == "names"
    even, odd = (row.class_id for row in heaps.store.classes.all())
    assert found.of([7, 8])[0].tolist() == [odd, even]
