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
    review: bool = False


answers = st.sampled_from(
    [("class", 1), ("class", 2), ("skipped", None), ("excluded", None), ("cleared", None)]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from("abcd"),
                answers,
                st.integers(0, 6).map(lambda one: one == 0),
            ),
            max_size=25,
        )
    )
    events = [
        Event(number, image_id, annotator, kind, class_id, review)
        for number, (image_id, annotator, (kind, class_id), review) in enumerate(steps, start=1)
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
        reviews = [event for event in standing if event.review]
        answered = [event for event in standing if event.kind != "skipped"] or standing
        votes = {}
        for event in answered:
            votes.setdefault((event.kind, event.class_id), []).append(event)
        most = max(len(group) for group in votes.values())
        leading = [group for group in votes.values() if len(group) == most]
        if not reviews and len(leading) > 1:
            assert image_id not in labels
            continue
        winner = max(reviews or leading[0], key=lambda event: event.event_id)
        same = [e for e in standing if e.kind == winner.kind and e.class_id == winner.class_id]
        agree = sorted(e.annotator for e in same)
        assert labels[image_id].winner == winner
        assert labels[image_id].annotators[: len(same)] == tuple(agree)
        assert sorted(labels[image_id].annotators) == sorted(e.annotator for e in standing)
        assert labels[image_id].agreement == len(same) / len(standing)


CAT, DOG = 1, 2


def test_two_who_differ_have_no_label_until_a_third_or_a_reviewer_decides() -> None:
    two = [Event(1, 7, "anna", "class", CAT), Event(2, 7, "ben", "class", DOG)]
    assert resolve(two) == {}
    label = resolve([*two, Event(3, 7, "cleo", "class", CAT)])[7]
    assert (label.winner.class_id, label.annotators) == (CAT, ("anna", "cleo", "ben"))
    label = resolve([*two, Event(3, 7, "cleo", "class", DOG, review=True)])[7]
    assert (label.winner.annotator, label.agreement) == ("cleo", 2 / 3)


def test_a_skip_does_not_outvote_an_answer() -> None:
    label = resolve([Event(1, 7, "anna", "class", CAT), Event(2, 7, "ben", "skipped")])[7]
    assert (label.winner.class_id, label.agreement) == (CAT, 0.5)


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
