"""A finished batch refits the probe by itself."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from uuid import uuid4

import pytest

from coldstart.project import Project
from coldstart.server.messages import SentEvent
from coldstart.ui.refit import refit
from coldstart.ui.routes import ProjectGate
from coldstart.workflow.select import select
from coldstart.workflow.train import train


def test_the_last_label_of_a_batch_starts_a_training(
    labelled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ran = [], threading.Event()

    def submit(project: Project, kind: str, arguments: Sequence[str] = (), by: str = "") -> int:
        started.append((kind, list(arguments)))
        ran.set()
        return 1

    monkeypatch.setattr("coldstart.jobs.submit", submit)
    train(labelled)
    report = select(labelled, "random", 2, audit_share=0)
    dark = labelled.store.labels.add_class("dark").class_id
    gate = ProjectGate()

    def label(image_id: int) -> int | None:
        event = SentEvent(str(uuid4()), image_id, "class", dark, report.batch_id, None, 1.0)
        return gate.append_events(labelled.directory, [event], "ann").batch_left

    assert label(report.image_ids[0]) == 1
    assert not started
    assert label(report.image_ids[1]) == 0
    assert ran.wait(60)
    assert started == [("train", [])]


def test_it_is_left_alone_where_it_would_change_nothing(
    labelled: Project, embedded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldstart.jobs.submit", lambda *_, **__: 7)
    assert refit(labelled) == 7
    assert refit(labelled.set(refit=False)) is None
    train(labelled)
    assert refit(labelled) is None
