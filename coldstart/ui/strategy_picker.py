"""Which strategy, with which settings: the controls are made from the strategies' own fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from coldstart.project import Project
from coldstart.selection import strategies
from coldstart.selection.policy import Auto
from coldstart.selection.strategy import Setting, Strategy, settings_of
from coldstart.ui.weights_table import weights_table
from coldstart.workflow.desk import Choice, default_strategy

_A_NUMBER = "a number"
_FIRST_RADIUS = 0.5
_PEERS, _PEER_TITLE = "skactiveml", "One of scikit-activeml"
# The settings that decide most are not folded away.
_IN_SIGHT = ("delta",)
_TITLES = {"delta": "Radius", "rare_classes": "Look for rare classes"}
# From here on classes are called rare, and looking for them is a setting in sight.
_UNEVEN, _LABELS_TO_SAY = 10, 20
_WORTH_OF_LOOKING = (
    "was worth 3 to 5 points of accuracy on digits and on photos of rubbish, and nothing on "
    "CIFAR-10, if every class counts the same; it cost up to 2 points if every image does "
    "(rehearsals with classes 50 times rarer than others)."
)


def strategy_picker(project: Project) -> Choice:
    """Draw the choice of a strategy, its settings and requests; what is chosen."""
    offered = strategies()
    names = [*offered, *([_PEERS] if _peers() else [])]
    counts = project.store.labels.class_counts()
    class_names = [one.name for one in project.store.labels.classes() if counts.get(one.class_id)]
    can_learn = len(class_names) > 1
    name = st.selectbox(
        "Strategy",
        names,
        index=names.index(default_strategy(project)),
        format_func=lambda one: _title(offered[one], can_learn) if one in offered else _PEER_TITLE,
        key="strategy",
    )
    if name == _PEERS:
        peer = st.selectbox("Its strategy", _peers(), key="skactiveml_peer")
        st.markdown("Asks a query strategy of the scikit-activeml package.")
        return Choice(f"{_PEERS}:{peer}", {}, 0, *_requests(project, class_names))
    kind = offered[name]
    st.markdown(kind.summary)
    rare = _rare_classes(name, list(counts.values()))
    settings: dict[str, Any] = {}
    known = {setting.name: setting for setting in settings_of(kind)}
    for one in (*_IN_SIGHT, *(["rare_classes"] if rare else [])):
        if one in known:
            _ask(project, name, known.pop(one), settings)
    with st.expander("Settings", type="compact"):
        if kind.paper != "none":
            st.caption(kind.paper)
        for setting in known.values():
            _ask(project, name, setting, settings)
    seed = int(settings.pop("seed", 0))
    return Choice(name, settings, seed, *_requests(project, class_names))


def _rare_classes(strategy: str, counts: list[int]) -> bool:
    """Whether there are any; then also what rehearsals found for pools like this one."""
    if len(counts) < 2 or max(counts) < _UNEVEN * min(counts) or sum(counts) < _LABELS_TO_SAY:
        return False
    looking = "" if strategy == Auto.name else f" with *{Auto.title}*"
    st.caption(
        f"Your largest class has {max(counts) / min(counts):.0f} times the labels of the smallest. "
        f"*{_TITLES['rare_classes']}*{looking} {_WORTH_OF_LOOKING}"
    )
    return True


def _ask(project: Project, strategy: str, setting: Setting, settings: dict[str, Any]) -> None:
    """Draw the control of a setting; note its value where it is not the default."""
    value = _control(project, setting, key=f"setting_{strategy}_{setting.name}")
    if value != setting.default:
        settings[setting.name] = value


def _requests(
    project: Project, class_names: list[str]
) -> tuple[dict[str, int], float, Path | None]:
    """What every strategy can be asked for: more of some classes, no near-copies, and a table of
    what each image counts."""
    wishes: dict[str, int] = {}
    away = 0.0
    with st.expander("Requests", type="compact"):
        if len(class_names) > 1:
            wished = st.multiselect(
                "More of these classes",
                class_names,
                help="So many of the picks are chosen among the images that are likeliest of the "
                "class, as far as the labels so far can tell.",
                key="wished_classes",
            )
            for name in wished:
                wishes[name] = int(
                    st.number_input(f"{name}: how many", 1, 1_000, 10, key=f"wish_{name}")
                )
        else:
            st.caption("More of some class can be asked for once two classes have labels.")
        if st.toggle(
            "Leave out near-copies of what is labelled",
            help="Images closer than this to one that is labelled or queued are not picked.",
            key="away_switch",
        ):
            near = _known_radius(project) / 4
            away = float(
                st.number_input("Closer than", 0.001, 2.0, round(near, 3), 0.01, key="away")
            )
        weights = weights_table(project)
    return wishes, away, weights


def _known_radius(project: Project) -> float:
    """The radius coverage is told at, where it has been found; else one to begin with."""
    from coldstart.workflow.pool import active_set, kept_radius

    named = active_set(project)
    known = kept_radius(project, named.name) if named else None
    return known.delta if known else _FIRST_RADIUS


def _peers() -> list[str]:
    from coldstart.selection.skactiveml_bridge import is_installed, peer_names

    if not is_installed():
        return []
    return peer_names() if st.session_state.get("strategy") == _PEERS else ["-"]


def _title(strategy: type[Strategy], can_learn: bool) -> str:
    waits = strategy.needs_labels and not can_learn
    return f"{strategy.title} (once two classes have labels)" if waits else strategy.title


def _control(project: Project, setting: Setting, key: str) -> Any:
    """The widget that fits the kinds of value a setting may have."""
    title = _TITLES.get(setting.name) or setting.name.replace("_", " ").capitalize()
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
    default = round(_known_radius(project), 3)
    return _number(setting, f"{title}, as a number", default, f"{key}_number")


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
