"""Eight people label one queue over HTTP at once, on either database: nothing twice, nothing lost.

`benchmarks/team.py` prints how long the answers take.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from databases import BACKENDS, new_database
from simulated_team import app_server, label_everything, queued_project

IMAGES, PEOPLE = 1_000, 8


@pytest.mark.parametrize("backend", BACKENDS)
def test_eight_people_share_a_queue_and_nothing_is_lost_or_done_twice(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDSTART_SECRET", "for the tests")
    monkeypatch.setenv("COLDSTART_PROJECTS", str(tmp_path / "projects"))
    with new_database(backend, tmp_path) as url:
        project = queued_project(tmp_path / "projects" / "team", url, IMAGES)
        with app_server(tmp_path / "projects") as server:
            run = label_everything(project, server.port, PEOPLE)
        waiting = project.store.batches.waiting()
        project.store.close()
    slow = np.percentile(run.answers_ms(), 95)
    print(
        f"{backend}: {len(run.stored) / run.seconds:.0f} labels/s, p95 of the answer {slow:.0f} ms"
    )
    assert [reason for one in run.people.values() for reason in one.refused] == []
    assert all(one.handed for one in run.people.values())
    assert (run.double_assigned, run.lost, run.twice) == (0, 0, 0)
    assert len({row[1] for row in run.stored}) == len(run.stored) == IMAGES
    assert waiting == []
