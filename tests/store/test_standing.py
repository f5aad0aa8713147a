"""The labels kept in memory are those the database's own view gives, whatever happens."""

from __future__ import annotations

import random

import numpy as np
from sqlalchemy import select

from coldstart.store import ImageFilter, NewEvent, ScannedImage, Store
from coldstart.store.schema import current_labels
from coldstart.store.standing import Standing


def by_the_view(store: Store) -> dict[int, tuple[int, str, int | None]]:
    with store._engine.connect() as connection:
        rows = connection.execute(select(current_labels)).all()
    return {row.image_id: (row.event_id, row.kind, row.class_id) for row in rows}


def check(store: Store) -> None:
    expected = by_the_view(store)
    standing = Standing(store._engine)
    rows = store.labels.current()
    assert {i: (row.event_id, row.kind, row.class_id) for i, row in rows.items()} == expected
    found = standing.columns()
    assert found.image_ids.tolist() == sorted(expected)
    assert found.event_ids.tolist() == [expected[i][0] for i in sorted(expected)]
    assert found.class_ids.tolist() == [expected[i][2] or -1 for i in sorted(expected)]
    answers = store.labels.standing(None)
    several = {i for i in range(1, 9) if sum(one.image_id == i for one in answers) > 1}
    assert found.disputed.tolist() == sorted(several - expected.keys())
    names = store.images.matching(ImageFilter(state="class", class_id=1))
    assert names.tolist() == sorted(i for i, one in expected.items() if one[1:] == ("class", 1))
    left = store.images.matching(ImageFilter(state="unlabelled"))
    assert left.tolist() == [i for i in range(1, 9) if i not in expected]
    assert store.images.count("unlabelled") == len(left)


def test_the_labels_in_memory_are_those_of_the_view_after_every_change(store: Store) -> None:
    twins = [
        ScannedImage(None, 1, f"{i}.png", 1, 1, f"hash{i}", 1, 1, "PNG", None, None) for i in (1, 4)
    ]
    store.images.save(twins)  # images 7 and 8: exact copies of 2 and 5
    cat, dog = store.classes.add("cat"), store.classes.add("dog")
    draw = random.Random(0)
    for number in range(60):
        kind = draw.choice(["class", "class", "class", "skipped", "unsure", "cleared"])
        answer = NewEvent(
            f"u{number}",
            draw.randint(1, 8),
            draw.choice(["anna", "ben", "cleo"]),
            kind,
            draw.choice([cat, dog]).class_id if kind == "class" else None,
            review=draw.random() < 0.1,
        )
        store.label_writer.append([answer])
        if number % 3 == 0:
            check(store)
    store.classes.merge([dog.class_id], cat.class_id, "anna")
    check(store)
    store.classes.undo("anna")
    check(store)
    store.classes.delete(cat.class_id, "anna")
    check(store)


def test_a_path_is_found_whatever_its_case_and_whatever_signs_it_has(store: Store) -> None:
    names = ["Deep/ÄRGER.png", "deep/a.b", "deep/a+b", "ab", "two\nlines", "\udcff.jpg"]
    store.images.save(
        [
            ScannedImage(None, 1, name, 1, 1, f"h{i}", 1, 1, "PNG", None, None)
            for i, name in enumerate(names)
        ]
    )
    rows = {row.path: row.image_id for row in store.images.usable()}

    def found(part: str) -> list[int]:
        return store.images.matching(ImageFilter(path=part)).tolist()

    assert found("DEEP/") == [rows[name] for name in names[:3]]
    assert found("a.b") == [rows["deep/a.b"]]
    assert found("a+b") == [rows["deep/a+b"]]
    assert found("ärger") == [rows["Deep/ÄRGER.png"]]
    assert found(".png") == [*range(1, 7), rows["Deep/ÄRGER.png"]]
    assert found("two lines") == [rows["two\nlines"]]
    assert found("\udcff") == [rows["\udcff.jpg"]]
    assert np.array_equal(found("nowhere"), [])
