"""The store of labels: append-only, idempotent, and one rule for which answer stands."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldstart.errors import ColdstartError
from coldstart.labels.resolve import resolve
from coldstart.project import Project
from coldstart.store import NewEvent, ScannedImage, Store
from coldstart.workflow.scan import scan


@pytest.fixture
def store(project: Project) -> Store:
    scan(project)
    return project.store


def event(uuid: str, image_id: int, kind: str = "skipped", **more: object) -> NewEvent:
    values: dict = {"annotator": "anna", **more}
    return NewEvent(uuid, image_id, values.pop("annotator"), kind, **values)


def test_an_event_sent_twice_is_stored_once(store: Store) -> None:
    store.label_writer.append([event("u1", 1)])
    store.label_writer.append([event("u1", 1), event("u2", 2)])
    assert [row.uuid for row in store.labels.events()] == ["u1", "u2"]


def test_undo_is_an_event_and_nothing_is_lost(store: Store) -> None:
    cat = store.labels.add_class("cat")
    store.labels.append([event("u1", 1, "class", class_id=cat.class_id)])
    assert store.labels.current([1])[1].class_id == cat.class_id
    store.labels.append([event("u2", 1, "cleared")])
    assert store.labels.current([1]) == {}
    assert len(store.labels.events([1])) == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["anna", "ben", "cleo"]),
            st.sampled_from(["class", "skipped", "unsure", "excluded", "cleared"]),
        ),
        max_size=25,
    )
)
def test_the_database_and_the_rule_in_words_agree(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, str, str]]
) -> None:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('agree')}/t.db")
    try:
        store.images.save(
            [
                ScannedImage(None, 0, f"{i}.png", 1, 1, f"{i}", 1, 1, "PNG", None, None)
                for i in range(3)
            ]
        )
        cat = store.labels.add_class("cat").class_id
        store.labels.append(
            [
                event(f"u{n}", i, kind, annotator=who, class_id=cat if kind == "class" else None)
                for n, (i, who, kind) in enumerate(history)
            ]
        )
        found = store.labels.current()
        labels = resolve(store.labels.events())
        assert found == {image_id: label.winner for image_id, label in labels.items()}
        assert store.labels.current([1, 2, 3]) == found
        kinds = [row.kind for row in found.values()]
        assert store.labels.counts() == {kind: kinds.count(kind) for kind in set(kinds)}
    finally:
        store.close()


def test_many_threads_append_and_every_answer_stands(store: Store) -> None:
    def send(who: int) -> None:
        for number in range(20):
            store.label_writer.append(
                [event(f"{who}-{number}", 1 + number % 6, annotator=str(who))]
            )

    threads = [threading.Thread(target=send, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.labels.events()) == 120


def test_one_bad_event_does_not_cost_the_others_theirs(store: Store) -> None:
    failures: list[BaseException] = []

    def send(events: list[NewEvent]) -> None:
        try:
            store.label_writer.append(events)
        except Exception as error:
            failures.append(error)

    batches = [[event(f"good{n}", 1)] for n in range(10)] + [[event("bad", 999)]]
    threads = [threading.Thread(target=send, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1
    assert len(store.labels.events()) == 10


def test_a_class_named_twice_is_one_class(store: Store) -> None:
    assert store.labels.add_class("cat") == store.labels.add_class(" cat ")
    assert [row.name for row in store.labels.classes()] == ["cat"]
    with pytest.raises(ColdstartError):
        store.labels.add_class("   ")


def test_a_name_that_is_no_text_survives_the_database(store: Store) -> None:
    path = b"r\xe9sum\xe9.png".decode("utf-8", "surrogateescape")
    store.images.save([ScannedImage(None, 0, path, 1, 1, "h", 1, 1, "PNG", None, None)])
    assert (0, path) in store.images.known_files()
    assert store.images.by_path([path])[path]


def test_a_newer_project_is_refused_and_left_alone(tmp_path: Path) -> None:
    import sqlite3

    url = f"sqlite:///{tmp_path}/t.db"
    Store(url).close()
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ColdstartError, match="newer coldstart"):
        Store(url)
    with sqlite3.connect(tmp_path / "t.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_text("this is not a database, but it is long enough to be one" * 20)
    with pytest.raises(ColdstartError, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path}/t.db")


def test_the_migrations_make_the_tables_the_code_expects(tmp_path: Path) -> None:
    from sqlalchemy import create_engine, inspect

    from coldstart.store.schema import metadata

    Store(f"sqlite:///{tmp_path}/migrated.db").close()
    fresh = create_engine(f"sqlite:///{tmp_path}/fresh.db")
    metadata.create_all(fresh)
    migrated = create_engine(f"sqlite:///{tmp_path}/migrated.db")

    def shape(engine) -> dict:  # type: ignore[no-untyped-def]
        look = inspect(engine)
        return {
            table: (
                {(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)},
                {(i["name"], tuple(i["column_names"])) for i in look.get_indexes(table)},
            )
            for table in look.get_table_names()
            if table != "alembic_version"
        }

    assert shape(migrated) == shape(fresh)


def test_an_answer_with_an_unknown_batch_is_kept_and_a_stranger_is_refused(
    project: Project,
) -> None:
    from coldstart.workflow.label import append_events

    scan(project)
    refused = append_events(
        project,
        [event("u1", 1, batch_id=77), event("u2", 999), event("u3", 2, "class", class_id=5)],
    )
    assert set(refused) == {"u2", "u3"}
    (row,) = project.store.labels.events()
    assert (row.uuid, row.batch_id) == ("u1", None)
