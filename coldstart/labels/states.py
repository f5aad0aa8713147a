"""The kinds of answer an annotator can give for an image: the one registry of them."""

from __future__ import annotations

from dataclasses import dataclass

CLASS = "class"
SKIPPED = "skipped"
UNSURE = "unsure"
EXCLUDED = "excluded"
CLEARED = "cleared"


@dataclass(frozen=True)
class LabelKind:
    """One kind of answer: its name in the database and the manifest, and what it means."""

    name: str
    title: str
    words: str


LABEL_KINDS: dict[str, LabelKind] = {
    kind.name: kind
    for kind in (
        LabelKind(CLASS, "Labelled", "The image belongs to the named class."),
        LabelKind(SKIPPED, "Skipped", "Not now: the annotator passed it over without an answer."),
        LabelKind(UNSURE, "Unsure", "The annotator looked and cannot tell which class it is."),
        LabelKind(EXCLUDED, "Excluded", "The image does not belong in the pool at all."),
    )
}
"""Every answer that can stand as an image's label, in the order in which pages list them."""

EVENT_KINDS: tuple[str, ...] = (*LABEL_KINDS, CLEARED)
"""Every kind of label event; ``cleared`` withdraws the annotator's answer."""

ORIGINS: dict[str, str] = {
    "human": "given by a person in the labeller",
    "import": "read from a file or from class folders",
    "cluster": "given to a whole cluster at once",
    "model": "a prediction that a person accepted",
}
"""Where an answer came from, in words."""
