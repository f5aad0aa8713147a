"""Text: search the pool by words, and name classes for images that nobody has labelled yet.

Only where the active embedding set comes from an encoder that reads text as well (CLIP, SigLIP).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.project import Project
from coldstart.workflow.pool import active_set

if TYPE_CHECKING:
    from coldstart.embeddings.matrix import EmbeddingSet

_SENTENCE = "a photo of {}"
# CLIP's own scale: cosines of a sentence and an image differ by hundredths (Radford et al. 2021).
_SCALE = 100.0
_BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class TextReader:
    """Reads words in the space of one embedding set."""

    embedding_set: EmbeddingSet

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(k, d) float32 unit vectors of the texts."""
        from coldstart.embeddings.text import encode_text

        return np.asarray(encode_text(self.embedding_set, list(texts)), dtype=np.float32)

    def probabilities(
        self, class_names: Sequence[str], vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(n, k) float32: how much more each class's words fit an image than the others' do.

        Rows add up to 1. They are no measured probabilities: nothing was labelled to measure by.
        """
        words = self.vectors([_SENTENCE.format(name) for name in class_names])
        result = np.empty((len(vectors), len(class_names)), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK_ROWS):
            scores = _SCALE * (_unit(vectors[start : start + _BLOCK_ROWS]) @ words.T)
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            result[start : start + len(scores)] = scores / scores.sum(axis=1, keepdims=True)
        return result


def text_reader(project: Project) -> TextReader | None:
    """The reader of the active set; None where words cannot be read (`why_no_text` says why)."""
    embedding_set = active_set(project)
    if embedding_set is None or why_no_text(project):
        return None
    return TextReader(embedding_set)


def why_no_text(project: Project) -> str:
    """Why the pool cannot be searched by words, in one sentence; empty if it can."""
    from coldstart.embeddings import text

    embedding_set = active_set(project)
    if embedding_set is None:
        return "Nothing is embedded yet."
    return text.why_no_text(embedding_set)


def search_text(project: Project, words: str, *, limit: int = 500) -> list[int]:
    """Ids of the usable images that the words describe best, the best first.

    Raises
    ------
    ColdstartError : no words, or the active set's encoder reads none.
    """
    if not words.strip():
        raise ColdstartError("Nothing to search for was typed.", "Describe what you look for.")
    why_not = why_no_text(project)
    reader = text_reader(project)
    if reader is None:
        raise ColdstartError(why_not, "Compute an embedding set with CLIP or SigLIP.")
    (query,) = reader.vectors([words.strip()])
    from coldstart.workflow.find import nearest_to

    return nearest_to(project, query, limit=limit)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
