"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import BACKENDS, migrated_database, new_database

from coldstart.store import ScannedImage, Store


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, without tables."""
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with the images 1 to 6."""
    with migrated_database(request.param, tmp_path) as url:
        store = Store(url)
        store.images.save(
            [
                ScannedImage(None, 0, f"{i}.png", 1, 1, f"hash{i}", 1, 1, "PNG", None, None)
                for i in range(6)
            ]
        )
        yield store
