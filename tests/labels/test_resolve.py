"""The label that stands, against a brute-force reading of the rule."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from coldstart.labels.resolve import resolve


@dataclass(frozen=True)
class Event:
    event_id: int
    image_id: int
    annotator: str
    kind: str
    class_id: int | None = None


answers = st.sampled_from(
    [("class", 1), ("class", 2), ("skipped", None), ("excluded", None), ("cleared", None)]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    steps = draw(
        st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), answers), max_size=25)
    )
    events = [
        Event(number, image_id, annotator, kind, class_id)
        for number, (image_id, annotator, (kind, class_id)) in enumerate(steps, start=1)
    ]
    return draw(st.permutations(events))


@given(histories())
def test_rule_against_brute_force(events: list[Event]) -> None:
    labels = resolve(events)
    for image_id in {event.image_id for event in events}:
        mine = [event for event in events if event.image_id == image_id]
        # An event stands when its annotator did nothing newer to the image, and it is an answer.
        standing = [
            event
            for event in mine
            if event.kind != "cleared"
            and event.event_id == max(o.event_id for o in mine if o.annotator == event.annotator)
        ]
        if not standing:
            assert image_id not in labels
            continue
        newest = sorted(standing, key=lambda event: event.event_id)[-1]
        same = [e for e in standing if e.kind == newest.kind and e.class_id == newest.class_id]
        assert labels[image_id].winner == newest
        assert labels[image_id].annotators == tuple(sorted(e.annotator for e in standing))
        assert labels[image_id].agreement == len(same) / len(standing)


def test_two_annotators_who_differ() -> None:
    cat, dog = 1, 2
    label = resolve([Event(1, 7, "anna", "class", cat), Event(2, 7, "ben", "class", dog)])[7]
    assert (label.winner.class_id, label.annotators, label.agreement) == (dog, ("anna", "ben"), 0.5)


def test_clearing_gives_the_other_annotator_the_word_again() -> None:
    events = [
        Event(1, 7, "anna", "class", 1),
        Event(2, 7, "ben", "class", 2),
        Event(3, 7, "ben", "cleared"),
    ]
    label = resolve(events)[7]
    assert (label.winner.annotator, label.agreement) == ("anna", 1.0)


def test_undo_to_nothing_is_unlabelled() -> None:
    assert resolve([Event(1, 7, "anna", "skipped"), Event(2, 7, "anna", "cleared")]) == {}
