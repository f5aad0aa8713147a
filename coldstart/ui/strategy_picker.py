"""Which strategy, with which settings: the controls are made from the strategies' own fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from coldstart.project import Project
from coldstart.selection import strategies
from coldstart.selection.strategy import Setting, Strategy, settings_of
from coldstart.workflow.select import default_strategy

_A_NUMBER = "a number"


@dataclass(frozen=True)
class Chosen:
    """A strategy by name, with the settings that differ from its defaults."""

    name: str
    settings: dict[str, Any]
    seed: int


def strategy_picker(project: Project) -> Chosen:
    """Draw the choice of a strategy and its settings; what is chosen."""
    offered = strategies()
    names = list(offered)
    can_learn = len(project.store.labels.class_counts()) > 1
    name = st.selectbox(
        "Strategy",
        names,
        index=names.index(default_strategy(project)),
        format_func=lambda one: _title(offered[one], can_learn),
        key="strategy",
    )
    kind = offered[name]
    st.markdown(kind.summary)
    settings: dict[str, Any] = {}
    with st.expander("Settings", type="compact"):
        if kind.paper != "none":
            st.caption(kind.paper)
        for setting in settings_of(kind):
            value = _control(setting, key=f"setting_{name}_{setting.name}")
            if value != setting.default:
                settings[setting.name] = value
    return Chosen(name, settings, int(settings.pop("seed", 0)))


def _title(strategy: type[Strategy], can_learn: bool) -> str:
    waits = strategy.needs_labels and not can_learn
    return f"{strategy.title} (once two classes have labels)" if waits else strategy.title


def _control(setting: Setting, key: str) -> Any:
    """The widget that fits the kinds of value a setting may have."""
    title = setting.name.replace("_", " ").capitalize()
    if bool in setting.kinds:
        return st.toggle(title, value=bool(setting.default), help=setting.help, key=key)
    if not setting.choices:
        if str in setting.kinds:
            return st.text_input(title, value=str(setting.default), help=setting.help, key=key)
        return _number(setting, title, setting.default, key)
    if not {int, float} & set(setting.kinds):
        return _choice(setting, title, list(setting.choices), key)
    chosen = _choice(setting, title, [*setting.choices, _A_NUMBER], key)
    if chosen != _A_NUMBER:
        return chosen
    return _number(setting, f"{title}, as a number", 0.5, f"{key}_number")


def _choice(setting: Setting, title: str, options: list[Any], key: str) -> Any:
    index = options.index(setting.default) if setting.default in options else 0
    return st.selectbox(title, options, index=index, help=setting.help, key=key)


def _number(setting: Setting, title: str, default: Any, key: str) -> Any:
    whole = float not in setting.kinds
    kind: type = int if whole else float
    return st.number_input(
        title,
        value=None if default is None else kind(default),
        min_value=None if setting.minimum is None else kind(setting.minimum),
        max_value=None if setting.maximum is None else kind(setting.maximum),
        step=1 if whole else 0.01,
        format="%d" if whole else "%.4g",
        placeholder="chosen for you",
        help=setting.help,
        key=key,
    )
