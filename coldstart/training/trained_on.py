"""What a model was trained on, so that a page can say whether it is up to date."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class TrainedOn:
    """The labels and the software behind a model.

    labels : how many. content_digest : hex SHA-256 over the sorted pairs of content hash and
    class; empty when no content hashes were given. embedding_set : its name. event_watermark : the
    newest label event that was seen. trained_at : ISO 8601 in UTC. versions : package -> version.
    """

    labels: int
    content_digest: str
    embedding_set: str
    event_watermark: int | None
    trained_at: str
    versions: dict[str, str]


def describe_training(
    class_names: Sequence[str],
    content_hashes: Sequence[str] | None,
    embedding_set: str,
    event_watermark: int | None,
) -> TrainedOn:
    """What is being trained on, now."""
    return TrainedOn(
        labels=len(class_names),
        content_digest="" if content_hashes is None else label_digest(content_hashes, class_names),
        embedding_set=embedding_set,
        event_watermark=event_watermark,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
    )


def label_digest(content_hashes: Sequence[str], class_names: Sequence[str]) -> str:
    """Hex SHA-256 of the labels, whatever their order: equal digests mean the same labels."""
    pairs = sorted(zip(content_hashes, class_names, strict=True))
    text = "\n".join(f"{content_hash}\t{name}" for content_hash, name in pairs)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Python and the packages that a model depends on, by name."""
    found = {"python": platform.python_version()}
    for package in ("coldstart", "numpy", "scipy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that was never installed
            found[package] = "unknown"
    return found
