"""The page that goes with an exported model: what it is, what it knows, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFacts:
    """What a model card says.

    kind : "probe" or "finetune". encoder, licence, paper : of the network it is built on; empty
    where nobody knows. measured : sentences on how good it is, and on whom that rests.
    files : (name, what it is) of what was written.
    """

    project: str
    kind: str
    class_names: Sequence[str]
    labels_a_class: Sequence[int]
    encoder: str
    licence: str
    paper: str
    started_from: str
    pixels: int
    measured: Sequence[str]
    trained_at: str
    versions: dict[str, str]
    files: Sequence[tuple[str, str]]


def model_card(facts: ModelFacts) -> str:
    """The card as Markdown, with the header that the Hugging Face hub reads."""
    learned = (
        "a network that was fine-tuned on the labels"
        if facts.kind == "finetune"
        else "a linear or nearest-neighbour classifier on the vectors of a network that stayed as "
        "it was"
    )
    rows = [
        f"| {_cell(name)} | {count:,} |"
        for name, count in zip(facts.class_names, facts.labels_a_class, strict=True)
    ]
    built = [f"- Network: `{facts.encoder}`, started from {facts.started_from}"]
    built += [f"- Paper: {facts.paper}"] if facts.paper else []
    built += [f"- Licence of the network: {facts.licence}"] if facts.licence else []
    return "\n".join(
        [
            "---",
            "pipeline_tag: image-classification",
            "tags: [coldstart]",
            "---",
            "",
            f"# {facts.project}: what an image shows",
            "",
            f"One of {len(facts.class_names)} classes for each image: {learned}. It says one of "
            "these classes of any image, also of one that shows none of them.",
            "",
            "## How good is it?",
            "",
            *[f"{sentence}\n" for sentence in facts.measured],
            "Its probabilities are its own word. On images of another kind than those it learned "
            "from it may be wrong and sure.",
            "",
            "## What it learned from",
            "",
            "| class | labels |",
            "| --- | --- |",
            *rows,
            "",
            *built,
            f"- Trained {facts.trained_at} with "
            + ", ".join(f"{name} {version}" for name, version in facts.versions.items()),
            "",
            "## What goes in and comes out",
            "",
            f"In: `images`, (n, 3, {facts.pixels}, {facts.pixels}) float32, RGB from 0 to 1, cut "
            "as `preprocessing` in the description says. Out: `probabilities`, (n, classes) "
            "float32. What the network wants taken off and divided by is part of the model.",
            "",
            "## Files",
            "",
            *[f"- `{name}`: {words}" for name, words in facts.files],
            "",
        ]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
