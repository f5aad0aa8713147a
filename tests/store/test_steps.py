"""Undo and redo read back from the events, beside a list kept by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import BACKENDS, new_database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldstart.store import NewEvent, ScannedImage, Store

_IMAGES = 4


@pytest.fixture(scope="module", params=BACKENDS)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with new_database(request.param, tmp_path_factory.mktemp("steps")) as url:
        store = Store(url)
        store.images.save(
            [
                ScannedImage(None, 0, f"{i}.png", 1, 1, f"{i}", 1, 1, "PNG", None, None)
                for i in range(_IMAGES)
            ]
        )
        store.classes.add("cat")
        yield store


_actions = st.lists(
    st.one_of(
        st.just("undo"),
        st.just("redo"),
        st.lists(st.integers(1, _IMAGES), min_size=1, max_size=3, unique=True),
    ),
    max_size=14,
)
_numbers = iter(range(10**9))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_actions, st.integers(1, 5))
def test_the_steps_that_stand_are_those_of_a_plain_undo_stack(
    store: Store, actions: list, count: int
) -> None:
    who = f"ann {next(_numbers)}"
    done: list[tuple[str, list[int]]] = []
    undone: list[tuple[str, list[int]]] = []

    def send(step: str, image_ids: list[int], action: str | None) -> None:
        store.labels.append(
            [
                NewEvent(f"e{next(_numbers)}", i, who, "skipped", step=step, step_action=action)
                for i in image_ids
            ]
        )

    for action in actions:
        if action == "undo" and done:
            undone.append(done.pop())
            send(*undone[-1], "undo")
        elif action == "redo" and undone:
            done.append(undone.pop())
            send(*done[-1], "redo")
        elif isinstance(action, list):
            done.append((f"s{next(_numbers)}", action))
            undone.clear()
            send(*done[-1], None)
    history = store.steps.history(who, count=count)
    assert [step.step for step in history.undo] == [step for step, _ in done[::-1]][:count]
    assert [step.step for step in history.redo] == [step for step, _ in undone[::-1]][:count]
    assert history.more == (len(done) > count)
    if history.more:
        older = store.steps.history(who, before=history.undo[-1].first_event, count=50)
        assert [step.step for step in older.undo] == [step for step, _ in done[::-1]][count:]


def test_a_change_knows_the_annotators_own_answer_before(store: Store) -> None:
    cat = store.classes.all()[0].class_id
    store.labels.append([NewEvent("o1", 1, "other", "unsure")])
    store.labels.append([NewEvent("o2", 1, "me", "class", cat, step="a")])
    store.labels.append([NewEvent("o3", 1, "me", "skipped", step="b")])
    second, first = store.steps.history("me").undo
    assert first.changes[0].before is None
    assert (second.changes[0].before or {})["class_id"] == cat
    assert (second.changes[0].after or {})["kind"] == "skipped"
