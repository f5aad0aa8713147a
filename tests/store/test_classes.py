"""Classes change at any time: labels follow, nothing is lost, and one undo takes it back."""

from __future__ import annotations

import threading

import pytest

from coldstart.errors import ColdstartError
from coldstart.store import NewEvent, Store


@pytest.fixture
def store(store: Store) -> Store:
    """Six images, the first two labelled cat and dog by ann."""
    cat, dog = (store.classes.add(name, "ann") for name in ("cat", "dog"))
    label(store, "u1", 1, cat.class_id)
    label(store, "u2", 2, dog.class_id)
    return store


def label(store: Store, uuid: str, image_id: int, class_id: int, by: str = "ann") -> None:
    store.labels.append([NewEvent(uuid, image_id, by, "class", class_id)])


def standing(store: Store) -> dict[int, str]:
    names = {row.class_id: row.name for row in store.classes.all()}
    return {image: names[row.class_id or 0] for image, row in store.labels.current().items()}


def ids(store: Store) -> dict[str, int]:
    return {row.name: row.class_id for row in store.classes.all()}


def test_labels_follow_a_rename_and_one_undo_brings_the_name_back(store: Store) -> None:
    store.classes.rename(ids(store)["cat"], "kitten", was="cat", by="ben")
    assert standing(store) == {1: "kitten", 2: "dog"}
    store.classes.undo("ann")
    assert standing(store) == {1: "cat", 2: "dog"}
    assert [c.action for c in store.classes.changes()] == ["add", "add", "rename", "undo"]


def test_a_merge_takes_labels_past_and_to_come_and_can_be_undone(store: Store) -> None:
    before = ids(store)
    store.classes.merge([before["cat"]], before["dog"], "ann")
    label(store, "late", 3, before["cat"])  # sent by a browser that did not know yet
    assert standing(store) == {1: "dog", 2: "dog", 3: "dog"}
    assert store.labels.class_counts() == {before["dog"]: 3}
    assert store.labels.events(as_given=True)[0].class_id == before["cat"]
    store.classes.undo("ann")
    assert standing(store) == {1: "cat", 2: "dog", 3: "cat"}


def test_a_merge_of_a_merged_class_leads_to_the_last_one(store: Store) -> None:
    fox = store.classes.add("fox").class_id
    before = ids(store)
    store.classes.merge([before["cat"]], before["dog"])
    store.classes.merge([before["dog"]], fox)
    assert standing(store) == {1: "fox", 2: "fox"}
    store.classes.undo()
    assert standing(store) == {1: "dog", 2: "dog"}


def test_a_deleted_class_leaves_its_images_unlabelled_until_undone(store: Store) -> None:
    cat = ids(store)["cat"]
    label(store, "u3", 1, ids(store)["dog"], by="ben")
    store.labels.append([NewEvent("u4", 1, "ann", "class", cat, review=True)])
    store.classes.delete(cat, "ann")
    assert standing(store) == {1: "dog", 2: "dog"}  # ben's answer stands again
    assert store.labels.unknown_references([NewEvent("x", 1, "ann", "class", cat)]) == {
        "x": "Its class has been deleted meanwhile."
    }
    assert store.classes.add("cat").class_id != cat  # the name is free
    store.classes.undo()
    store.classes.undo()
    assert standing(store) == {1: "cat", 2: "dog"}


def test_of_two_who_rename_at_once_one_wins_and_the_other_is_told(store: Store) -> None:
    cat = ids(store)["cat"]
    outcomes: list[str] = []

    def rename(name: str) -> None:
        try:
            store.classes.rename(cat, name, was="cat", by=name)
            outcomes.append(name)
        except ColdstartError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=rename, args=(name,)) for name in ("kitten", "tomcat")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = {"kitten", "tomcat"} & set(outcomes)
    (told,) = set(outcomes) - {winner}
    assert ids(store)[winner] == cat
    assert f"{winner} has renamed “cat” to “{winner}” meanwhile" in told


def test_a_name_that_is_taken_is_refused_with_the_way_out(store: Store) -> None:
    with pytest.raises(ColdstartError, match="Merge “cat” into it"):
        store.classes.rename(ids(store)["cat"], "dog", was="cat")


@pytest.mark.parametrize("name", ["🦊", "cats, dogs", "=cmd|' /C calc'!A0", "../../etc", "a/b"])
def test_odd_names_are_kept_as_they_are(store: Store, name: str) -> None:
    assert store.classes.add(name).name == name
    assert store.classes.add(name).class_id == ids(store)[name]  # twice is once


@pytest.mark.parametrize("name", ["", "   ", "x" * 500, "two\nlines", "a\x1fb"])
def test_what_cannot_be_a_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ColdstartError):
        store.classes.add(name)
    with pytest.raises(ColdstartError):
        store.classes.rename(ids(store)["cat"], name, was="cat")


def test_a_key_moves_from_class_to_class_and_the_order_holds(store: Store) -> None:
    before = ids(store)
    store.classes.set_key(before["dog"], "q")
    store.classes.set_key(before["cat"], "q")
    assert {row.name: row.key for row in store.classes.all()} == {"cat": "q", "dog": None}
    store.classes.undo()
    assert {row.name: row.key for row in store.classes.all()} == {"cat": None, "dog": "q"}
    with pytest.raises(ColdstartError, match="cannot assign"):
        store.classes.set_key(before["cat"], "z")
    store.classes.order([before["dog"], before["cat"]])
    assert [row.name for row in store.classes.all()] == ["dog", "cat"]
    with pytest.raises(ColdstartError, match="no colour"):
        store.classes.paint(before["cat"], "red; background: url(x)")
