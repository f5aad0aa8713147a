"""Writes the reference pages that are made from the code: `make docs`; a test says when to."""

from __future__ import annotations

import argparse
from pathlib import Path

DOCS = Path(__file__).parent


def pages() -> dict[str, str]:
    """File name in this folder -> its whole text."""
    return {
        "cli.md": _cli(),
        "strategies.md": _strategies(),
        "keys.md": _keys(),
        "encoders.md": _encoders(),
        "roles.md": _roles(),
    }


def _cli() -> str:
    from coldstart.cli import build_parser

    parser = build_parser()
    lines = [
        "# The command line",
        "",
        "Every step of the app is also a command; `python -m coldstart` is the same program.",
        "Progress goes to stderr. With `--json` one JSON object goes to stdout.",
        "Exit status: 0 done, 1 refused with a one-line reason and what to do, 2 wrong usage.",
        "",
    ]
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for name, command in commands.choices.items():
        lines += [f"## coldstart {name}", "", str(command.description), ""]
        lines += ["| argument | what it is |", "| --- | --- |"]
        for action in command._actions:
            if action.dest == "help":
                continue
            shown = ", ".join(f"`{option}`" for option in action.option_strings)
            value = action.metavar if isinstance(action.metavar, str) else None
            if action.choices:
                value = "\\|".join(str(choice) for choice in action.choices)
            if value and shown:
                shown += f" `{value}`"
            lines.append(f"| {shown or f'`{value}`'} | {action.help} |")
        lines.append("")
    return "\n".join(lines)


def _strategies() -> str:
    from coldstart.selection import settings_of, strategies

    lines = [
        "# Strategies",
        "",
        "Which images to label next. Each strategy is one name on the Select & Label page, for",
        "`coldstart select --strategy NAME` and in `coldstart.selection`; its settings are the",
        "page's controls and `--set key=value`.",
        "",
    ]
    for name, strategy in strategies().items():
        lines += [
            f"## {name}: {strategy.title}",
            "",
            strategy.summary,
            "",
            f"*{strategy.paper}*",
            "",
        ]
        if strategy.needs_labels:
            lines += ["Needs labels of at least two classes.", ""]
        lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
        for setting in settings_of(strategy):
            lines.append(f"| `{setting.name}` | `{setting.default}` | {setting.help} |")
        lines.append("")
    return "\n".join(lines)


def _roles() -> str:
    from coldstart.labels.roles import ACTIONS, ROLES, ROUTES

    routes: dict[str, list[str]] = {}
    for route, action in ROUTES.items():
        routes.setdefault(action, []).append(f"`{route}`")
    lines = [
        "# Who may do what",
        "",
        "The table that the pages, the commands and the HTTP routes ask. An owner gives the roles.",
        "",
        "| role | what they do |",
        "| --- | --- |",
        *(f"| **{role.title}** | {role.words} |" for role in ROLES.values()),
        "",
        "| may | " + " | ".join(role.title for role in ROLES.values()) + " | routes |",
        "| --- |" + " :-: |" * len(ROLES) + " --- |",
    ]
    for action, words in ACTIONS.items():
        marks = " | ".join("yes" if action in role.may else "–" for role in ROLES.values())
        lines.append(f"| {words} | {marks} | {', '.join(routes.get(action, []))} |")
    return "\n".join([*lines, ""])


def _encoders() -> str:
    from coldstart.embeddings.encoders import ENCODERS

    lines = [
        "# Encoders",
        "",
        "What turns an image into a vector. Each is a card on the Embeddings page and a name for",
        "`coldstart embed --encoder NAME`; `timm:NAME` is any other model of timm, with timm's own",
        "preprocessing and weights. `--weights FILE` takes a checkpoint of your own. Without a",
        "network, run the command on a connected machine and put the file into",
        "`~/.cache/torch/hub/checkpoints/`.",
        "",
    ]
    for card in ENCODERS.values():
        lines += [f"## {card.name}: {card.title}", "", f"Knows {card.knows}.", ""]
        lines += [f"- {card.dimension:,} dimensions, {card.input_pixels} pixels"]
        lines += [f"- Paper: {card.paper}", f"- Licence: {card.licence}"]
        if card.weights is not None:
            lines += [f"- Weights: {card.weights.size}, `{card.weights.command}`"]
        if card.open_clip:
            lines += ["- Can be searched by words (`pip install 'coldstart[text]'`)"]
        lines.append("")
    return "\n".join(lines)


def _keys() -> str:
    from coldstart.labels.keys import CLASS_KEYS, KEYBOARD_SHORTCUTS

    lines = [
        "# Keys of the labeller",
        "",
        "They work wherever the focus is, except while you type in a text field.",
        "",
        f"Classes take the keys {' '.join(CLASS_KEYS)} in this order; each class button shows its",
        "key. With a selection the class goes to every selected image.",
        "",
        "| key | what it does |",
        "| --- | --- |",
    ]
    lines += [f"| `{shortcut.key}` | {shortcut.words} |" for shortcut in KEYBOARD_SHORTCUTS]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")
