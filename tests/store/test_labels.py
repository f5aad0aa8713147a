"""The store of labels: append-only, idempotent, and one rule for which answer stands."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from databases import new_database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, text

from coldstart.errors import ColdstartError
from coldstart.labels.resolve import resolve, standing_answers
from coldstart.project import Project
from coldstart.store import NewEvent, ScannedImage, Store, memory
from coldstart.store.schema import label_events, metadata
from coldstart.workflow.scan import scan


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


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["anna", "ben", "cleo", "dora"]),
            st.sampled_from(["class", "other class", "skipped", "unsure", "cleared"]),
            st.integers(0, 9).map(lambda one: one == 0),
        ),
        max_size=25,
    )
)
def test_the_database_and_the_rule_in_words_agree(
    store: Store, history: list[tuple[int, str, str, bool]]
) -> None:
    forget(store)
    classes = {name: store.labels.add_class(name).class_id for name in ("class", "other class")}
    store.labels.append(
        [
            event(
                str(uuid4()),
                image_id,
                "class" if answer in classes else answer,
                annotator=who,
                class_id=classes.get(answer),
                review=review,
            )
            for image_id, who, answer, review in history
        ]
    )
    found = store.labels.current()
    labels = resolve(store.labels.events())
    assert found == {image_id: label.winner for image_id, label in labels.items()}
    assert store.labels.current([1, 2, 3]) == found
    standing = standing_answers(store.labels.events())
    several = {image_id for image_id, answers in standing.items() if len(answers) > 1}
    assert store.labels.unresolved() == sorted(several - set(labels))
    assert [row.image_id for row in store.images.page("disagreement", 0, 9)] == sorted(
        several - set(labels)
    )
    kinds = [row.kind for row in found.values()]
    assert store.labels.counts() == {kind: kinds.count(kind) for kind in set(kinds)}


def forget(store: Store) -> None:
    """Take every event away, which the store itself never does."""
    with store._engine.begin() as connection:
        connection.execute(label_events.delete())
    memory.forget(str(store._engine.url))


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
    assert path in store.images.known(0, [path, "another"])
    assert store.images.by_path([path])[path]


def test_a_newer_project_is_refused_and_left_alone(database_url: str) -> None:
    Store(database_url).close()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ColdstartError, match="newer coldstart"):
        Store(database_url)
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    assert version == "9999"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "oracle+nodriver://host/name",
        "postgresql+psycopg://nobody@127.0.0.1:1/none",
        "postgresql+psycopg://host:notaport/x",
    ],
)
def test_a_database_that_cannot_be_had_gets_a_sentence(url: str) -> None:
    with pytest.raises(ColdstartError) as refused:
        Store(url)
    assert refused.value.remedy


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_text("this is not a database, but it is long enough to be one" * 20)
    with pytest.raises(ColdstartError, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path}/t.db")


def test_the_migrations_make_the_tables_the_code_expects(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    Store(database_url).close()
    backend = "postgresql" if database_url.startswith("postgresql") else "sqlite"

    def shape(url: str) -> dict:
        engine = create_engine(url)
        look = inspect(engine)
        found = {
            table: (
                {(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)},
                {(i["name"], tuple(i["column_names"])) for i in look.get_indexes(table)},
            )
            for table in look.get_table_names()
            if table != "alembic_version"
        }
        engine.dispose()
        return found

    with new_database(backend, tmp_path_factory.mktemp("fresh")) as fresh:
        engine = create_engine(fresh)
        metadata.create_all(engine)
        engine.dispose()
        assert shape(database_url) == shape(fresh)


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
