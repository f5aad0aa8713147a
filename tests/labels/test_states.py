"""The registries of what an annotator can answer."""

from __future__ import annotations

from coldstart.labels.states import EVENT_KINDS, LABEL_KINDS, ORIGINS


def test_cleared_is_an_event_but_never_a_label() -> None:
    assert set(EVENT_KINDS) - set(LABEL_KINDS) == {"cleared"}


def test_the_names_that_are_stored_in_every_project() -> None:
    assert list(LABEL_KINDS) == ["class", "skipped", "unsure", "excluded"]
    assert set(ORIGINS) == {"human", "import", "cluster", "model"}
