"""Which label events are possible."""

from __future__ import annotations

import pytest

from coldstart.labels.states import EVENT_KINDS, LABEL_KINDS, STATES, check_event


def test_cleared_is_an_event_but_never_a_label() -> None:
    assert set(EVENT_KINDS) - set(LABEL_KINDS) == {"cleared"}
    assert set(LABEL_KINDS) - set(STATES) == {"class"}


@pytest.mark.parametrize(
    ("kind", "class_name"), [("class", "cat"), ("skipped", None), ("cleared", None)]
)
def test_possible_events(kind: str, class_name: str | None) -> None:
    check_event(kind, class_name)


@pytest.mark.parametrize(
    ("kind", "class_name"), [("class", None), ("class", ""), ("skipped", "cat"), ("liked", None)]
)
def test_impossible_events(kind: str, class_name: str | None) -> None:
    with pytest.raises(ValueError, match="kind"):
        check_event(kind, class_name)
