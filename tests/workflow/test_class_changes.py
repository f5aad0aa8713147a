"""Classes and the queue by hand, on a small project: previews say what really changes."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.embeddings.matrix import write_set
from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.store import NewEvent
from coldstart.workflow import classes
from coldstart.workflow.queue import queue_images
from coldstart.workflow.scan import scan


@pytest.fixture
def labelled(project: Project) -> Project:
    """Six images, four labelled animal; their vectors are two heaps, odd and even."""
    scan(project)
    rows = project.store.images.usable()[:4]
    vectors = np.array(
        [[1.0, 0.1 * n] if row.image_id % 2 else [0.1 * n, 1.0] for n, row in enumerate(rows)],
        dtype=np.float32,
    )
    write_set(
        project.embeddings / "made",
        [vectors],
        2,
        [row.image_id for row in rows],
        [row.content_hash or "" for row in rows],
        {"encoder": "made"},
    )
    animal = project.store.classes.add("animal").class_id
    project.store.labels.append(
        [NewEvent(f"u{row.image_id}", row.image_id, "ann", "class", animal) for row in rows]
    )
    return project


def names(project: Project) -> dict[int, str]:
    known = {row.class_id: row.name for row in project.store.classes.all()}
    return {i: known[a.class_id or 0] for i, a in project.store.labels.current().items()}


def test_a_split_by_likeness_takes_one_heap_out_and_undo_puts_it_back(labelled: Project) -> None:
    animal = classes.class_named(labelled, "animal").class_id
    parts = classes.propose_split(labelled, animal)
    assert {frozenset(one % 2 for one in part.image_ids) for part in parts} == {
        frozenset({0}),
        frozenset({1}),
    }
    before = names(labelled)
    classes.split(labelled, animal, {"odd one": parts[1].image_ids}, by="ben")
    assert {i for i, name in names(labelled).items() if name == "odd one"} == set(
        parts[1].image_ids
    )
    (late,) = parts[1].image_ids[:1]
    labelled.store.labels.append([NewEvent("late", late, "cleo", "unsure", review=True)])
    classes.undo(labelled, by="ben")
    assert labelled.store.labels.current([late])[late].annotator == "cleo"  # nobody's is undone
    assert [row.name for row in labelled.store.classes.all()] == ["animal", "odd one"]
    rest = {i: name for i, name in names_or_state(labelled).items() if i != late}
    assert rest == {i: name for i, name in before.items() if i != late}


def names_or_state(project: Project) -> dict[int, str]:
    known = {row.class_id: row.name for row in project.store.classes.all()}
    current = project.store.labels.current()
    return {i: known.get(a.class_id or 0, a.kind) for i, a in current.items()}


def test_previews_count_what_then_changes(labelled: Project) -> None:
    store = labelled.store
    animal = classes.class_named(labelled, "animal").class_id
    plant = store.classes.add("plant").class_id
    assert classes.preview_merge(labelled, [animal], plant).images == 4
    assert "already" in classes.preview_rename(labelled, animal, "plant").problem
    assert classes.preview_rename(labelled, animal, "x" * 500).problem
    preview = classes.preview_delete(labelled, animal)
    store.classes.delete(animal)
    assert (preview.images, store.labels.counts()) == (4, {})


def test_a_split_that_no_longer_fits_is_refused(labelled: Project) -> None:
    animal = classes.class_named(labelled, "animal").class_id
    with pytest.raises(ColdstartError, match="is split"):
        classes.split(labelled, animal, {"animal": [1]})
    with pytest.raises(ColdstartError, match="No image"):
        classes.split(labelled, animal, {"x": []})
    labelled.store.labels.append([NewEvent("gone", 1, "ann", "unsure")])
    with pytest.raises(ColdstartError, match="no longer"):
        classes.split(labelled, animal, {"x": [1]})


def test_images_chosen_by_hand_are_queued_once_and_say_why(labelled: Project) -> None:
    ids = [row.image_id for row in labelled.store.images.usable()]
    first = queue_images(labelled, [ids[-1], ids[-2], ids[0]], "lasso on the map", by="ann")
    assert (first.queued, first.answered) == (2, 1)
    assert labelled.store.batches.waiting() == [ids[-1], ids[-2]]
    assert labelled.store.batches.last_picks([ids[-1]])[ids[-1]].reason == "lasso on the map"
    again = queue_images(labelled, [ids[-1]], "lasso on the map")
    assert (again.batch_id, again.waiting) == (None, 1)
    with pytest.raises(ColdstartError, match="can be labelled"):
        queue_images(labelled, [10**6], "nothing")
