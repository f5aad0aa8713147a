"""The registry: every strategy documents itself, and settings are checked where they are given."""

from __future__ import annotations

import dataclasses

import pytest

from coldstart.selection import make_strategy, settings_of, strategies


@pytest.mark.parametrize("name", list(strategies()))
def test_every_strategy_says_what_it_is_and_what_its_settings_do(name: str) -> None:
    strategy = strategies()[name]
    assert strategy.name == name
    assert strategy.title
    assert strategy.paper
    assert strategy.summary.endswith(".")
    assert strategy.__doc__
    for setting in settings_of(strategy):
        assert setting.help.endswith("."), setting.name
    made = strategy()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.seed = 5  # type: ignore[misc]


def test_text_settings_are_read_as_the_command_line_writes_them() -> None:
    assert make_strategy("probcover", delta="0.5", seed="3") == make_strategy(
        "probcover", delta=0.5, seed=3
    )
    assert make_strategy("probcover", delta="paper", classes="none") == make_strategy(
        "probcover", delta="paper", classes=None
    )
    assert make_strategy("kmeans", starts="4") == make_strategy("kmeans", starts=4)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("nonsense", {}, "no strategy 'nonsense'; choose one of .*random"),
        ("probcover", {"radius": 1}, "no setting 'radius'; it has delta"),
        ("probcover", {"delta": "best"}, "delta must be 'auto' or 'paper' or a number"),
        ("probcover", {"delta": 0}, "delta must be"),
        ("probcover", {"delta": float("nan")}, "delta must be"),
        ("probcover", {"delta": True}, "delta must be"),
        ("probcover", {"alpha": 1.5}, "alpha must be a number from 0.01 to 1"),
        ("kmeans", {"starts": 2.5}, "starts must be a whole number from 1 to 100"),
        ("kmeans", {"starts": "many"}, "starts must be a whole number"),
        ("random", {"seed": -1}, "seed must be a whole number from 0"),
    ],
)
def test_bad_settings_are_named(name: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_strategy(name, **settings)
